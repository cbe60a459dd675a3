"""`nightdrop reconcile`: run one tick."""

from __future__ import annotations

import sys

import click

from handler.cli.function.invoke import DONE, LATER, exit_status, run


@click.command(short_help="Run one tick: settle, resume, follow up.")
@click.option("--json", "as_json", is_flag=True, help="Print the reply alone, as JSON.")
def reconcile(*, as_json: bool) -> None:
    """Settle what is unknown, resume what waits, follow what runs; the same as a tick in the cloud.

    Settings come from the environment. Exit status: 0 nothing is open, 1 something went wrong, such
    as a job that failed on the fleet, 75 something is still open, or could not be looked for.

    \b
      until nightdrop reconcile; do sleep 60; done
    """
    reply = run({"action": "reconcile"}, as_json=as_json)
    status = exit_status(reply)
    sys.exit(LATER if status == DONE and any(reply["open"].values()) else status)
