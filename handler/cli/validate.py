"""`nightdrop validate`: check job specs without creating anything."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click
from rich.markup import escape
from rich.text import Text

from handler.canonical import key_of
from handler.cli.screen import printable, prose, screen
from handler.errors import SpecRejectedError
from handler.reading import Limits, read
from handler.specs.plan import Plan, make_plan


@click.command(short_help="Check job specs; nothing is sent.")
@click.argument(
    "files",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per file.")
def validate(files: tuple[Path, ...], *, as_json: bool) -> None:
    """Check job-spec FILES and print every error; nothing is sent, nothing is recorded.

    Exit status: 0 all are valid, 1 any is not.

    \b
      nightdrop validate events/specs/*.yaml
    """
    checked = [(file, *_checked(file)) for file in files]
    for file, plan, errors in checked:
        if as_json:
            click.echo(json.dumps(_as_json(file, plan, errors)))
        else:
            _show(file, plan, errors)
    sys.exit(1 if any(errors for _, _, errors in checked) else 0)


def _checked(file: Path) -> tuple[Plan | None, list[str]]:
    try:
        # Only a delivery gives jobs their names; here the file's own stands in for it.
        return make_plan(key_of(str(file)), read(file.read_bytes(), Limits())), []
    except SpecRejectedError as error:
        return None, list(map(str, error.problems))


def _as_json(file: Path, plan: Plan | None, errors: list[str]) -> dict[str, object]:
    return {
        "file": str(file),
        "valid": not errors,
        "jobs": len(plan.jobs) if plan else 0,
        "errors": errors,
        "warnings": list(map(str, plan.warnings)) if plan else [],
    }


def _show(file: Path, plan: Plan | None, errors: list[str]) -> None:
    console, name = screen(), escape(printable(file))
    if plan is None:
        count = _count(len(errors), "error")
        console.print(f"[bold red]✗[/] [bold]{name}[/]: {count}", highlight=False)
    else:
        count = _count(len(plan.jobs), "job")
        console.print(f"[bold green]✓[/] [bold]{name}[/]: {count}", highlight=False)
    for line in errors or (plan.warnings if plan else ()):
        console.print(Text(f"  {prose(line)}"), highlight=False, soft_wrap=True)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
