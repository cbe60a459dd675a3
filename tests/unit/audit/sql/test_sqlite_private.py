"""The files of a log hold deployments: readable by their owner alone, with an application id."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, TypeAlias

import pytest

from handler.audit.checkpoints.folder_store import CheckpointFolder
from handler.audit.sql.sqlite import SqliteLog
from handler.audit.sql.sqlite_migration import APPLICATION_ID, application_id_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from handler.audit.log import Decide

Noted: TypeAlias = "Callable[..., Decide[str]]"


@pytest.fixture(autouse=True)
def _open_umask() -> Iterator[None]:
    """Let new files be readable for everybody, as on most machines."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def modes(path: Path) -> dict[str, str]:
    """Return the rights of each file in a log's folder."""
    return {one.name: oct(one.stat().st_mode & 0o777) for one in path.parent.iterdir()}


def test_the_files_of_a_new_log_are_its_owners_alone(path: Path, noted: Noted) -> None:
    """From the first moment, the WAL and its index too."""
    with closing(SqliteLog(path)) as log:
        log.commit(noted("a"))
        assert modes(path) == dict.fromkeys(["audit.db", "audit.db-wal", "audit.db-shm"], "0o600")


def test_the_files_of_an_existing_log_become_its_owners_alone(path: Path, noted: Noted) -> None:
    """When it is opened to be written to, also where another process has it open."""
    with closing(SqliteLog(path)) as first:
        first.commit(noted("a"))
        for one in path.parent.iterdir():
            one.chmod(0o644)
        with closing(SqliteLog(path)) as second:
            second.commit(noted("b"))
            assert set(modes(path).values()) == {"0o600"}


def test_a_file_that_is_no_log_keeps_its_rights(path: Path) -> None:
    """It belongs to another program."""
    path.write_text("these are my notes, " * 100)
    with pytest.raises(Exception, match="not an audit log"):
        SqliteLog(path)
    assert modes(path) == {"audit.db": "0o644"}


def test_deleted_rows_are_erased_from_the_file(
    path: Path, planned: Callable[..., Decide[None]]
) -> None:
    """A body that is settled leaves no trace: it is written over."""
    secret = "wholly unlike anything else"
    with closing(SqliteLog(path)) as log:
        log.commit(planned("d", "j"))
        execute = log._execute  # noqa: SLF001 - as the state would
        assert execute("PRAGMA secure_delete") == [(1,)]
        execute("UPDATE outbox SET body = ?", (secret,))
        execute("DELETE FROM outbox")
        execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert secret.encode() not in path.read_bytes()


def test_a_folder_of_checkpoints_is_its_owners_alone(tmp_path: Path) -> None:
    """If the log creates it; no other user sees a part of one."""
    folder = CheckpointFolder(tmp_path / "kept")
    folder.put("1.checkpoint", b"first")
    assert oct(folder.path.stat().st_mode & 0o777) == "0o700"
    with pytest.raises(FileExistsError):
        folder.put("1.checkpoint", b"second")
    assert [one.name for one in folder.path.iterdir()] == ["1.checkpoint"]
    assert folder.get("1.checkpoint") == b"first"


def test_a_log_identifies_itself_to_other_programs(path: Path) -> None:
    """An older one without an id gets it at its next opening."""
    SqliteLog(path).close()
    with closing(sqlite3.connect(path)) as db:
        assert application_id_of(db) == APPLICATION_ID
        db.execute("PRAGMA application_id = 0")
    SqliteLog(path).close()
    with closing(sqlite3.connect(path)) as db:
        assert application_id_of(db) == APPLICATION_ID
