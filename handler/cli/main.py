"""The `nightdrop` command: one group, one module per noun, imported when its command is used."""

from __future__ import annotations

import os
from pathlib import Path

import click

from handler.cli.command_group import Command, CommandGroup
from handler.cli.configuration.environment import Configuration

COMMANDS = {
    "approve": Command("function.hold", "Approve a file that awaits approval."),
    "audit": Command("audit", "Prepare the audit log, read it, export it and verify its chain."),
    "config": Command("configuration.config", "Show the settings, and where each comes from."),
    "demo": Command("dev.demo", "Watch it work: a nightly upgrade, a file drop, a broken file."),
    "dev": Command("dev.dev", "FunctionGraph on your machine: drop files, watch jobs."),
    "doctor": Command(
        "function.doctor", "Check a deployment: keys, rights, clock, log, work, limits."
    ),
    "drop": Command("specs.drop", "Upload spec files, and follow their jobs."),
    "emulator": Command("dev.emulator", "Run a local emulator of IEF, OBS and SMN."),
    "events": Command("dev.events", "Write sample events of every trigger."),
    "groups": Command("fleet.nodes", "List the node groups of the fleet."),
    "hold": Command("function.hold", "Send nothing new until `release`."),
    "infra": Command("function.infra", "Write the Terraform of a deployment."),
    "init": Command("configuration.init", "Write a first spec and a profile."),
    "invoke": Command("function.invoke", "Run the function once on an event."),
    "jobs": Command("jobs", "List, show and watch jobs; pause, resume, retry or delete them."),
    "nodes": Command("fleet.nodes", "List the edge nodes of the fleet."),
    "package": Command("function.package", "Build the zip that FunctionGraph runs."),
    "plan": Command("function.plan", "What the function would do with spec files."),
    "policy": Command("specs.policy", "Show what the policy allows; check a file against it."),
    "probe": Command(
        "function.probe", "Check what is assumed about the cloud; read-only by default."
    ),
    "reconcile": Command("function.invoke", "Run the reconciler once: settle, resume, follow."),
    "release": Command("function.hold", "Release a hold; the next reconciler run resumes."),
    "rollout": Command(
        "rollouts", "List, show and watch rollouts; pause, resume, approve, stop or retry them."
    ),
    "schema": Command("specs.schema", "Print the job spec's JSON Schema."),
    "status": Command("status.status", "What waits, what runs, what failed."),
    "validate": Command("specs.validate", "Check job specs; nothing is sent."),
}
"""All commands."""


_PACKAGES = ("huaweicloudsdkcore", "pydantic", "functions-framework")


def _print_versions(context: click.Context) -> None:
    """Print what an error report needs, and end the command."""
    from importlib.metadata import PackageNotFoundError, version
    from platform import python_version

    from handler.audit.format_version import VERSION

    click.echo(f"nightdrop {version('nightdrop')}\nPython {python_version()}")
    for package in _PACKAGES:
        try:
            click.echo(f"{package} {version(package)}")
        except PackageNotFoundError:
            click.echo(f"{package} is not installed")
    click.echo(f"log layout {VERSION}")
    context.exit()


@click.group(
    cls=CommandGroup,
    lazy=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=lambda context, _option, asked: _print_versions(context) if asked else None,
    help="Print the versions that matter, and exit.",
)
@click.option("--profile", metavar="NAME", help="A profile of nightdrop.toml.")
@click.option(
    "--env-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="NAME=value lines with settings; the environment counts more.",
)
@click.pass_context
def main(context: click.Context, profile: str | None, env_file: Path | None) -> None:
    """Scheduled upgrades and file-drop deployments for an edge fleet on Huawei Cloud.

    \b
    Run the local demo:
      nightdrop demo
    \b
    Try a job spec of your own:
      nightdrop validate my-job.yaml
      export NIGHTDROP_AUDIT=sqlite:///my.db
      nightdrop emulator -- nightdrop invoke my-job.yaml
      nightdrop audit list
    """
    context.obj = Configuration(os.environ, profile, env_file)
