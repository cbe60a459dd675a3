"""`nightdrop audit rebuild`: rebuild what is derived from the records."""

from __future__ import annotations

import getpass

import click

from handler.audit.rebuild import rebuild as rebuilt
from handler.cli.audit.records.open_log import obs_folders
from handler.cli.shared_options import audit_option, confirm, exit_on_log_error
from handler.values.obs_address import OBS


@click.command()
@audit_option
@click.option("--yes", is_flag=True, help="Do not ask first.")
def rebuild(address: str, *, yes: bool) -> None:
    """Rebuild everything that is derived from the records.

    The remedy where `audit verify` finds tables, indexes or states that differ from the records.
    No record is touched; one is added that says who did it. Bodies in the outbox cannot be derived
    and stay as they are. In PostgreSQL the owner of the tables rebuilds the tables; the
    function's role makes only what is in them.

    \b
      nightdrop audit rebuild --audit sqlite:///nightdrop.db
    """
    if not yes:
        confirm("The derived state is rebuilt from the records; no record is changed. Continue?")
    with exit_on_log_error():
        record = rebuilt(
            address,
            actor={"kind": "operator", "name": getpass.getuser()},
            folders=obs_folders() if address.startswith(OBS) else None,
        )
    click.echo(f"Rebuilt from {record.seq - 1} records; record {record.seq} says so.")
