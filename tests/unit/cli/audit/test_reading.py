"""`nightdrop audit list`, `show`, `stats` and `export` on a month of records."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from handler.audit.log import Decision
from handler.audit.record import Draft
from handler.audit.sql.sqlite import SqliteLog
from handler.cli.audit.records.record_row import trail_row
from handler.cli.audit.web.report_tables import open_report_tables
from handler.cli.main import main
from handler.jobs.hold import hold, release
from tests.support.terminal import plain_on_terminal

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import TypeAlias

    from click.testing import Result

    from handler.audit.record import Part

    Run: TypeAlias = Callable[..., Result]


DEEP = "[" * 100_000


@pytest.fixture
def run(month: Path) -> Run:
    """Run a subcommand of `nightdrop audit` on the month."""

    def call(command: str, *arguments: str) -> Result:
        address = f"sqlite:///{month}"
        return CliRunner().invoke(main, ["audit", command, "--audit", address, *arguments])

    return call


def run_on(command: str, month: Path, *arguments: str) -> None:
    """Run a subcommand on the standard output of the test."""
    call = ["audit", command, "--audit", f"sqlite:///{month}", *arguments]
    main.main(call, standalone_mode=False)


def rows(done: Result) -> list[dict[str, Any]]:
    """Return the rows that a command printed as JSON Lines."""
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.output.splitlines()]


def test_the_list_is_that_of_the_view(run: Run, month: Path) -> None:
    """The same rows that SQL gives."""
    listed = rows(run("list", "-ojson", "--last", "30"))
    with closing(sqlite3.connect(month)) as db:
        db.row_factory = sqlite3.Row
        found = db.execute("SELECT * FROM trail ORDER BY seq DESC LIMIT 30").fetchall()
    assert listed == [dict(row) for row in reversed(found)]


def test_filters_hold_together(run: Run) -> None:
    """Action, outcome and time."""
    found = rows(
        run(
            "list", "-ojson", "--last", "999", "--action", "job.", "--outcome", "failure",
            "--since", "2026-11-06", "--until", "2026-11-07",
        )
    )  # fmt: skip
    assert [row["action"] for row in found] == ["job.expired"]


def test_a_long_note_is_one_line_in_the_list(run: Run) -> None:
    """With how much more there is."""
    done = run("list", "--action", "spec.rejected", "--last", "2")
    assert "(and 12 more)" in " ".join(done.output.split())


def test_a_job_is_shown_from_the_event_to_the_outcome(run: Run) -> None:
    """Who asked, through which file, and the result, on one screen."""
    adopted = rows(run("list", "-ojson", "--action", "job.adopted"))[0]
    done = run("show", str(adopted["job_name"]))
    for words in ("asked for by", "uploader", "obs://nightdrop-drop/drop/dock/", "job.unknown",
                  "found in the API's list by its mark", "Successful (1 of 1)"):  # fmt: skip
        assert words in done.output
    assert run("show", str(adopted["job_id"])).output == done.output
    assert run("show", str(adopted["delivery"])).output == done.output


def test_the_story_of_a_job_fits_eighty_columns(month: Path, run: Run) -> None:
    """No name and no id is broken; less important columns of its jobs are left out."""
    adopted = rows(run("list", "-ojson", "--action", "job.adopted"))[0]
    lines = plain_on_terminal(80, lambda: run_on("show", month, str(adopted["job_name"])))
    assert max(map(len, lines)) <= 80
    assert lines[0].startswith("delivery ")
    line = f"  {adopted['job_name']}  succeeded  {adopted['job_id']}  Successful"
    assert line in lines


def test_the_list_names_the_jobs_on_eighty_columns(month: Path) -> None:
    """The outcome is a colour there, and a delivery's key says less than the name."""
    heading, *lines = plain_on_terminal(
        80, lambda: run_on("list", month, "--action", "job.created")
    )
    assert {"seq", "at", "action", "job_name"} <= set(heading.split())
    assert max(map(len, lines)) <= 80


def test_an_optional_column_that_no_row_fills_is_left_out(run: Run) -> None:
    """In a pipe, too; a log with rollouts has their keys there."""
    done = run("list", "--action", "job.created", "--last", "3")
    assert "rollout" not in done.output.splitlines()[0]


def test_the_stats_fit_eighty_columns_with_every_count(month: Path, run: Run) -> None:
    """What happened on no day has no column, and times are left out; JSON has all of it."""
    lines = plain_on_terminal(80, lambda: run_on("stats", month))
    assert max(map(len, lines)) <= 80
    days = rows(run("stats", "-ojson"))[0]["days"]
    heading = next(line.split() for line in lines if line.split()[0] == "day")
    for name in ("rejected", "created", "failed", "refused", "abandoned", "duplicated", "waiting"):
        assert (name in heading) == any(day[name] for day in days), name


def test_the_stats_print_every_section_on_a_narrow_terminal(month: Path) -> None:
    """Only the columns that a section has are left out of it."""
    lines = plain_on_terminal(40, lambda: run_on("stats", month, "--days", "2"))
    titles = {"Per day", "Jobs by state", "What went wrong", "Open", "Latest checkpoint"}
    assert titles <= set(lines)


def test_the_stats_count_events_and_outcomes(run: Run) -> None:
    """By day, by reason, with open work and the latest checkpoint."""
    found = rows(run("stats", "-ojson"))[0]
    with_jobs = [day for day in found["days"] if day["jobs"]]
    assert len(found["days"]) == 31
    assert all(
        0 < day["median_seconds"] <= day["p95_seconds"] for day in with_jobs if day["created"]
    )
    assert found["failures"][0] == {
        "times": 8, "reason": "the spec has errors", "latest": found["failures"][0]["latest"]
    }  # fmt: skip
    assert [row["state"] for row in found["open"]] == ["deferred", "runs on the fleet"]
    assert found["checkpoint"][0]["size"] == found["log"][0]["seq"] - 1
    done = run("stats", "--days", "7")
    assert "signed by nightdrop.example/checkpoints" in done.output
    assert done.output.count("2026-11-") < 40


def test_an_export_can_be_written_to_a_file(run: Run, tmp_path: Path) -> None:
    """With the same filters as the list."""
    path = tmp_path / "log.csv"
    assert run("export", "--format", "csv", "--job", "cales", "--output", str(path)).exit_code == 0
    assert path.read_text().count("\n") == 1
    scales = rows(run("list", "-ojson"))[-5]["job_name"]
    run("export", "--format", "csv", "--job", str(scales), "--output", str(path), "--overwrite")
    with path.open(newline="") as file:
        actions = [row["action"] for row in csv.DictReader(file)]
    assert actions == ["job.planned", "job.sending", "job.created"]


def test_a_malformed_record_is_exported_as_it_is_or_reported(month: Path, tmp_path: Path) -> None:
    """JSON Lines keep it; other formats report where to look."""
    copy = tmp_path / "malformed.db"
    shutil.copy(month, copy)
    with closing(sqlite3.connect(copy)) as db:
        db.execute("DROP TRIGGER records_append_only_update")
        db.execute("UPDATE records SET record = '{}' WHERE seq = 9")
        db.commit()
    call = ["audit", "export", "--audit", f"sqlite:///{copy}", "--format"]
    kept = CliRunner().invoke(main, [*call, "jsonl"])
    assert json.loads(kept.output.splitlines()[8])["record"] == "{}"
    for name in ("csv", "ocsf"):
        done = CliRunner().invoke(main, [*call, name])
        assert (done.exit_code, "nightdrop audit verify" in done.stderr) == (1, True)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        *((call, text) for call in ("list", "stats") for text in ("{}", "[]", "{", DEEP)),
        *(("show", text) for text in ("{", DEEP)),
    ],
    ids=lambda value: value[:24],
)
def test_a_malformed_record_is_a_short_message(
    month: Path, tmp_path: Path, call: str, text: str
) -> None:
    """No traceback, and where to look."""
    copy = tmp_path / "malformed.db"
    shutil.copy(month, copy)
    with closing(sqlite3.connect(copy)) as db:
        (job,) = db.execute(
            "SELECT job_name FROM trail WHERE seq > 900 AND job_name > ''"
        ).fetchone()
        db.execute("PRAGMA ignore_check_constraints = ON")
        db.execute("DROP TRIGGER records_append_only_update")
        db.execute("UPDATE records SET record = ? WHERE seq > 900", [text])
        db.commit()
    words = [call, job] if call == "show" else [call]
    done = CliRunner().invoke(main, ["audit", *words, "--audit", f"sqlite:///{copy}"])
    assert (done.exit_code, "Traceback" in done.output) in {(1, False), (2, False)}
    assert "see `" in done.stderr


def test_a_timeline_is_found_by_any_unambiguous_beginning(run: Run, month: Path) -> None:
    """Of a job's name, id or key, or a delivery's file or key; else candidates are listed."""
    with closing(sqlite3.connect(month)) as db:
        name, job_id, key = db.execute(
            "SELECT name, job_id, key FROM jobs WHERE name LIKE 'scales-%'"
        ).fetchone()
        subject, delivery = db.execute(
            "SELECT subject, key FROM deliveries GROUP BY subject HAVING count(*) = 1"
        ).fetchone()
    whole = run("show", name).output
    for what in (name[:-2], job_id[:-2], key[:9]):
        assert run("show", what).output == whole
    for what in (subject, delivery[:9]):
        assert f"delivery {delivery[:16]}" in run("show", what).output
    several = run("show", "nightly-")
    assert (several.exit_code, several.stderr.count("\n")) == (1, 12)
    nothing = run("show", "nihgtly")
    assert (nothing.exit_code, 'Nothing named "nihgtly". Similar: night' in nothing.stderr) == (
        1,
        True,
    )


def test_an_empty_list_says_so(run: Run) -> None:
    """Instead of a bare header."""
    for output in ("table", "json"):
        done = run("list", "--delivery", "none", "-o", output)
        assert (done.stdout, done.stderr) == ("", "No record matches.\n")


def test_an_action_that_is_misspelt_is_pointed_out(run: Run) -> None:
    """An empty list would say that nothing failed; a later version may have more actions."""
    done = run("list", "--action", "job.finshed")
    assert "no action begins with job.finshed; perhaps job.finished" in done.stderr
    assert run("list", "--action", "job.").stderr == ""


def test_following_prints_new_records(tmp_path: Path) -> None:
    """Until Ctrl-C."""
    path = tmp_path / "audit.db"
    call = [sys.executable, "-m", "handler.cli", "audit", "list", "--follow", "-ojson"]
    environ = {**os.environ, "NIGHTDROP_AUDIT": f"sqlite:///{path}", "PYTHONUNBUFFERED": "1"}
    with closing(SqliteLog(path)) as log:
        first = log.commit(hold("one", actor={})).records[0]
        with subprocess.Popen(call, env=environ, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert json.loads(process.stdout.readline()) == trail_row(first)
            second = log.commit(release(actor={})).records[0]
            assert json.loads(process.stdout.readline()) == trail_row(second)
            process.send_signal(signal.SIGINT)
            assert process.wait(10) == 0


@pytest.mark.parametrize("command", [("show", "broken"), ("stats",), ("list",)])
def test_what_a_damaged_record_says_reaches_no_terminal(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    """Its time is an escape sequence; `verify` says what is wrong with it."""
    path = tmp_path / "audit.db"
    with closing(SqliteLog(path)) as log:
        log.commit(hold("x", actor={"kind": "operator"}))
    escape = "\x1b[31mX\x1b]0;pwned\x07"
    record = {"action": "delivery.received", "outcome": "pending", "seq": 2, "at": escape}
    record |= {"delivery": {"key": "broken", "subject": "broken", "trigger": "object"}}
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("DROP TRIGGER records_append_only_insert")
        db.execute("INSERT INTO records VALUES (2, 'x', 'y', ?)", (json.dumps(record),))
    done = CliRunner().invoke(main, ["audit", *command, "--audit", f"sqlite:///{path}"])
    assert done.exception is None or isinstance(done.exception, SystemExit)
    assert "\x1b" not in done.output


def test_the_page_and_the_stats_have_all_open_work(tmp_path: Path) -> None:
    """Also what awaits an approval, runs twice, or is paused."""
    path = tmp_path / "audit.db"
    words = {"twice": ("created", "duplicated"), "held": ("created", "paused"), "plain": ()}
    drafts = [
        Draft("delivery.awaiting", "pending", {"key": "waits", "trigger": "direct", "subject": "s"})
    ]
    for name, more in words.items():
        about = Draft(
            "delivery.planned", "pending", {"key": name, "trigger": "direct", "subject": name}
        )
        job: Part = {"key": f"j-{name}", "name": name, "type": "node_upgrade", "document": 1}
        of_job = Draft("job.planned", "pending", {"key": name}, job=job)
        drafts += [about, of_job]
        drafts += [
            of_job._replace(action=f"job.{word}", response={"job_id": f"{name}-{word}"})
            for word in more
        ]
    with closing(SqliteLog(path)) as log:
        log.commit(lambda _view: Decision(None, tuple(drafts)))
    with closing(open_report_tables(f"sqlite:///{path}")) as tables:
        found = {row["name"]: row["state"] for row in tables.query("SELECT * FROM page.open_items")}
    assert found == {
        "s": "awaits approval",
        "twice": "runs twice on the fleet",
        "held": "paused on the fleet",
        "plain": "planned",
    }


def test_the_page_tells_uploaders_of_one_account_apart(tmp_path: Path) -> None:
    """By their principals, as the timeline does."""
    address = f"sqlite:///{tmp_path / 'audit.db'}"
    with closing(SqliteLog(tmp_path / "audit.db")) as log:
        for number in (1, 2):
            actor = {"kind": "uploader", "account": "a", "principal": f"person-{number}"}
            log.commit(hold(f"{number}", actor=actor))
    with closing(open_report_tables(address)) as tables:
        actors = {row["actor"] for row in tables.query("SELECT actor FROM page.records")}
    assert actors == {"uploader person-1 a", "uploader person-2 a"}
