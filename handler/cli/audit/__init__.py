"""`nightdrop audit`: prepare the audit log, read it, export it and verify its chain."""

from __future__ import annotations

import click

from handler.audit.open_log import init_log
from handler.cli.audit.checkpoint import checkpoint, key
from handler.cli.audit.export import export
from handler.cli.audit.list import list_
from handler.cli.audit.lock import lock
from handler.cli.audit.probe import probe
from handler.cli.audit.rebuild import rebuild
from handler.cli.audit.serve import serve
from handler.cli.audit.show import show
from handler.cli.audit.stats import stats
from handler.cli.audit.verify import verify
from handler.cli.shared_options import audit_option, exit_on_log_error

__all__ = ["audit", "audit_option"]


@click.group()
def audit() -> None:
    """Prepare the audit log, read it, export it and verify its chain."""


@audit.command()
@audit_option
@click.option(
    "--role", default="", help="The function's role in the database: grant it what it needs."
)
def init(address: str, role: str) -> None:
    """Create the tables of a log in PostgreSQL; safe to repeat.

    Prints the grants that the function's role needs; --role applies them. Run it as another role,
    which then owns the tables: the function must not be able to change records.

    \b
      nightdrop audit init --audit postgresql://owner@host/nightdrop --role nightdrop_function
    """
    with exit_on_log_error():
        grants = init_log(address, role)
    if not grants:
        click.echo("A log in SQLite or OBS needs no preparation: it is created on first use.")
        return
    click.echo("-- The tables are ready. " + ("Granted:" if role else "The function's role needs:"))
    for grant in grants:
        click.echo(grant)


for command in (list_, show, stats, export, serve, verify, rebuild, checkpoint, key, probe, lock):
    audit.add_command(command)
