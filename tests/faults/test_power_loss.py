"""The power fails at any moment: no record whose commit returned is lost, the chain is valid.

`POWER_CUTS` in the environment says how often; `make storm` cuts it 400 times.
"""

from __future__ import annotations

import os
from contextlib import closing
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4

import apsw
import pytest

import handler.audit.sql.sqlite
from handler.audit.log import Decision
from handler.audit.record import Draft
from handler.audit.sql import projection
from handler.audit.sql.sqlite import SqliteLog
from handler.audit.sql.view import SqlView
from handler.audit.verification.verdict import verify
from tests.faults.disk import Acknowledge, Disk, Note, after_cut
from tests.support.depth import examples

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handler.audit.log import View

CUTS = int(os.environ.get("POWER_CUTS", examples(100)))
COMMITS = 250
PAGES = 120
"""A checkpoint after so many pages, far more often than in use: it is the dangerous moment."""

SCHEMA = Path(handler.audit.sql.sqlite.__file__).with_name("sqlite.sql").read_text(encoding="utf-8")


def received(number: int) -> Draft:
    """Return the record of a delivery, with a body for the outbox."""
    delivery = {"key": f"delivery-{number}", "trigger": "direct", "subject": f"subject-{number}"}
    return Draft("delivery.received", "pending", delivery=delivery, body="x" * (number * 37 % 9000))


def history(synchronous: str, folder: Path) -> list[Note]:
    """Return the disk operations of the product's own statements that commit many records."""
    notes: list[Note] = []
    name = f"disk-{uuid4().hex}"
    disk = Disk(name, notes)
    db = apsw.Connection(str(folder / "audit.db"), vfs=name)
    with closing(db):
        for pragma in (
            "locking_mode = EXCLUSIVE",
            "journal_mode = WAL",
            f"synchronous = {synchronous}",
            f"wal_autocheckpoint = {PAGES}",
        ):
            db.execute(f"PRAGMA {pragma}").fetchall()
        assert db.pragma("journal_mode") == "wal"
        db.execute(f"BEGIN IMMEDIATE;\n{SCHEMA}\nCOMMIT;")
        for number in range(1, COMMITS + 1):
            _commit(db, received(number))
            notes.append(Acknowledge(number))
    disk.unregister()
    return notes


def _commit(db: apsw.Connection, draft: Draft) -> None:
    def execute(statement: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        return list(db.execute(statement, cast("tuple[str, ...]", tuple(values))))

    view = SqlView(execute, datetime.now(timezone.utc))
    db.execute("BEGIN IMMEDIATE")
    projection.run_decisions([lambda _view: Decision(None, (draft,))], view, uuid4().hex)
    db.execute("COMMIT")


def _delivery(key: str, view: View) -> object:
    return view.delivery(key)


def lost_in(notes: list[Note], seed: int, folder: Path) -> int:
    """Cut the power somewhere, open the remaining files, and return how many records are lost."""
    chance = Random(seed)  # noqa: S311 - to repeat runs
    folder.mkdir()
    promised = after_cut(notes[: chance.randrange(len(notes)) + 1], chance, folder)
    with closing(SqliteLog(folder / "audit.db")) as log:
        kept = list(log.records())
        assert verify(kept).whole
        for record in kept:
            key = f"delivery-{record.seq}"
            state = log.read(partial(_delivery, key))
            assert state is not None
            assert log.bodies([key]).get(key) is not None
    return max(0, promised - len(kept))


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> list[Note]:
    """What the disk sees with the settings in use."""
    return history("FULL", tmp_path_factory.mktemp("full"))


def test_these_are_the_settings_in_use(tmp_path: Path) -> None:
    """Write-ahead log, synchronous FULL (2): what the cuts are made with."""

    def pragmas(view: View) -> list[object]:
        execute = cast("SqlView", view).execute
        return [execute(f"PRAGMA {name}")[0][0] for name in ("journal_mode", "synchronous")]

    with closing(SqliteLog(tmp_path / "audit.db")) as log:
        assert log.read(pragmas) == ["wal", 2]


def test_no_acknowledged_record_is_lost(full: list[Note], tmp_path: Path) -> None:
    """Whenever the power fails; the state and the outbox match the records."""
    assert [lost_in(full, seed, tmp_path / str(seed)) for seed in range(CUTS)] == [0] * CUTS


def test_without_synchronous_full_the_same_cuts_lose_records(tmp_path: Path) -> None:
    """Under NORMAL a commit is not synced: the cuts can find a loss where there is one."""
    (tmp_path / "disk").mkdir()
    notes = history("NORMAL", tmp_path / "disk")
    losses = [lost_in(notes, seed, tmp_path / str(seed)) for seed in range(20)]
    assert sum(loss > 0 for loss in losses) > len(losses) / 2
