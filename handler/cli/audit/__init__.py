"""`nightdrop audit`: prepare the audit log, read it, export it and verify its chain."""

from __future__ import annotations

import click

from handler.cli.lazy_group import LazyCommand, LazyGroup

COMMANDS = {
    "init": LazyCommand("audit.store", "Create the tables of a log in PostgreSQL; safe to repeat."),
    "list": LazyCommand("audit.list", "The latest records.", "list_"),
    "show": LazyCommand("audit.show", "The timeline of one delivery or job."),
    "stats": LazyCommand("audit.stats", "Counts and times per day, failures, open work."),
    "export": LazyCommand("audit.export", "The log as JSON Lines, CSV or OCSF events."),
    "serve": LazyCommand("audit.serve", "The log as a web page."),
    "verify": LazyCommand("audit.verify", "Verify the log: its chain, its store, its checkpoints."),
    "rebuild": LazyCommand("audit.store", "Rebuild everything that is derived from the records."),
    "checkpoint": LazyCommand("audit.checkpoint", "Write a checkpoint of the log's head now."),
    "key": LazyCommand("audit.checkpoint", "Make a key that signs checkpoints."),
    "probe": LazyCommand("audit.store", "Try on a real bucket what a log in it relies on."),
    "lock": LazyCommand("audit.store", "Lock a bucket for checkpoints: write once, read many."),
}
"""The commands; the sentences repeat the `short_help` of each."""


@click.group(cls=LazyGroup, lazy=COMMANDS)
def audit() -> None:
    """Prepare the audit log, read it, export it and verify its chain.

    \b
      nightdrop audit list --audit sqlite:///nightdrop.db
      nightdrop audit verify --audit sqlite:///nightdrop.db
    """
