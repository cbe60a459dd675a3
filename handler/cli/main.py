"""The `nightdrop` command: one group, one module per noun."""

from __future__ import annotations

import click

from handler.cli.audit import audit
from handler.cli.brake import hold, job, release
from handler.cli.demo import demo
from handler.cli.dev import dev
from handler.cli.emulator import emulator
from handler.cli.events import events
from handler.cli.invoke import invoke
from handler.cli.reconcile import reconcile
from handler.cli.schema import schema
from handler.cli.validate import validate


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="nightdrop")
def main() -> None:
    """Scheduled upgrades and file-drop deployments for an edge fleet on Huawei Cloud.

    \b
    See it work, on this machine alone:
      nightdrop demo
    \b
    Try a job spec of your own:
      nightdrop validate my-jobs.yaml
      nightdrop emulator --env-file emulator.env &
      env $(cat emulator.env) NIGHTDROP_AUDIT=sqlite:///my.db nightdrop invoke event.json
      nightdrop audit list --audit sqlite:///my.db
    """


for command in (
    invoke,
    reconcile,
    hold,
    release,
    job,
    validate,
    emulator,
    audit,
    schema,
    events,
    demo,
    dev,
):
    main.add_command(command)
