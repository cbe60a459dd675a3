"""`nightdrop policy`: what the policy allows, and what it decides about a file."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click
from rich.markup import escape
from rich.text import Text

from handler.cli.configuration.environment import cloud_environment, environment
from handler.cli.console import exit_with_error, printable, prose, screen
from handler.cli.open_stores import open_obs
from handler.cli.rollouts.rollout_row import operator_times
from handler.cli.shared_options import EXISTING_FILE, policy_option
from handler.errors import NightdropError, SpecRejectedError
from handler.parsing import Limits, read
from handler.policy.decision import Origin, decide
from handler.policy.plan_demands import demands_of
from handler.policy.policy_file import policy_schema
from handler.policy.policy_reader import load_policy
from handler.policy.sentences import rule_sentences
from handler.policy.verdict import BUILT_IN_NAME
from handler.specs.node_names import plan_without_fleet
from handler.triggers.object_event import SPEC_NAMES, is_spec_name
from handler.values.canonical_json import key_of
from handler.values.display import display
from handler.values.duration import seconds_of
from handler.values.obs_address import OBS, parse_obs_object

if TYPE_CHECKING:
    from pathlib import Path

    from handler.policy.rules import Policy
    from handler.policy.verdict import PolicyDecision
    from handler.specs.planner import Plan


@click.group()
def policy() -> None:
    """Show what the policy allows, and check job specs against it.

    \b
      nightdrop policy explain
      nightdrop policy check app.yaml --as drop/team-a/app.yaml --policy policy.yaml
    """


@policy.command(short_help="Decide about job specs; nothing is sent.")
@click.argument("files", nargs=-1, required=True, type=EXISTING_FILE)
@click.option(
    "--as",
    "origin",
    required=True,
    metavar="SOURCE",
    help="Where the files come from: an object's key or obs://bucket/key, timer:NAME, or direct.",
)
@click.option(
    "--uploader",
    default="",
    metavar="ACCOUNT[/PRINCIPAL]",
    help="Who uploaded them, as the event of an object says.",
)
@policy_option
def check(files: tuple[Path, ...], *, origin: str, uploader: str, address: str) -> None:
    """Decide about job-spec FILES as if they came from SOURCE; nothing is sent.

    Where a rule names no longest valid_for, NIGHTDROP_VALID_FOR counts (6h if it is not set).

    Exit status: 0 all are allowed, 1 any is not, 2 a file or the policy cannot be used.

    \b
      nightdrop policy check events/specs/nightly-upgrade.yaml --as timer:nightly
      nightdrop policy check app.yaml --as drop/team-a/app.yaml --policy policy.yaml
    """
    rules, come_from = read_policy_at(address), origin_named(origin, uploader)
    decisions = [(file, _decide(file, rules, come_from)) for file in files]
    for file, decision in decisions:
        _print(file, decision)
    sys.exit(1 if any(decision.problems for _, decision in decisions) else 0)


@policy.command(short_help="Print the rules as sentences.")
@policy_option
def explain(address: str) -> None:
    """Print the rules of the policy as sentences, in the order they are tried.

    \b
      nightdrop policy explain
      nightdrop policy explain --policy policy.yaml
    """
    for number, rule in enumerate(read_policy_at(address).rules, start=1):
        for line in rule_sentences(number, rule):
            click.echo(printable(line))


@policy.command(short_help="Print the policy's JSON Schema.")
def schema() -> None:
    """Print the JSON Schema of a policy file, for editors.

    \b
      nightdrop policy schema > policy.schema.json
      nightdrop policy schema | jq .properties
    """
    click.echo(json.dumps(policy_schema(), indent=2))


def read_policy_at(address: str) -> Policy:
    """Return the policy at a path or in OBS; the built-in one for `built-in` and for "".

    Exits if it cannot be read or is not valid.
    """
    try:
        named = "" if address == BUILT_IN_NAME else address
        return load_policy(named, lambda: open_obs(cloud_environment()))
    except NightdropError as error:
        cause = str(error.__cause__ or error)
        exit_with_error(cause if cause.startswith(address) else f"{address}: {cause}")


def origin_named(source: str, uploader: str = "") -> Origin:
    """Return the origin that a person names: an object's key or address, `timer:NAME`, or `direct`.

    Raises:
        click.UsageError: It is neither, or names no object or timer.
    """
    if source == "direct":
        return Origin("direct")
    if source.startswith("timer:") and source != "timer:":
        return Origin("timer", source.removeprefix("timer:"))
    account, _, principal = uploader.partition("/")
    try:
        bucket, key = parse_obs_object(source) if source.startswith(OBS) else ("", source)
    except ValueError as error:
        raise click.UsageError(f"--as: {error}") from None
    if not is_spec_name(key):
        raise click.UsageError(
            f"{display(source)} is no source: {SPEC_NAMES}; others are timer:NAME and direct"
        )
    return Origin("object", key, bucket, account, principal)


def decide_plan(plan: Plan, rules: Policy, origin: Origin) -> PolicyDecision:
    """Return what a policy decides about a plan, with the NIGHTDROP_VALID_FOR of the environment.

    Raises:
        click.UsageError: NIGHTDROP_VALID_FOR is not a duration.
    """
    try:
        valid_for = seconds_of(environment().get("NIGHTDROP_VALID_FOR") or "6h")
    except ValueError as error:
        raise click.UsageError(f"NIGHTDROP_VALID_FOR: {error}") from None
    return decide(rules, origin, demands_of(plan), valid_for)


def _decide(file: Path, rules: Policy, origin: Origin) -> PolicyDecision:
    try:
        documents = read(file.read_bytes(), Limits())
        plan = plan_without_fleet(key_of(str(file)), documents, operator_times().grace)
    except SpecRejectedError as error:
        exit_with_error(f"{printable(file)} is not a valid spec:\n{error}")
    return decide_plan(plan, rules, origin)


def _print(file: Path, decision: PolicyDecision) -> None:
    console, name = screen(), escape(printable(file))
    word = "[bold red]✗[/]" if decision.problems else "[bold green]✓[/]"
    what = "refused" if decision.problems else f"allowed by rule {decision.rule}"
    console.print(f"{word} [bold]{name}[/]: {what}", highlight=False)
    if decision.approval and not decision.problems:
        console.print(Text("  once it is approved by someone else"), highlight=False)
    if decision.limit and not decision.problems:
        most = f"at most {decision.limit.jobs} jobs in 24 hours, which only the log can count"
        console.print(Text(f"  {most}"), highlight=False, soft_wrap=True)
    for problem in decision.problems:
        console.print(Text(f"  {prose(str(problem))}"), highlight=False, soft_wrap=True)
