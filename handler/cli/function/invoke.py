"""`nightdrop invoke` and `reconcile`: run the function once on an event, or the reconciler."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, TextIO, cast

import click
from rich.text import Text

from handler.audit.job_end import WRONG
from handler.cli.configuration.environment import cloud_environment
from handler.cli.console import (
    LATER,
    complain,
    exit_with_error,
    jobs_table,
    left_open,
    prose,
    screen,
)
from handler.cli.listing import print_value
from handler.cli.open_cloud import NO_CLOUD, names_cloud
from handler.cli.shared_options import format_choice
from handler.cli.specs.spec_file import LARGEST_PAYLOAD
from handler.errors import (
    EventRejectedError,
    NightdropError,
    PolicyError,
    Problem,
    SpecRejectedError,
)
from handler.function import handle
from handler.invocation.instance import open_instance
from handler.local.runtime.context import Context
from handler.local.runtime.http_invocation import decode_event
from handler.parsing import Limits, read
from handler.specs.planner import make_plan
from handler.triggers.event_parser import is_spec
from handler.values.canonical_json import key_of, short_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from handler.parsing import Document
    from handler.runtime.structured_log import Write

DONE, REJECTED, WRONG_SETTINGS = 0, 1, 2
"""Exit statuses, beside `LATER`."""

STATUS = {
    "completed": DONE,
    "submitted": DONE,
    "duplicate": DONE,
    "ignored": DONE,
    "awaiting": LATER,
    "deferred": LATER,
    "partial": REJECTED,
    "rejected": REJECTED,
}
reply_option = format_choice("table", "json", "yaml")
"""`-o` of a command that prints a reply."""

_SHOWN = {"outcome", "deliveries", "jobs", "rollouts", "errors", "warnings", "open", "head"}
"""What of a reply is shown for a person in words; the rest, such as a plan, is printed as it is."""

_COLOURS = {DONE: "green", REJECTED: "red", LATER: "yellow"}


@click.command()
@click.argument("event", type=click.File("rb"))
@reply_option
def invoke(event: TextIO, output: str) -> None:
    """Run the function once on EVENT, a file or - for standard input.

    EVENT is an event in JSON, or a job spec in JSON or YAML. An invalid spec is not run; its errors
    are printed. Settings come from the environment. Exit status: 0 done, 1 rejected, or a job or a
    rollout was refused or failed on the fleet, 2 wrong settings, 75 raised or deferred: a retry may
    succeed.

    \b
      nightdrop invoke events/timer-nightly.json
      nightdrop invoke events/specs/nightly-upgrade.yaml
      echo '{"kind": "node_upgrade", "name": "now", "targets": {"nodes": ["gateway-north-1"]}}' \\
        | nightdrop invoke -
    """
    try:
        payload = event_in(cast("bytes", event.read(LARGEST_PAYLOAD + 1)))
    except EventRejectedError as error:
        exit_with_error(f"{event.name} {error}", REJECTED)
    except SpecRejectedError as error:
        exit_with_error(
            f"{event.name} is neither an event in JSON nor a valid job spec:\n{error}", REJECTED
        )
    reply = _run(payload, output)
    sys.exit(exit_status(reply))


def exit_status(reply: dict[str, Any]) -> int:
    """Return the exit status for a reply; a failed job counts, even that of a duplicate."""
    status = STATUS[str(reply["outcome"])]
    wrong = any(job["state"] in WRONG for job in reply["jobs"])
    return REJECTED if wrong and status == DONE else status


def event_in(data: bytes) -> object:
    """Return the event in a file: JSON as the platform parses it, or a job spec in JSON or YAML.

    A spec is parsed as strictly as a dropped file.

    Raises:
        SpecRejectedError: It is neither; the message lists the errors with their lines.
        EventRejectedError: It contains several specs; the message ends with their errors.
    """
    event = decode_event(data)
    if not isinstance(event, str) and not (isinstance(event, dict) and is_spec(event)):
        return event
    documents = read(data, Limits(max_bytes=LARGEST_PAYLOAD))
    problems, value = _errors(documents), documents[0].value
    if len(documents) > 1:
        text = (
            f"has {len(documents)} job specs; an event has one: drop the file, or invoke them one "
            "by one"
        )
        raise EventRejectedError([Problem(text), *problems])
    if problems and isinstance(value, dict):
        raise SpecRejectedError(problems)
    return value if isinstance(value, dict) else event


def _errors(documents: Sequence[Document]) -> Sequence[Problem]:
    try:
        make_plan(key_of([]), documents)
    except SpecRejectedError as error:
        return error.problems
    return ()


def _run(event: object, output: str) -> dict[str, Any]:
    """Run the function once, print its reply and return it; exit if it raises.

    Unless the reply is printed for a person, log lines go to standard error.
    """
    reply = answer(event, _tell_doubt if output == "table" else _log)
    if output == "table":
        show(reply, screen())
    else:
        print_value(reply, output)
    return reply


def answer(event: object, write: Write) -> dict[str, Any]:
    """Run the function once and return its reply; exit if it raises."""
    environ = cloud_environment()
    context = Context.from_environment(environ)
    try:
        instance = open_instance(context, environ, write)
    except NightdropError as error:
        hint = "" if names_cloud(environ) else f"\n{NO_CLOUD}"
        exit_with_error(f"{error}{hint}", LATER if error.retryable else WRONG_SETTINGS)
    try:
        return handle(event, context, instance)
    except PolicyError as error:
        exit_with_error(str(error), WRONG_SETTINGS)
    except NightdropError as error:
        exit_with_error(f"{error}\nThe platform would deliver this event again.", LATER)
    finally:
        instance.close()


def show(reply: dict[str, Any], console: Console) -> None:
    """Print a reply for a person."""
    outcome = str(reply["outcome"])
    console.print(f"[bold {_COLOURS[exit_status(reply)]}]{outcome}[/]", highlight=False)
    if reply["jobs"]:
        console.print(jobs_table(reply["jobs"]))
    if reply.get("rollouts"):
        from handler.cli.rollouts.rollout_row import print_rollouts

        print_rollouts(reply["rollouts"])
    answers = {name: value for name, value in reply.items() if name not in _SHOWN}
    if answers:
        print_value(answers, "yaml")
    open_work = left_open(reply.get("open", {}))
    for error in [*reply["errors"], *reply.get("warnings", []), *open_work]:
        console.print(Text(f"• {prose(error)}"), highlight=False)
    head = reply["head"]
    console.print(
        f"log: record {head['seq']}, hash {short_key(head['hash'])}…", style="dim", highlight=False
    )


def _log(line: str) -> None:
    click.echo(line, err=True)


def _tell_doubt(line: str) -> None:
    """Print what a line says about the settings or the checkpoints; the reply has the rest."""
    said = json.loads(line)
    if said["action"] == "settings.doubted" or str(said.get("of", "")).startswith("log."):
        complain(str(said.get("note", said.get("of", ""))))


def drop_line(_line: str) -> None:
    """Write nothing: the printed reply says the same."""


@click.command()
@reply_option
def reconcile(output: str) -> None:
    """Run the reconciler once: settle unknown jobs, resume waiting ones, follow running ones.

    Rollouts go on as far as they get. Settings come from the environment. Exit status: 0 nothing is
    open, 1 an error, such as a job that failed on the fleet, 75 work is still open, or the bucket
    could not be scanned.

    \b
      nightdrop reconcile -o json
      until nightdrop reconcile; [ $? != 75 ]; do sleep 60; done
    """
    reply = _run({"action": "reconcile"}, output)
    status = exit_status(reply)
    sys.exit(LATER if status == DONE and any(reply["open"].values()) else status)
