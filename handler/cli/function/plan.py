"""`nightdrop plan`: what the function would do with spec files, without doing it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click
from rich.markup import escape
from rich.text import Text

from handler.cli.configuration.environment import cloud_environment
from handler.cli.console import jobs_table, printable, prose, screen
from handler.cli.listing import Listing, print_table, print_value
from handler.cli.shared_options import format_choice
from handler.cli.specs.spec_file import SPEC_FILE, drop_address, read_spec_file
from handler.settings import load
from handler.values.display import quantity
from handler.values.obs_address import OBS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from handler.settings import Settings

_TARGETS = Listing(("job_name", "target", "state", "note"), name="job_name", empty="")
_WORDS = {
    "completed": ("[bold green]✓[/]", "would be created"),
    "duplicate": ("[bold]=[/]", "nothing to do: it was run before"),
    "awaiting": ("[bold yellow]…[/]", "would wait for approval"),
    "rejected": ("[bold red]✗[/]", "would be rejected"),
}
_TYPES = {"node_group": "group", "deployment": "deployment"}


@click.command()
@click.argument("files", nargs=-1, required=True, type=SPEC_FILE)
@click.option(
    "--as",
    "source",
    metavar="SOURCE",
    help="Where the files would come from: obs://bucket/key, an object's key, or direct.  "
    "[default: as `nightdrop drop` would name it; direct without NIGHTDROP_BUCKETS]",
)
@format_choice("table", "json", "yaml")
def plan(files: Sequence[str], *, source: str | None, output: str) -> None:
    """Say what the function would do with spec FILES now: nothing is recorded, nothing is sent.

    The answer has the jobs with their targets and the state of each node, whether the log knows
    the file already, and what the policy decides. - reads standard input. Exit status: 0 all
    would be created or were run before, 1 one would be rejected, 2 wrong settings, 75 one would
    wait for approval, or a service cannot be reached.

    \b
      nightdrop plan upgrade.yaml
      nightdrop plan --as drop/upgrade.yaml -o json upgrade.yaml
    """
    from handler.cli.function.invoke import STATUS

    settings = load(lambda _name: None, cloud_environment())
    replies = [_planned(file, source, settings) for file in files]
    for file, reply in zip(files, replies, strict=True):
        if output == "table":
            _show(file, reply)
        else:
            print_value({"file": file, **_parts(reply)}, output)
    sys.exit(max(STATUS[str(reply["outcome"])] for reply in replies))


def _planned(path: str, source: str | None, settings: Settings) -> dict[str, Any]:
    from handler.cli.function.invoke import answer, drop_line

    file = read_spec_file(path)
    if source is None and settings.buckets:
        source = f"{settings.prefix}{file.name}"
    address = "" if source in {None, "direct"} else str(source)
    if address and not address.startswith(OBS):
        address = drop_address(settings, address)
    text = file.data.decode("utf-8", "surrogateescape")
    event = {"action": "plan", "spec": text, **({"object": address} if address else {})}
    return answer(event, drop_line)


def _parts(reply: dict[str, Any]) -> dict[str, Any]:
    names = ("outcome", "plan", "errors", "warnings")
    return {name: reply[name] for name in names if name in reply}


def _show(file: str, reply: dict[str, Any]) -> None:
    console, planned = screen(), reply.get("plan", {})
    sign, word = _WORDS[str(reply["outcome"])]
    jobs, outcome = planned.get("jobs", []), reply["outcome"]
    rollouts = planned.get("rollouts", [])
    asked = [quantity(len(jobs), "job")] if jobs else []
    asked += [quantity(len(rollouts), "rollout")] if rollouts else []
    counted = f"{' and '.join(asked)} " if outcome in {"completed", "awaiting"} else ""
    console.print(f"{sign} [bold]{escape(printable(file))}[/]: {counted}{word}", highlight=False)
    for line in [*reply["errors"], *reply.get("warnings", [])]:
        console.print(Text(f"  {prose(line)}"), highlight=False, soft_wrap=True)
    if "jobs_left" in planned:
        rule, left = planned["rule"], planned["jobs_left"]
        console.print(f"  rule {rule} leaves room for {left} jobs now", highlight=False)
    if outcome == "duplicate":
        _show_repeated(planned, console)
        return
    if jobs and outcome != "rejected":
        print_table([_row(job, target) for job in jobs for target in job["targets"]], _TARGETS)
    if rollouts:
        from handler.cli.function.rollout_plan import print_rollout_plans

        print_rollout_plans(planned, outcome, console)


def _show_repeated(planned: dict[str, Any], console: Console) -> None:
    if planned.get("repeated_jobs"):
        console.print(jobs_table(planned["repeated_jobs"]))
    if planned.get("repeated_rollouts"):
        from handler.cli.rollouts.rollout_row import print_rollouts

        print_rollouts(planned["repeated_rollouts"])


def _row(job: dict[str, Any], target: dict[str, Any]) -> dict[str, str]:
    kind = _TYPES.get(str(target["type"]), "")
    upgrades = str(job["job_type"]) == "node_upgrade" and "upgradable" in target
    note = "" if not upgrades or target["upgradable"] else "has the newest EdgeCore already"
    return {
        "job_name": str(job["job_name"]),
        "target": str(target.get("name") or f"{kind} {target['id']}".strip()),
        "state": str(target.get("state", "")),
        "note": note,
    }
