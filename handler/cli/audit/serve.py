"""`nightdrop audit serve`: the log as a page in the browser, on this machine alone."""

from __future__ import annotations

import signal
import socket
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from handler.cli.audit.web.report_tables import copy_facts
from handler.cli.console import complain
from handler.cli.shared_options import audit_option, exit_on_log_error

if TYPE_CHECKING:
    from collections.abc import Iterator

DEFAULT_PORT = 8090


@click.command(short_help="The log as a page in the browser.")
@audit_option
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=DEFAULT_PORT,
    show_default=True,
    help="The port on 127.0.0.1; 0 takes any that is free.",
)
@click.option("--sql", "own_sql", is_flag=True, help="Run queries of your own: SQL, read-only.")
def serve(address: str, port: int, *, own_sql: bool) -> None:
    """Show a read-only copy of the log in the browser, until Ctrl-C.

    A dashboard, every delivery and job as a timeline, and ready-made questions; with --sql also
    queries of your own, of at most 5 seconds and 1,000 rows. Listens on 127.0.0.1 only and loads
    nothing from elsewhere; needs the extra "page".

    \b
      nightdrop audit serve --audit sqlite:///nightdrop.db
    """
    try:
        from handler.cli.audit.web.server import run  # noqa: PLC0415 - an extra
    except ImportError:
        complain("the page needs Datasette; in a checkout, `make .venv/.dev` installs it")
        sys.exit(2)
    with (
        _ended(),
        TemporaryDirectory(prefix="nightdrop-page-") as folder,
        _listening(port) as place,
    ):
        copy = Path(folder) / "nightdrop.db"
        with exit_on_log_error():
            copy_facts(address, copy)
        click.echo(f"The audit log is at http://127.0.0.1:{place.getsockname()[1]}/ until Ctrl-C.")
        run(copy, place, own_sql=own_sql)


@contextmanager
def _ended() -> Iterator[None]:
    """Let SIGTERM end the block as Ctrl-C does, so that nothing is left behind."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with suppress(KeyboardInterrupt):
            yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _listening(port: int) -> socket.socket:
    try:
        return socket.create_server(("127.0.0.1", port))
    except OSError:
        complain(f"port {port} is taken; name another with --port")
        sys.exit(2)
