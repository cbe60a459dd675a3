"""`nightdrop reconcile`: run the reconciler once."""

from __future__ import annotations

import sys

import click

from handler.cli.function.invoke import DONE, LATER, exit_status, run


@click.command(short_help="Run the reconciler once: settle, resume, follow.")
@click.option("--json", "as_json", is_flag=True, help="Print the reply alone, as JSON.")
def reconcile(*, as_json: bool) -> None:
    """Run the reconciler once: settle unknown jobs, resume waiting ones, follow running ones.

    Settings come from the environment. Exit status: 0 nothing is open, 1 an error, such as a job
    that failed on the fleet, 75 work is still open, or the bucket could not be scanned.

    \b
      until nightdrop reconcile; do sleep 60; done
    """
    reply = run({"action": "reconcile"}, as_json=as_json)
    status = exit_status(reply)
    sys.exit(LATER if status == DONE and any(reply["open"].values()) else status)
