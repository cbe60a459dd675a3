"""Reading the state of a log in a SQLite file without opening it to write."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, TypeAlias

import pytest

from handler.audit.sql.sqlite import SqliteLog
from handler.audit.sql.sqlite_reading import ReadOnlySqliteLog
from handler.errors import LogError, LogOutdatedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from handler.audit.log import Decide

Noted: TypeAlias = "Callable[..., Decide[str]]"


def test_each_read_has_what_is_committed_by_then(path: Path, noted: Noted) -> None:
    """Others write between two looks."""
    reader = ReadOnlySqliteLog(path)
    with closing(SqliteLog(path)) as log:
        for last in (1, 2):
            log.commit(noted("a"))
            assert reader.read(lambda view: view.head).seq == last


def test_nothing_is_written_to_the_file(path: Path, noted: Noted) -> None:
    """Not even what a question would change by mistake."""
    with closing(SqliteLog(path)) as log:
        log.commit(noted("a"))
    before = path.read_bytes()
    with pytest.raises(LogError, match="readonly"):
        ReadOnlySqliteLog(path).read(lambda view: view.execute("DELETE FROM jobs"))  # type: ignore[attr-defined]
    assert path.read_bytes() == before


def test_tables_of_another_version_are_not_read(path: Path, noted: Noted) -> None:
    """They may have other columns."""
    with closing(SqliteLog(path)) as log:
        log.commit(noted("a"))
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA user_version = 1005")
    with pytest.raises(LogOutdatedError, match="tables of another version"):
        ReadOnlySqliteLog(path).read(lambda view: view.head)
