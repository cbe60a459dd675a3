"""`nightdrop demo`: the three jobs of Nightdrop as a short story, with real processes."""

from __future__ import annotations

import json
import sqlite3
import sys
from contextlib import closing, suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.markup import escape

from handler.audit.record import Record
from handler.audit.verification.verdict import verify
from handler.cli.audit.records.log_reader import open_database
from handler.cli.audit.records.record_row import row_cells
from handler.cli.console import complain, jobs_table, left_open, screen, table
from handler.cli.dev.settings_file import Desk, desk
from handler.errors import NightdropError, StartError
from handler.local.processes.stop_signals import stop_signals
from handler.local.sample_files import sample
from handler.local.triggers.event_factory import timer_event
from handler.values.canonical_json import shown

if TYPE_CHECKING:
    from threading import Event

    from rich.console import Console

_WRONG, _INTERRUPTED = 2, 130
_MOST_FOLDERS = 1000
_JOBS = 3
_JOB_COLUMNS = ("job_name", "job_type", "status", "description")


@click.command(short_help="Watch it work: a nightly upgrade, a file drop, a broken file.")
@click.option(
    "--dir",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="A new or empty folder for the audit log and the processes' output.  "
    "[default: demo, or the first of demo-2, demo-3, … that is not there]",
)
def demo(folder: Path | None) -> None:
    """Show a nightly upgrade, a file drop, a broken file and a lost answer, over real HTTP.

    Starts the emulator and functions-framework, and ends them. Takes seconds and leaves the
    audit log for you to open; what an earlier demo left stays as it is. Exit status: 0 shown, 1 it
    went otherwise than told, 2 it could not start.
    """
    try:
        with stop_signals() as ended:
            told = _show(_made(folder), screen(), ended)
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    except NightdropError as error:
        complain(str(error))
        sys.exit(_WRONG)
    except BrokenPipeError:  # whoever read it has gone
        raise
    except (OSError, sqlite3.Error) as error:
        complain(f"the demo's files cannot be written or read: {error}")
        sys.exit(_WRONG)
    sys.exit(0 if told else 1)


def _made(folder: Path | None) -> Path:
    """Return a folder that holds nothing yet.

    Raises:
        StartError: It holds something, or cannot be made.
    """
    numbered = [Path("demo"), *(Path(f"demo-{number}") for number in range(2, _MOST_FOLDERS))]
    try:
        for candidate in [folder] if folder else numbered:
            with suppress(FileExistsError):
                candidate.mkdir(mode=0o700, parents=True)
                return candidate
            if folder and not any(folder.iterdir()):
                return folder
    except OSError as error:
        raise StartError(
            f"the folder {folder or 'demo'} cannot be made: {error.strerror}; name another with "
            "--dir"
        ) from error
    raise StartError(
        f"{folder or 'demo'} is not empty, and nothing in it is replaced: name a new "
        "folder with --dir"
    )


def _show(folder: Path, console: Console, ended: Event) -> bool:
    """Tell the story in a folder; return whether it went as it should."""
    address = f"sqlite:///{folder / 'audit.db'}"
    settings = {
        "NIGHTDROP_AUDIT": address,
        "NIGHTDROP_PREFIX": "drop/",
        "NIGHTDROP_RESULTS": "obs://nightdrop-drop/results/",
    }
    console.print("starting the emulator and the function…", style="dim")
    with desk(folder, settings, ended) as pieces:
        console.print(f"emulator at {pieces.cloud}, function at {pieces.function}", style="dim")
        held = _tell(pieces, console)
    return _look_back(address, held, console)


def _tell(pieces: Desk, console: Console) -> dict[str, Any]:
    _heading(console, "1. The nightly timer ticks")
    nightly = sample("specs/nightly-upgrade.yaml").read_text()
    tick = timer_event("nightly-upgrade", nightly, datetime.now(timezone.utc))
    _answer(console, pieces.invoke(tick))

    _heading(console, "2. Somebody drops a deployment file; its event is delivered twice")
    event = pieces.drop("drop/camera.yaml", sample("specs/deploy-camera.yaml").read_bytes())
    _answer(console, pieces.invoke(event))
    _answer(console, pieces.invoke(event))

    _heading(console, "3. Somebody drops a broken file")
    event = pieces.drop("drop/broken.yaml", sample("specs/broken.yaml").read_bytes())
    _answer(console, pieces.invoke(event))
    console.print("\nresults/broken.yaml.result.json, for whoever dropped it:")
    result = json.loads(pieces.read("results/broken.yaml.result.json"))
    for error in result["errors"]:
        console.print(f"  {error}", markup=False, highlight=False, soft_wrap=True)

    _heading(console, "4. The API creates a job, but its answer is lost; the next tick settles it")
    pieces.misbehave({"operation": "CreateBatchJob", "fault": "lost_answer", "times": 1})
    _answer(console, pieces.invoke(json.loads(sample("direct-spec.json").read_text())))
    tick = timer_event("reconcile", '{"action": "reconcile"}', datetime.now(timezone.utc))
    _answer(console, pieces.invoke(tick))
    return pieces.holds()


def _look_back(address: str, held: dict[str, Any], console: Console) -> bool:
    _heading(console, "What the emulated fleet has now")
    console.print(table(_JOB_COLUMNS, [[*map(job.get, _JOB_COLUMNS)] for job in held["jobs"]]))
    _heading(console, "What the audit log says")
    with closing(open_database(address)) as database:
        columns = ("seq", "action", "outcome", "delivery", "job_name", "status")
        console.print(
            table(
                columns,
                [row_cells(row, columns) for row in database["trail"].rows_where(order_by="seq")],
            )
        )
        verdict = verify(
            Record(row["seq"], row["hash"], row["record"])
            for row in database.query("SELECT seq, hash, record FROM records ORDER BY seq")
        )
    told = verdict.whole and len(held["jobs"]) == _JOBS
    word = "[green]whole[/]" if verdict.whole else "[red]broken[/]"
    console.print(
        f"\nThe chain is {word}: {verdict.head.seq} records, head {shown(verdict.head.hash)}…",
        highlight=False,
    )
    console.print(f"Look at it yourself: nightdrop audit list --audit {address}", highlight=False)
    return told


def _heading(console: Console, text: str) -> None:
    console.print(f"\n[bold]{text}[/]", highlight=False)


def _answer(console: Console, reply: dict[str, Any]) -> None:
    errors = reply["errors"]
    told = [f"{len(errors)} errors"] if len(errors) > 1 else errors
    told = [*told, *left_open(reply.get("open", {}))]
    console.print(f"→ [bold]{reply['outcome']}[/]", *map(escape, told), sep="; ", highlight=False)
    if reply["jobs"]:
        console.print(jobs_table(reply["jobs"]))
