"""The log in a SQLite file: what it refuses, what it shows, and what it survives."""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import closing
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import pytest

from handler.audit.log import Decision
from handler.audit.record import FIRST_PREV, Draft, Head
from handler.audit.sql.rows import records_of
from handler.audit.sql.sqlite import SqliteLog
from handler.errors import LogBusyError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from handler.audit.log import Decide, View
    from handler.audit.sql.view import SqlView

Noted: TypeAlias = "Callable[..., Decide[str]]"
Planned: TypeAlias = "Callable[..., Decide[None]]"

ATTACKS = {
    "update": "UPDATE records SET record = '{}' WHERE seq = 2",
    "update or replace": "UPDATE OR REPLACE records SET seq = 1 WHERE seq = 2",
    "delete": "DELETE FROM records WHERE seq = 3",
    "replace by number": "INSERT OR REPLACE INTO records VALUES (3, 'x', :prev2, '{}')",
    "upsert": "INSERT INTO records VALUES (3, 'x', :hash2, '{}') "
    "ON CONFLICT (seq) DO UPDATE SET record = '{}'",
    "gap": "INSERT INTO records VALUES (5, 'x', :hash3, '{}')",
    "no number": "INSERT INTO records (hash, prev, record) VALUES ('x', :hash3, '{}')",
    "fork": "INSERT INTO records VALUES (4, 'x', :hash2, '{}')",
    "fork from nothing": f"INSERT INTO records VALUES (4, 'x', '{FIRST_PREV}', '{{}}')",  # noqa: S608 - the attack
    "ignored": "INSERT OR IGNORE INTO records VALUES (2, :hash2, :hash1, '{}')",
    "no json": "INSERT INTO records VALUES (4, 'x', :hash3, '{')",
    "no text": "INSERT INTO records VALUES (4, 'x', :hash3, NULL)",
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_the_database_itself_refuses_to_change_the_past(
    log: SqliteLog, noted: Noted, path: Path, attack: str
) -> None:
    """On any connection, with SQLite's defaults."""
    log.commit(noted("a", "b", "c"))
    before = list(log.records())
    known = {f"hash{one.seq}": one.hash for one in before} | {"prev2": before[1].hash}
    with closing(sqlite3.connect(path)) as db, pytest.raises(sqlite3.IntegrityError):
        db.execute(attack, known)
    assert list(log.records()) == before


def test_an_append_that_fits_is_taken(log: SqliteLog, noted: Noted, path: Path) -> None:
    """The guards refuse the attacks above and not everything."""
    head = log.commit(noted("a")).records[0].hash
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("INSERT INTO records VALUES (2, 'x', ?, '{}')", (head,))
    assert [record.seq for record in log.records()] == [1, 2]


def test_no_record_gives_way_to_one_of_the_same_hash(
    log: SqliteLog, noted: Noted, path: Path
) -> None:
    """Such a record is appended, as any other that `audit verify` then finds."""
    log.commit(noted("a", "b"))
    before = list(log.records())
    attack = "INSERT OR REPLACE INTO records VALUES (3, ?, ?, '{}')"
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(attack, (before[0].hash, before[1].hash))
    assert list(log.records())[:2] == before


def test_a_commit_returns_what_it_appended(log: SqliteLog, noted: Noted) -> None:
    """The value of the decision, and the records as they were stored."""
    done = log.commit(noted("a", "b"))
    assert done.value == "b"
    assert list(done.records) == list(log.records())
    assert log.read(lambda view: view.head) == Head(2, done.records[-1].hash)


def test_later_decisions_see_the_earlier_ones_of_their_commit(
    log: SqliteLog, planned: Planned
) -> None:
    """Although nothing of it is durable yet."""

    def look(view: View) -> Decision[tuple[bool, int]]:
        return Decision((view.job("j") is not None, view.head.seq))

    answers = log.commit_all([look, planned("d", "j"), look])
    assert [done.value for done in answers] == [(False, 0), None, (True, 2)]


def test_one_commit_has_one_id_and_another_a_new_one(log: SqliteLog, noted: Noted) -> None:
    """By it a store knows its own append after a lost answer."""
    log.commit_all([noted("a", "b"), noted("c")])
    log.commit(noted("d"))
    first, *_, last = ids = [record.fields["commit"] for record in log.records()]
    assert ids == [first, first, first, last]
    assert first != last


def test_decisions_without_records_append_nothing(log: SqliteLog) -> None:
    """Asking is free."""
    assert log.commit(lambda view: Decision(view.head.seq)).value == 0
    assert log.commit_all([]) == ()
    assert list(log.records()) == []


def test_a_decision_that_fails_appends_nothing(
    log: SqliteLog, noted: Noted, planned: Planned
) -> None:
    """Nor do those beside it, and the log accepts the next commit."""

    def failing(_view: View) -> Decision[None]:
        raise LookupError("no")

    with pytest.raises(LookupError):
        log.commit_all([noted("a"), planned("d", "j"), failing])
    assert (list(log.records()), log.bodies(["j"])) == ([], {})
    assert log.commit(noted("b")).records[0].seq == 1


def test_a_record_that_cannot_be_sealed_appends_nothing(log: SqliteLog, noted: Noted) -> None:
    """The records before it in the same commit are taken back."""
    with pytest.raises(ValueError, match="surrogate"):
        log.commit(noted("a", "\ud800"))
    assert list(log.records()) == []


def test_the_first_body_stays(log: SqliteLog, planned: Planned) -> None:
    """The planned body is sent, whatever another commit stores for the same job."""
    log.commit(planned("d", "j"))
    (plan, job) = planned("d", "j")(cast("View", None)).drafts
    log.commit(lambda _view: Decision(None, (plan, job._replace(body="{}"))))
    assert log.bodies(["j"]).get("j") == '{"body": "j"}'


def test_reading_shows_nothing_of_an_unfinished_commit(
    log: SqliteLog, noted: Noted, path: Path
) -> None:
    """Neither to a thread of the same process nor to another connection."""
    inside = threading.Event()
    seen: list[int] = []
    others: list[int] = []

    def slow(_view: View) -> Decision[None]:
        inside.set()
        reader.join(0.2)
        with closing(sqlite3.connect(path)) as db:
            others.extend(db.execute("SELECT count(*) FROM records").fetchone())
        return Decision(None)

    def read() -> None:
        inside.wait()
        seen.append(log.read(lambda view: view.head.seq))

    reader = threading.Thread(target=read)
    reader.start()
    log.commit_all([noted("a"), slow, noted("b")])
    reader.join()
    assert (seen, others) == ([2], [0])


def test_the_state_does_not_move_while_it_is_read(log: SqliteLog, noted: Noted, path: Path) -> None:
    """What another process appends in between is seen by the next reading."""
    other = SqliteLog(path)

    def ask(view: View) -> tuple[int, int]:
        before = view.head.seq
        other.commit(noted("a"))
        return before, view.head.seq

    assert log.read(ask) == (0, 0)
    assert log.read(lambda view: view.head.seq) == 1
    other.close()


def test_a_view_has_the_stores_clock(path: Path) -> None:
    """One time for a whole commit, and the records have it."""
    at = datetime(2026, 5, 6, tzinfo=timezone.utc)
    with closing(SqliteLog(path, clock=lambda: at)) as log:
        draft = Draft(action="log.noted", outcome="success")
        done = log.commit(lambda view: Decision(view.now, (draft,)))
    assert done.value == at
    assert done.records[0].fields["at"] == "2026-05-06T00:00:00.000000Z"


def test_records_are_read_from_any_place(log: SqliteLog, noted: Noted) -> None:
    """Over the bounds of pages, and while more are appended."""
    log.commit(noted(*(f"{number}" for number in range(1001))))
    walk = log.records(998)
    assert next(walk).seq == 999
    log.commit(noted("last"))
    assert [record.seq for record in walk] == [1000, 1001, 1002]


def test_every_commit_is_on_the_disk_before_it_returns(log: SqliteLog) -> None:
    """The write-ahead log with synchronous FULL loses nothing that was answered."""
    pragmas = log.read(
        lambda view: [
            cast("SqlView", view).execute(f"PRAGMA {name}")[0][0]
            for name in ("journal_mode", "synchronous")
        ]
    )
    assert pragmas == ["wal", 2]


def test_a_busy_log_is_given_up_after_a_while(path: Path, noted: Noted) -> None:
    """Nothing is appended, and the next try may succeed."""
    with closing(SqliteLog(path, lock_timeout=0.1)) as log, closing(sqlite3.connect(path)) as db:
        db.execute("BEGIN IMMEDIATE")
        with pytest.raises(LogBusyError, match="other writers"):
            log.commit(noted("a"))
        assert log.read(lambda view: view.head.seq) == 0
        db.rollback()
        assert log.commit(noted("b")).records[0].seq == 1


@pytest.mark.parametrize("left", [0.0, 0.5, 1.1])
def test_a_busy_log_is_given_up_before_the_invocation_ends(
    path: Path, noted: Noted, left: float
) -> None:
    """Whatever the limit is otherwise: the platform must get the error."""
    with (
        closing(SqliteLog(path, time_left=lambda: left)) as log,
        closing(sqlite3.connect(path)) as db,
    ):
        db.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        with pytest.raises(LogBusyError, match="other writers"):
            log.commit(noted("a"))
        assert time.monotonic() - began < 5


def test_the_log_knows_nothing_of_foreign_values(log: SqliteLog) -> None:
    """Text that looks like SQL is text."""
    evil: Any = "'; DROP TABLE records; --"
    assert log.read(lambda view: (view.job(evil), view.delivery(evil), view.latest_run(evil))) == (
        None,
        None,
        None,
    )


def test_the_records_of_a_delivery_are_read_from_its_first_to_its_last(
    log: SqliteLog, planned: Planned
) -> None:
    """However many others the log has; only for a delivery that was forgotten all are read."""
    log.commit(planned("d1", "one"))
    plans: list[str] = []

    def found(view: View, key: str) -> list[int]:
        def explained(statement: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
            execute = cast("SqlView", view).execute
            plans.extend(row[3] for row in execute(f"EXPLAIN QUERY PLAN {statement}", values))
            return execute(statement, values)

        key_of_record = "json_extract(record, '$.delivery.key')"
        return [one.seq for one in records_of(explained, key_of_record, [key])]

    assert log.read(lambda view: found(view, "d1")) == [1, 2]
    assert [plan for plan in plans if plan.startswith("SCAN")] == []
    assert log.read(lambda view: found(view, "none")) == []
    assert "SCAN records" in plans
