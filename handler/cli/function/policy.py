"""`nightdrop policy`: what the policy allows, and what it decides about a file."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click
from rich.markup import escape
from rich.text import Text

from handler.cli.console import printable, prose, screen
from handler.errors import PolicyError, SpecRejectedError
from handler.parsing import Limits, read
from handler.policy.decision import Origin, PolicyDecision, decide
from handler.policy.demand import demand_of
from handler.policy.rules import BUILT_IN, Policy, policy_schema, read_policy
from handler.policy.sentences import rule_sentences
from handler.specs.planner import make_plan
from handler.values.canonical_json import key_of
from handler.values.duration import seconds_of

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_POLICY = click.option(
    "--policy",
    "policy_file",
    type=_FILE,
    envvar="NIGHTDROP_POLICY",
    help="The policy's file; the built-in policy without it.",
)


@click.group(short_help="Show what the policy allows; check a file against it.")
def policy() -> None:
    """Show what the policy allows, and check job specs against it."""


@policy.command(short_help="Decide about job specs; nothing is sent.")
@click.argument("files", nargs=-1, required=True, type=_FILE)
@click.option(
    "--as",
    "origin",
    required=True,
    metavar="SOURCE",
    help="Where the files come from: an object's key, timer:NAME, or direct.",
)
@click.option(
    "--uploader",
    default="",
    metavar="ACCOUNT[/PRINCIPAL]",
    help="Who uploaded them, as the event of an object says.",
)
@click.option(
    "--valid-for",
    default="6h",
    envvar="NIGHTDROP_VALID_FOR",
    show_default=True,
    help="The longest valid_for where the rule names none.",
)
@_POLICY
def check(
    files: tuple[Path, ...],
    *,
    origin: str,
    uploader: str,
    valid_for: str,
    policy_file: Path | None,
) -> None:
    """Decide about job-spec FILES as if they came from SOURCE; nothing is sent.

    Exit status: 0 all are allowed, 1 any is not, 2 a file or the policy cannot be used.

    \b
      nightdrop policy check events/specs/nightly-upgrade.yaml --as timer:nightly
      nightdrop policy check app.yaml --as drop/team-a/app.yaml --policy policy.yaml
    """
    rules, come_from = _policy(policy_file), _origin(origin, uploader)
    try:
        longest = seconds_of(valid_for)
    except ValueError as error:
        raise click.UsageError(f"--valid-for {error}") from None
    decisions = [(file, _decide(file, rules, come_from, longest)) for file in files]
    for file, decision in decisions:
        _print(file, decision)
    sys.exit(1 if any(decision.problems for _, decision in decisions) else 0)


@policy.command(short_help="Print the rules as sentences.")
@_POLICY
def explain(policy_file: Path | None) -> None:
    """Print the rules of the policy as sentences, in the order they are tried.

    \b
      nightdrop policy explain
      nightdrop policy explain --policy policy.yaml
    """
    for number, rule in enumerate(_policy(policy_file).rules, start=1):
        for line in rule_sentences(number, rule):
            click.echo(printable(line))


@policy.command(short_help="Print the policy's JSON Schema.")
def schema() -> None:
    """Print the JSON Schema of a policy file, for editors.

    \b
      nightdrop policy schema > policy.schema.json
    """
    click.echo(json.dumps(policy_schema(), indent=2))


def _policy(file: Path | None) -> Policy:
    try:
        return read_policy(file.read_bytes()) if file else BUILT_IN
    except PolicyError as error:
        raise click.UsageError(str(error)) from None


def _origin(source: str, uploader: str) -> Origin:
    if source == "direct":
        return Origin("direct")
    if source.startswith("timer:"):
        return Origin("timer", source.removeprefix("timer:"))
    account, _, principal = uploader.partition("/")
    return Origin("object", source, account, principal)


def _decide(file: Path, rules: Policy, origin: Origin, valid_for: int) -> PolicyDecision:
    try:
        plan = make_plan(key_of(str(file)), read(file.read_bytes(), Limits()))
    except SpecRejectedError as error:
        raise click.UsageError(f"{printable(file)} is not a valid spec: {error}") from None
    demands = [
        demand_of(job.body, document=job.document, valid_for=job.valid_for) for job in plan.jobs
    ]
    return decide(rules, origin, demands, valid_for)


def _print(file: Path, decision: PolicyDecision) -> None:
    console, name = screen(), escape(printable(file))
    word = "[bold red]✗[/]" if decision.problems else "[bold green]✓[/]"
    what = "refused" if decision.problems else f"allowed by rule {decision.number}"
    console.print(f"{word} [bold]{name}[/]: {what}", highlight=False)
    for problem in decision.problems:
        console.print(Text(f"  {prose(str(problem))}"), highlight=False, soft_wrap=True)
