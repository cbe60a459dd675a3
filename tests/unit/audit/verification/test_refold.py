"""The state folded again, many rows at a time, equals the one that is stored row by row."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import pytest

from handler.audit.open_log import open_source
from handler.audit.sql.sqlite import SqliteLog
from handler.audit.verification import refold as module
from handler.audit.verification.derived_state import tables_of
from handler.audit.verification.refold import Refold
from handler.values.canonical_json import Json, canonical, timestamp
from tests.unit.audit.sql.test_sqlite_migration import FIRST

if TYPE_CHECKING:
    from pathlib import Path


def differences(path: Path) -> list[str]:
    """Return the differences that are found in the state of a log."""
    with closing(open_source(f"sqlite:///{path}")) as stored:
        return [str(one) for one in stored.differences(lambda _count: None)]


@pytest.mark.parametrize("most", [1, 7, 4000])
def test_a_month_of_the_function_raises_no_alarm(
    month: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    """However many states are held in memory; a changed state of it does."""
    monkeypatch.setattr(module, "_MOST", most)
    assert differences(month) == []
    copy = tmp_path / "changed.db"
    shutil.copy(month, copy)
    with closing(sqlite3.connect(copy)) as db, db:
        db.execute("UPDATE jobs SET attempt = attempt + 1 WHERE rowid = 9")
        db.execute("UPDATE deliveries SET changed = 1 WHERE rowid = 9")
    message = differences(copy)
    assert [one.rpartition(": ")[2] for one in message] == ["changed", "attempt"]


def test_a_log_of_the_first_version_raises_no_alarm_after_it_was_opened(path: Path) -> None:
    """Its records know no digest of a body, and nothing is missed in them."""
    with closing(sqlite3.connect(path)) as db:
        db.executescript(FIRST.read_text())
    SqliteLog(path).close()
    assert differences(path) == []


def test_every_derived_table_of_the_schema_is_compared() -> None:
    """Whatever is added to it; the outbox is compared by its digests."""
    with closing(Refold()) as refold:
        tables = {table.name: table.columns for table in tables_of(refold)}
    assert set(tables) >= {"deliveries", "jobs", "switches"}
    assert not {"records", "outbox", "bodies"} & set(tables)
    assert tables["jobs"][0] == "key"


def test_a_record_from_which_no_state_follows_is_a_fault() -> None:
    """It has the form of a record, and lacks what its action needs."""
    text = b'{"action":"job.sending","commit":"c","delivery":{"key":"d"},"job":{"key":"j"},"seq":1}'
    planned = text.replace(b"sending", b"planned")
    with closing(Refold()) as refold:
        faults = list(refold.add_pages([[(1, b"", b"", planned), (2, b"", b"", text)]], print))
    assert [fault.seq for fault in faults] == [1]


@pytest.mark.parametrize(
    ("settings", "waves", "error"),
    [({}, " ", IndexError), ({"max_targets_per_job": 0}, "1", ZeroDivisionError)],
)
def test_a_rollout_of_impossible_numbers_is_a_fault(
    settings: dict[str, Json], waves: str, error: type[Exception]
) -> None:
    """Whatever error they lead to."""
    common: dict[str, Json] = {
        "at": timestamp(datetime(2026, 11, 27, tzinfo=timezone.utc)),
        "outcome": "success",
        "commit": "c",
        "delivery": {"key": "d", "trigger": "direct", "subject": "direct"},
    }
    rollout: dict[str, Json] = {"key": "r", "name": "n", "type": "t", "document": 1}
    rollout |= {"waves": waves, "settings": canonical(settings)}
    planned: dict[str, Json] = {**common, "action": "rollout.planned", "rollout": rollout, "seq": 2}
    with closing(Refold()) as refold:
        refold.add({**common, "action": "delivery.planned", "seq": 1})
        with pytest.raises(error):
            refold.add(planned)
        rows = [(2, b"", b"", canonical(planned).encode())]
        assert [fault.seq for fault in refold.add_pages([rows], print)] == [2]
