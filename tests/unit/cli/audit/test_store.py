"""`nightdrop audit rebuild`, as a person runs it after a finding of `audit verify`."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from handler.cli.main import main
from handler.cli.open_stores import open_any_log
from tests.support.long_log import LongLog, recording, run_records, settle
from tests.support.tampering.derived import DERIVED

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

    from tests.support.tampering.falsify import Tampering

RECORDS = "SELECT * FROM records ORDER BY seq"
BY_HAND = ("is exchanged", "request that waits is removed", "is added", "are cut off")
"""What can be derived from no record, or is not ours to remove; and what takes records away."""

REBUILT = [row for row in DERIVED if not any(word in row.what for word in BY_HAND)]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> LongLog:
    """A log of 200 records. It is copied by the tests, never changed."""
    made = LongLog(tmp_path_factory.mktemp("template"))
    made.grow(200)
    settle(made.path)
    return made


@pytest.fixture
def log(template: LongLog, tmp_path: Path) -> LongLog:
    """Such a log that a test may change."""
    return template.copy(tmp_path)


def run(*arguments: str, answer: str | None = None) -> Result:
    """Run a subcommand of `nightdrop audit`."""
    return CliRunner().invoke(main, ["audit", *arguments], input=answer)


def records(log: LongLog) -> list[tuple[object, ...]]:
    """Return the records of a log."""
    with closing(sqlite3.connect(log.path)) as db:
        return db.execute(RECORDS).fetchall()


@pytest.mark.parametrize("row", REBUILT, ids=[row.what for row in REBUILT])
def test_a_finding_of_verify_is_rebuilt(log: LongLog, row: Tampering) -> None:
    """Whatever it is; the record of it is the only one that is new."""
    row.do(log)
    found, before = run("verify", "--audit", log.address), records(log)
    assert found.exit_code == 1
    done = run("rebuild", "--yes", "--audit", log.address)
    assert done.exit_code == 0, done.output
    assert done.output == f"Rebuilt from {len(before)} records; record {len(before) + 1} says so.\n"
    assert records(log)[:-1] == before
    assert '"action":"log.rebuilt","actor":{"kind":"operator"' in str(records(log)[-1])
    assert run("verify", "--audit", log.address).output.startswith(
        "chain valid, completeness not proven"
    )


def cut_off(log: LongLog, number: int) -> tuple[int, str]:
    """Remove the last records of a log and return the head that is left."""
    with closing(sqlite3.connect(log.path)) as db, db:
        triggers = db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        kept = triggers.fetchall()
        for name, _ in kept:
            db.execute(f"DROP TRIGGER {name}")
        db.execute("DELETE FROM records WHERE seq > (SELECT max(seq) FROM records) - ?", (number,))
        for _, sql in kept:
            db.execute(sql)
        seq, head = db.execute("SELECT seq, hash FROM records ORDER BY seq DESC LIMIT 1").fetchone()
    return int(seq), str(head)


def test_nothing_is_rebuilt_from_changed_records(log: LongLog) -> None:
    """The state would follow from the change."""
    with closing(sqlite3.connect(log.path)) as db, db:
        db.execute("DROP TRIGGER records_append_only_update")
        db.execute("UPDATE records SET record = record || ' ' WHERE seq = 9")
    before = log.path.read_bytes()
    done = run("rebuild", "--yes", "--audit", log.address)
    assert (done.exit_code, "restore the records first" in done.stderr) == (2, True)
    assert log.path.read_bytes() == before


def test_nothing_is_rebuilt_if_the_end_was_cut_off_as_the_state_shows(log: LongLog) -> None:
    """Jobs whose creation was cut off would be sent again; an operator may name the known end."""
    seq, head = cut_off(log, 20)
    done = run("rebuild", "--yes", "--audit", log.address)
    assert (done.exit_code, f"ends with record {seq}" in done.stderr) == (2, True)
    assert len(records(log)) == seq
    named = run("rebuild", "--yes", "--audit", log.address, "--expect-head", f"{seq}:{head}")
    assert named.exit_code == 0, named.output


def test_nothing_is_rebuilt_if_the_end_was_cut_off_as_a_checkpoint_shows(log: LongLog) -> None:
    """Even if the state was changed to fit."""
    seq, head = cut_off(log, 120)
    expected = ("--expect-head", f"{seq}:{head}")
    found = ("--checkpoints", str(log.folder / "checkpoints"))
    done = run("rebuild", "--yes", "--audit", log.address, *expected, *found)
    assert (done.exit_code, "restore the records first" in done.stderr) == (2, True)


def test_it_asks_for_confirmation(log: LongLog) -> None:
    """Nothing happens without a yes."""
    before = log.path.read_bytes(), records(log)
    done = run("rebuild", "--audit", log.address, answer="n\n")
    assert (done.exit_code, "no record is changed" in done.output) == (1, True)
    assert (log.path.read_bytes(), records(log)) == before
    assert run("rebuild", "--audit", log.address, answer="y\n").exit_code == 0


@pytest.mark.parametrize("closed", [True, False])
def test_without_a_terminal_the_option_is_named(log: LongLog, *, closed: bool) -> None:
    """Whether standard input is empty or closed; nothing is done."""
    before = records(log)
    call = [sys.executable, "-m", "handler.cli", "audit", "rebuild", "--audit", log.address]
    shell = ["sh", "-c", '"$@" <&-', "sh", *call] if closed else call
    done = subprocess.run(
        shell, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, "use --yes" in done.stderr) == (2, True)
    assert "Traceback" not in done.stderr
    assert records(log) == before


@pytest.mark.parametrize("what", ["nothing", "notes", "songs"])
def test_a_file_that_is_no_log_is_left_unchanged(tmp_path: Path, what: str) -> None:
    """A missing file is not created, and a foreign one not changed."""
    path = tmp_path / "other.db"
    if what == "notes":
        path.write_text("these are my notes, " * 100)
    if what == "songs":
        with closing(sqlite3.connect(path)) as db, db:
            db.execute("CREATE TABLE songs (name TEXT)")
    before = path.read_bytes() if path.exists() else None
    done = run("rebuild", "--yes", "--audit", f"sqlite:///{path}")
    assert (done.exit_code, "Traceback" in done.output) == (2, False)
    assert done.stderr.startswith("nightdrop: ")
    assert (path.read_bytes() if path.exists() else None) == before


def test_the_state_of_every_store_is_rebuilt(store_address: str) -> None:
    """By the role or the keys that the function has; the log accepts the next record."""
    with closing(open_any_log(store_address)) as log:
        log.commit(recording(list(run_records("one"))))
        log.commit(recording(list(run_records("waits"))[:3]))
    done = run("rebuild", "--yes", "--audit", store_address)
    assert (done.exit_code, done.output) == (0, "Rebuilt from 9 records; record 10 says so.\n")
    found = run("verify", "--audit", store_address)
    assert found.output.startswith("chain valid, "), found.output
    with closing(open_any_log(store_address)) as log:
        assert [job.state for job in log.read(lambda view: view.open(9).jobs)] == ["planned"]
        assert log.commit(recording(list(run_records("more")))).records[0].seq in {11, 12}
