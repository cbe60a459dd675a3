"""`nightdrop audit`: prepare the audit log, read it, export it and verify its chain."""

from __future__ import annotations

import click

from handler.cli.audit.checkpoint import checkpoint, key
from handler.cli.audit.export import export
from handler.cli.audit.list import list_
from handler.cli.audit.serve import serve
from handler.cli.audit.show import show
from handler.cli.audit.stats import stats
from handler.cli.audit.store import init, lock, probe, rebuild
from handler.cli.audit.verify import verify


@click.group()
def audit() -> None:
    """Prepare the audit log, read it, export it and verify its chain."""


for command in (
    *(init, list_, show, stats, export, serve),
    *(verify, rebuild, checkpoint, key, probe, lock),
):
    audit.add_command(command)
