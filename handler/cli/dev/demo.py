"""`nightdrop demo`: a nightly upgrade, dropped files and a lost answer, with real processes."""

from __future__ import annotations

import json
import sqlite3
import sys
import uuid
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import urllib3
from rich.markup import escape

from handler.audit.record import Record
from handler.audit.verification.verdict import verify
from handler.cli.audit.records.log_reader import open_database
from handler.cli.bundled_files import bundled
from handler.cli.console import exit_with_error, jobs_table, left_open, screen, table
from handler.cli.dev.emulator_process import (
    BUCKET,
    PREFIX,
    EmulatorProcess,
    clean_environment,
    emulator_process,
)
from handler.cli.shared_options import FOLDER
from handler.errors import StartError
from handler.local.processes.function_servers import function_servers
from handler.local.processes.subprocesses import free_port, stop_signals
from handler.local.triggers.event_factory import object_event, timer_event
from handler.values.canonical_json import short_key, utc_now
from handler.values.display import display

if TYPE_CHECKING:
    from threading import Event

    from rich.console import Console

_INTERRUPTED = 130
_SUCCESS = 200
_MOST_FOLDERS = 1000
_LARGEST_OBJECT = 1_048_576
_JOBS = 3
_JOB_COLUMNS = ("job_name", "job_type", "status", "description")


@click.command()
@click.option(
    "--dir",
    "folder",
    type=FOLDER,
    help="A new or empty folder for the audit log and the processes' output.  "
    "[default: demo, or the first of demo-2, demo-3, … that does not exist]",
)
def demo(folder: Path | None) -> None:
    """Show a nightly upgrade, a file drop, a broken file and a lost answer, over real HTTP.

    Starts the emulator and functions-framework, and stops them at the end. Takes seconds. The audit
    log stays for you to open; the folder of an earlier demo is not changed. Exit status: 0 shown, 1
    the outcome was not as expected, 2 could not start.

    \b
      nightdrop demo
      nightdrop demo --dir tried
    """
    try:
        with stop_signals() as ended:
            as_expected = _show(_new_folder(folder), screen(), ended)
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    except BrokenPipeError:  # the reader has closed the pipe
        raise
    except (OSError, sqlite3.Error) as error:
        exit_with_error(f"cannot write or read the demo's files: {error}")
    sys.exit(0 if as_expected else 1)


def _new_folder(folder: Path | None) -> Path:
    """Create a folder, unless it exists and is empty, and return it.

    Raises:
        StartError: It is not empty, or it cannot be created.
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
            f"cannot create the folder {folder or 'demo'}: {error.strerror}; name another "
            "with --dir"
        ) from error
    raise StartError(
        f"{folder or 'demo'} is not empty, and the demo overwrites nothing; name a new "
        "folder with --dir"
    )


def _show(folder: Path, console: Console, ended: Event) -> bool:
    """Run the demo in a folder; return whether its outcome was as expected."""
    address = f"sqlite:///{folder / 'audit.db'}"
    settings = {
        "NIGHTDROP_AUDIT": address,
        "NIGHTDROP_PREFIX": PREFIX,
        "NIGHTDROP_RESULTS": f"obs://{BUCKET}/results/",
    }
    console.print("starting the emulator and the function…", style="dim")
    port = free_port()
    with emulator_process(folder, ended) as emulator:
        environ = {**clean_environment(), **emulator.environ, **settings}
        with function_servers([port], environ, folder, ended):
            demo = _Demo(emulator, f"http://127.0.0.1:{port}/", ended)
            places = f"emulator at {emulator.url}, function at {demo.url}"
            console.print(places, style="dim", highlight=False)
            _play(demo, console)
            jobs = emulator.state("jobs")["jobs"]
    return _report(address, jobs, console)


@dataclass(frozen=True)
class _Demo:
    """A function that uses an emulator; `ended` is set when the demo must end."""

    emulator: EmulatorProcess
    url: str
    ended: Event

    def invoke(self, event: object) -> dict[str, Any]:
        """POST an event to the function and return its reply.

        Raises:
            StartError: The function failed; the message is the platform's error message.
            KeyboardInterrupt: The demo must end.
        """
        if self.ended.is_set():
            raise KeyboardInterrupt
        try:
            answer = urllib3.request("POST", self.url, json=event, timeout=30)
            reply: dict[str, Any] = answer.json()
        except (urllib3.exceptions.HTTPError, ValueError) as error:
            raise StartError("the function does not answer; see its log in the folder") from error
        if answer.status != _SUCCESS:
            raise StartError(f"the function failed: {display(str(reply.get('errorMessage')))}")
        return reply

    def drop(self, name: str) -> dict[str, Any]:
        """Upload a sample spec and return the event that OBS would deliver for it."""
        key, data = f"{PREFIX}{name}", _sample(f"specs/{name}")
        self.emulator.obs.write(BUCKET, key, data, content_type="application/octet-stream")
        request_id, now = uuid.uuid4().hex.upper(), utc_now()
        return object_event(BUCKET, key, data, request_id=request_id, at=now)


def _sample(name: str) -> bytes:
    return (bundled("events") / name).read_bytes()


def _play(demo: _Demo, console: Console) -> None:
    _heading(console, "1. The nightly timer ticks")
    nightly = _sample("specs/nightly-upgrade.yaml").decode()
    tick = timer_event("nightly-upgrade", nightly, utc_now())
    _answer(console, demo.invoke(tick))

    _heading(console, "2. Somebody drops a deployment file; its event is delivered twice")
    event = demo.drop("deploy-camera.yaml")
    _answer(console, demo.invoke(event))
    _answer(console, demo.invoke(event))

    _heading(console, "3. Somebody drops a broken file")
    event = demo.drop("broken.yaml")
    _answer(console, demo.invoke(event))
    console.print("\nresults/broken.yaml.result.json, for its author:")
    result = demo.emulator.obs.read(
        BUCKET, "results/broken.yaml.result.json", max_bytes=_LARGEST_OBJECT
    )
    for error in json.loads(result.data)["errors"]:
        console.print(f"  {error}", markup=False, highlight=False, soft_wrap=True)

    _heading(console, "4. The API creates a job, but its answer is lost; the reconciler settles it")
    demo.emulator.set_faults({"operation": "CreateBatchJob", "fault": "lost_answer", "times": 1})
    _answer(console, demo.invoke(json.loads(_sample("direct-spec.json"))))
    tick = timer_event("reconcile", '{"action": "reconcile"}', utc_now())
    _answer(console, demo.invoke(tick))


def _report(address: str, jobs: list[dict[str, Any]], console: Console) -> bool:
    _heading(console, "What the emulated fleet has now")
    console.print(table(_JOB_COLUMNS, [[*map(job.get, _JOB_COLUMNS)] for job in jobs]))
    _heading(console, "What the audit log says")
    with closing(open_database(address)) as database:
        columns = ("seq", "action", "outcome", "delivery", "job_name", "status")
        trail = database["trail"].rows_where(order_by="seq")
        console.print(table(columns, [[row[column] for column in columns] for row in trail]))
        verdict = verify(
            Record(row["seq"], row["hash"], row["record"])
            for row in database.query("SELECT seq, hash, record FROM records ORDER BY seq")
        )
    word = "[green]valid[/]" if verdict.whole else "[red]INVALID[/]"
    console.print(
        f"\nThe chain is {word}: {verdict.head.seq} records, head {short_key(verdict.head.hash)}…",
        highlight=False,
    )
    console.print(f"To read the log: nightdrop audit list --audit {address}", highlight=False)
    return verdict.whole and len(jobs) == _JOBS


def _heading(console: Console, text: str) -> None:
    console.print(f"\n[bold]{text}[/]", highlight=False)


def _answer(console: Console, reply: dict[str, Any]) -> None:
    errors = reply["errors"]
    notes = [f"{len(errors)} errors"] if len(errors) > 1 else errors
    notes = [*notes, *left_open(reply.get("open", {}))]
    console.print(f"→ [bold]{reply['outcome']}[/]", *map(escape, notes), sep="; ", highlight=False)
    if reply["jobs"]:
        console.print(jobs_table(reply["jobs"]))
