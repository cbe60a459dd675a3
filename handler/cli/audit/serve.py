"""`nightdrop audit serve`: the log as a web page, on this machine only."""

from __future__ import annotations

import signal
import socket
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from handler.cli.audit.web.first_view import write_first_view
from handler.cli.audit.web.report_tables import write_page_copy
from handler.cli.console import exit_with_error
from handler.cli.shared_options import audit_option, exit_on_log_error

if TYPE_CHECKING:
    from collections.abc import Iterator

DEFAULT_PORT = 8090


@click.command()
@audit_option
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=DEFAULT_PORT,
    show_default=True,
    help="The port on 127.0.0.1; 0 takes any free one.",
)
@click.option("--sql", "own_sql", is_flag=True, help="Allow SQL queries of your own, read-only.")
def serve(address: str, port: int, *, own_sql: bool) -> None:
    """Show a read-only copy of the log in the browser, until Ctrl-C.

    Begins with what waits, runs and failed when it is started, as `nightdrop status`. Has a
    dashboard, a timeline of every delivery and job, and prepared queries; with --sql also
    queries of your own, within 5 seconds and 1,000 rows. Listens on 127.0.0.1 only and loads
    nothing from other hosts. Needs the extra "page".

    \b
      nightdrop audit serve --audit sqlite:///nightdrop.db
      nightdrop audit serve --port 0 --sql
    """
    try:
        from handler.cli.audit.web.server import run_page
    except ImportError:
        exit_with_error("the page needs Datasette; in a checkout, `make .venv/.dev` installs it")
    with (
        _until_stopped(),
        TemporaryDirectory(prefix="nightdrop-page-") as folder,
        _listen(port) as listener,
    ):
        copy = Path(folder) / "nightdrop.db"
        with exit_on_log_error():
            write_page_copy(address, copy)
            write_first_view(address, copy)
        click.echo(
            f"The audit log is at http://127.0.0.1:{listener.getsockname()[1]}/ until Ctrl-C."
        )
        run_page(copy, listener, own_sql=own_sql)


@contextmanager
def _until_stopped() -> Iterator[None]:
    """End the block on SIGTERM as on Ctrl-C, so that its temporary files are removed."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with suppress(KeyboardInterrupt):
            yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _listen(port: int) -> socket.socket:
    try:
        return socket.create_server(("127.0.0.1", port))
    except OSError:
        exit_with_error(f"port {port} is taken; name another with --port")
