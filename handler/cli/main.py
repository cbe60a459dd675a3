"""The `nightdrop` command: one group, one module per noun, imported when its command is used."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import click

from handler.cli.configuration.environment import Configuration
from handler.errors import NightdropError


class _Command(NamedTuple):
    """A command's module and its line in `nightdrop --help`, which does not import it."""

    module: str
    help: str


COMMANDS = {
    "approve": _Command("function.hold", "Approve a file that awaits approval."),
    "audit": _Command("audit", "Prepare the audit log, read it, export it and verify its chain."),
    "config": _Command("configuration.config", "Show the settings, and where each comes from."),
    "demo": _Command("dev.demo", "Watch it work: a nightly upgrade, a file drop, a broken file."),
    "dev": _Command("dev.dev", "FunctionGraph on your machine: drop files, watch jobs."),
    "doctor": _Command(
        "function.doctor", "Check a deployment: keys, rights, clock, log, work, limits."
    ),
    "drop": _Command("function.drop", "Upload spec files, and follow their jobs."),
    "emulator": _Command("dev.emulator", "Run a local emulator of IEF and OBS."),
    "events": _Command("dev.events", "Write sample events of every trigger."),
    "groups": _Command("fleet.nodes", "List the node groups of the fleet."),
    "hold": _Command("function.hold", "Send nothing new until `release`."),
    "init": _Command("configuration.init", "Write a first spec and a profile."),
    "invoke": _Command("function.invoke", "Run the function once on an event."),
    "job": _Command("function.hold", "Decide about one job by hand."),
    "nodes": _Command("fleet.nodes", "List the edge nodes of the fleet."),
    "package": _Command("function.package", "Build the zip that FunctionGraph runs."),
    "plan": _Command("function.plan", "What the function would do with spec files."),
    "policy": _Command("function.policy", "Show what the policy allows; check a file against it."),
    "probe": _Command(
        "function.probe", "Check what is assumed about the cloud; read-only by default."
    ),
    "reconcile": _Command("function.invoke", "Run the reconciler once: settle, resume, follow."),
    "release": _Command("function.hold", "Release a hold; the next reconciler run resumes."),
    "schema": _Command("function.schema", "Print the job spec's JSON Schema."),
    "validate": _Command("function.validate", "Check job specs; nothing is sent."),
}
"""All commands; the sentences repeat the `short_help` of each."""


class _Group(click.Group):
    """A group that imports a command when it is used, and reports the error that ends it."""

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - as inherited
        """Run a command; one that raises one of Nightdrop's errors exits with status 2."""
        try:
            return super().invoke(ctx)
        except NightdropError as error:
            from handler.cli.console import exit_with_error

            exit_with_error(str(error))

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands' names."""
        return [*COMMANDS, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command; None if it does not exist."""
        if cmd_name not in COMMANDS:
            return super().get_command(ctx, cmd_name)
        module = import_module(f"handler.cli.{COMMANDS[cmd_name].module}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name].help) for name in COMMANDS])


@click.group(
    cls=_Group,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="nightdrop")
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
