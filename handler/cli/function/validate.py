"""`nightdrop validate` and `schema`: check job specs, and print their JSON Schema."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

import click
from pydantic.json_schema import models_json_schema
from rich.markup import escape
from rich.text import Text

from handler.cli.console import printable, prose, screen
from handler.cli.function.policy import (
    POLICY_OPTION,
    decide_plan,
    origin_named,
    read_policy_at,
)
from handler.cli.shared_options import EXISTING_FILE
from handler.errors import SpecRejectedError
from handler.parsing import Limits, read
from handler.specs.api_form import BatchJob
from handler.specs.planner import Plan, make_plan, named_nodes
from handler.specs.short_form import full_model
from handler.values.canonical_json import key_of

if TYPE_CHECKING:
    from pathlib import Path

    from handler.policy.rules import Policy

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


@click.command(short_help="Check job specs; nothing is sent.")
@click.argument("files", nargs=-1, required=True, type=EXISTING_FILE)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per file.")
@click.option(
    "--show", is_flag=True, help="Print each request body that would be sent, secrets included."
)
@POLICY_OPTION
@click.option(
    "--as",
    "source",
    metavar="SOURCE",
    help="Where the files come from, for --policy: an object's key or obs://bucket/key, "
    "timer:NAME, or direct.  [default: NIGHTDROP_PREFIX and the file's name]",
)
def validate(
    files: tuple[Path, ...], *, as_json: bool, show: bool, address: str, source: str | None
) -> None:
    """Check job-spec FILES and print every error; nothing is sent, nothing is recorded.

    With --policy, what the policy does not allow is an error, too. With --show, what a job's name
    and mark take from its delivery is made from the file's name: they will be others when it is
    sent.

    Exit status: 0 all are valid, 1 any is not.

    \b
      nightdrop validate events/specs/*.yaml
      nightdrop validate --show events/specs/deploy-camera.yaml
      nightdrop validate --policy built-in events/specs/*.yaml
    """
    rules = read_policy_at(address) if address else None
    checked = [(file, *_checked(file, rules, source)) for file in files]
    for file, plan, errors in checked:
        if as_json:
            click.echo(json.dumps(_as_json(file, plan, errors, show=show)))
        else:
            _show(file, plan, errors)
            for job in plan.jobs if plan and show else ():
                click.echo(shown_body(job.body))
    sys.exit(1 if any(errors for _, _, errors in checked) else 0)


def _checked(file: Path, rules: Policy | None, source: str | None) -> tuple[Plan | None, list[str]]:
    try:
        # Only a delivery gives jobs their names; here the file's own name is used.
        documents = read(_content(file), Limits())
        # No node is looked up here: the policy decides as if each name was a node's.
        names = {
            one.number: tuple((name, name) for _, name in named_nodes(one)) for one in documents
        }
        plan = make_plan(key_of(str(file)), documents, names)
    except SpecRejectedError as error:
        return None, list(map(str, error.problems))
    if rules is None:
        return plan, []
    origin = origin_named(source or f"{os.environ.get('NIGHTDROP_PREFIX', '')}{file.name}")
    return plan, list(map(str, decide_plan(plan, rules, origin).problems))


def _content(file: Path) -> bytes:
    """Return the file's bytes, of a large one no more than shows that it is too large."""
    with file.open("rb") as opened:
        return opened.read(Limits().max_bytes + 1)


def shown_body(body: str) -> str:
    """Return a request body as it is sent, one field a line.

    What a terminal may take for a command, and invisible characters, are escaped as in JSON.
    """
    text = json.dumps(json.loads(body), ensure_ascii=False, indent=2)
    return "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text)


def _as_json(file: Path, plan: Plan | None, errors: list[str], *, show: bool) -> dict[str, object]:
    bodies = {"requests": [json.loads(job.body) for job in plan.jobs]} if plan and show else {}
    return {
        "file": str(file),
        "valid": not errors,
        "jobs": len(plan.jobs) if plan else 0,
        "errors": errors,
        "warnings": list(map(str, plan.warnings)) if plan else [],
        **bodies,
    }


def _show(file: Path, plan: Plan | None, errors: list[str]) -> None:
    console, name = screen(), escape(printable(file))
    if errors:
        count = _count(len(errors), "error")
        console.print(f"[bold red]✗[/] [bold]{name}[/]: {count}", highlight=False)
    else:
        count = _count(len(plan.jobs) if plan else 0, "job")
        console.print(f"[bold green]✓[/] [bold]{name}[/]: {count}", highlight=False)
    for line in errors or (plan.warnings if plan else ()):
        console.print(Text(f"  {prose(line)}"), highlight=False, soft_wrap=True)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


@click.command(short_help="Print the job spec's JSON Schema.")
def schema() -> None:
    """Print the JSON Schema of a job spec, for editors and other tools.

    \b
      nightdrop schema > nightdrop.schema.json
    """
    click.echo(json.dumps(job_spec_schema(), indent=2))


def job_spec_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of one document: the friendly or the API's form.

    Rules between fields, such as which kind needs a deployment, are checked but not written here.
    """
    job = full_model()
    references, shared = models_json_schema([(job, "validation"), (BatchJob, "validation")])
    return {
        "$schema": _DIALECT,
        "title": "Nightdrop job spec",
        "description": "One batch job: in Nightdrop's friendlier form, or as the API's own body.",
        "anyOf": [references[(model, "validation")] for model in (job, BatchJob)],
        "$defs": shared["$defs"],
    }
