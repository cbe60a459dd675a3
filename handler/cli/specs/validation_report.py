"""What `nightdrop validate` found: for people, for GitHub, as SARIF, and as JSON Lines."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import quote

import click
from rich.text import Text

from handler.cli.console import printable, prose, screen
from handler.schedule.sentences import rollout_sentences, select_sentence
from handler.schedule.waves import wave_ends
from handler.specs.planner import rollout_job, rollout_job_name
from handler.values.display import quantity
from handler.values.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from handler.errors import Problem
    from handler.specs.planner import Plan
    from handler.specs.rollout_planner import PlannedRollout

_SARIF_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json"
_RULES = {
    "error": "The spec is rejected when it is dropped.",
    "warning": "The spec is accepted, but the API may not do what it asks for.",
}


class CheckedFile(NamedTuple):
    """A file and what is wrong with it.

    Attributes:
        file: Its path, as given.
        plan: Its jobs; None if it is not a valid spec.
        errors: Why it would be rejected.
    """

    file: Path
    plan: Plan | None
    errors: Sequence[Problem]

    @property
    def warnings(self) -> Sequence[Problem]:
        """What does not hold the spec up."""
        return self.plan.warnings if self.plan else ()

    def findings(self) -> Iterator[tuple[str, Problem]]:
        """Yield every error and warning with its level."""
        yield from (("error", one) for one in self.errors)
        yield from (("warning", one) for one in self.warnings)


def print_text(checked: Sequence[CheckedFile], show: bool) -> None:  # noqa: FBT001 - as in REPORTS
    """Print a line per file with its errors, or its warnings, below it."""
    for one in checked:
        console, name = screen(), printable(one.file)
        if one.errors:
            mark, count = ("✗", "bold red"), quantity(len(one.errors), "error")
        else:
            mark, count = ("✓", "bold green"), _planned(one.plan)
        console.print(Text.assemble(mark, " ", (name, "bold"), f": {count}"), highlight=False)
        for problem in one.errors or one.warnings:
            console.print(Text(f"  {prose(problem)}"), highlight=False, soft_wrap=True)
        for rollout in one.plan.rollouts if one.plan and not one.errors else ():
            for line in _explained(rollout):
                console.print(Text(f"  {prose(line)}"), highlight=False, soft_wrap=True)
        for body in _bodies(one) if show else ():
            click.echo(shown_body(body))


def print_json(checked: Sequence[CheckedFile], show: bool) -> None:  # noqa: FBT001 - as in REPORTS
    """Print one JSON object per file."""
    for one in checked:
        sent = list(map(json.loads, _bodies(one))) if show else []
        bodies = {"requests": sent} if sent else {}
        report = {
            "file": str(one.file),
            "valid": not one.errors,
            "jobs": len(one.plan.jobs) if one.plan else 0,
            "rollouts": len(one.plan.rollouts) if one.plan else 0,
            "errors": list(map(str, one.errors)),
            "warnings": list(map(str, one.warnings)),
        }
        click.echo(json.dumps({**report, **bodies}))


def print_github(checked: Sequence[CheckedFile], _show: bool) -> None:  # noqa: FBT001 - as in REPORTS
    """Print a workflow command per finding, which annotates its line (GitHub docs)."""
    for one in checked:
        file = _escaped(str(one.file)).replace(":", "%3A").replace(",", "%2C")
        for level, problem in one.findings():
            place = f"file={file},line={problem.line or 1},title=Nightdrop"
            click.echo(f"::{level} {place}::{_escaped(_message(problem))}")


def print_sarif(checked: Sequence[CheckedFile], _show: bool) -> None:  # noqa: FBT001 - as in REPORTS
    """Print one SARIF 2.1.0 log with a result per finding."""
    from importlib.metadata import version

    driver = {
        "name": "nightdrop",
        "version": version("nightdrop"),
        "rules": [
            {"id": level, "shortDescription": {"text": text}} for level, text in _RULES.items()
        ],
    }
    results = [
        _sarif_result(one.file, level, problem)
        for one in checked
        for level, problem in one.findings()
    ]
    run = {"tool": {"driver": driver}, "results": results}
    click.echo(json.dumps({"$schema": _SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2))


REPORTS: Mapping[str, Callable[[Sequence[CheckedFile], bool], None]] = {
    "text": print_text,
    "github": print_github,
    "sarif": print_sarif,
    "json": print_json,
}
"""How each format is printed; the flag asks for the request bodies, too."""


def _planned(plan: Plan | None) -> str:
    """Return how many jobs and rollouts a file asks for."""
    jobs, rollouts = (len(plan.jobs), len(plan.rollouts)) if plan else (0, 0)
    counts = [quantity(rollouts, "rollout")] if rollouts else []
    return ", ".join([*([quantity(jobs, "job")] if jobs or not rollouts else []), *counts])


def _bodies(checked: CheckedFile) -> Iterator[str]:
    """Yield the request of each job, and that of each rollout's first job."""
    for job in checked.plan.jobs if checked.plan else ():
        yield job.body
    for rollout in checked.plan.rollouts if checked.plan else ():
        ends = wave_ends(rollout.settings, len(rollout.nodes))
        first = rollout.nodes[: min([rollout.settings.max_targets_per_job, *ends])]
        name = rollout_job_name(rollout.name, rollout.key)
        yield rollout_job(rollout.template, name, rollout.key, first)


def _explained(rollout: PlannedRollout) -> Iterator[str]:
    """Yield what a rollout does, as sentences."""
    select, count = rollout.settings.select, len(rollout.nodes)
    what = "deployment" if rollout.job_type == "deployment_upgrade" else "node"
    whom = f"{what}s: {select_sentence(select)}" if select else quantity(count, what)
    yield f"{rollout.name}: {rollout.job_type} of {whom}"
    yield from (f"  {one}" for one in rollout_sentences(rollout.settings))


def _sarif_result(file: Path, level: str, problem: Problem) -> dict[str, object]:
    uri = file.as_uri() if file.is_absolute() else quote(file.as_posix())
    region = {"region": {"startLine": problem.line}} if problem.line else {}
    place = {"physicalLocation": {"artifactLocation": {"uri": uri}, **region}}
    text = _message(problem)
    return {"ruleId": level, "level": level, "message": {"text": text}, "locations": [place]}


def _message(problem: Problem) -> str:
    return prose(f"{problem.path}: {problem.message}" if problem.path else problem.message)


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def shown_body(body: str) -> str:
    """Return a request body as it is sent, one field a line.

    What a terminal may take for a command, and invisible characters, are escaped as in JSON.
    """
    text = json.dumps(json.loads(body), ensure_ascii=False, indent=2)
    return "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text)
