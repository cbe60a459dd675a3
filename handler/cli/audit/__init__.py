"""`nightdrop audit`: prepare the audit log, read it, export it and verify its chain."""

from __future__ import annotations

import click

from handler.cli.command_group import Command, CommandGroup

COMMANDS = {
    "init": Command("audit.store", "Create the tables of a log in PostgreSQL; safe to repeat."),
    "list": Command("audit.list", "The latest records."),
    "show": Command("audit.show", "The timeline of one delivery, rollout or job."),
    "stats": Command("audit.stats", "Counts and times per day, failures, open work."),
    "export": Command("audit.export", "The log as JSON Lines, CSV or OCSF events."),
    "serve": Command("audit.serve", "The log as a web page."),
    "verify": Command("audit.verify", "Verify the log: its chain, its store, its checkpoints."),
    "rebuild": Command("audit.store", "Rebuild everything that is derived from the records."),
    "checkpoint": Command("audit.checkpoint", "Write a checkpoint of the log's head now."),
    "key": Command("audit.checkpoint", "Generate a key pair that signs checkpoints."),
    "probe": Command("audit.store", "Try on a real bucket what a log in it relies on."),
    "lock": Command("audit.store", "Lock a bucket for checkpoints: write once, read many."),
}
"""All commands."""


@click.group(cls=CommandGroup, lazy=COMMANDS)
def audit() -> None:
    """Prepare the audit log, read it, export it and verify its chain.

    \b
      nightdrop audit list --audit sqlite:///nightdrop.db
      nightdrop audit verify --audit sqlite:///nightdrop.db
    """
