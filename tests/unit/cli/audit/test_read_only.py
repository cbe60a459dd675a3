"""Reading a log where nothing may be written, as a user other than root."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from handler.audit.sql.sqlite import SqliteLog
from handler.cli.main import main
from tests.hostile.limits import run_limited
from tests.support.long_log import LongLog, recording, run_records

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMING = {
    "audit list -o json": 0,
    "audit show {name}": 0,
    "audit export --format jsonl": 0,
    "jobs list -o json": 0,
    "jobs show {name}": 0,
    "jobs watch {name} --timeout 0": 75,
    "status -o json": 0,
}
"""Commands that print the name of a job that runs, and their statuses."""
COMMANDS = {**NAMING, "audit stats": 0, "audit verify": 2, "rollout list": 0}
NOBODY = 65_534
LAST = "read-only"


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that anybody may enter, unlike those of the tests."""
    with tempfile.TemporaryDirectory() as made:
        Path(made).chmod(0o755)
        yield Path(made) / "kept"


def read_only(path: Path, folder: Path, *, with_wal: bool) -> str:
    """Copy a log into a folder in which nothing may be written, and return its address."""
    folder.mkdir()
    for suffix in ("", "-wal") if with_wal else ("",):
        shutil.copy(f"{path}{suffix}", folder / f"audit.db{suffix}")
    for one in folder.iterdir():
        one.chmod(0o444)
    folder.chmod(0o555)
    return f"sqlite:///{folder}/audit.db"


def as_unprivileged_user(writable: str, address: str, name: str) -> list[tuple[int, str]]:
    """Run every command that reads, as a user without privileges, in a separate process."""
    run_all(writable, name)  # import their modules while root may read them
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    return run_all(address, name)


def run_all(address: str, name: str) -> list[tuple[int, str]]:
    """Run every command that reads; return exit statuses and output."""
    calls = [[*command.format(name=name).split(), "--audit", address] for command in COMMANDS]
    done = [CliRunner().invoke(main, call) for call in calls]
    return [(one.exit_code, f"{one.output}{one.exception!r}") for one in done]


@pytest.mark.parametrize("with_wal", [False, True])
def test_an_intact_log_is_read_where_nothing_may_be_written(
    tmp_path: Path, folder: Path, *, with_wal: bool
) -> None:
    """Every command that reads it does, with all that was committed, and no alarm is raised."""
    made = LongLog(tmp_path)
    made.grow(60)
    with closing(SqliteLog(made.path)) as log:
        log.commit(recording(list(run_records(LAST))))
        if with_wal:
            address = read_only(made.path, folder, with_wal=True)
    if not with_wal:
        address = read_only(made.path, folder, with_wal=False)
    name = next(str(one.job["name"]) for one in run_records(LAST) if one.job)
    outcome = run_limited(as_unprivileged_user, made.address, address, name)
    assert not outcome.error, outcome.trace
    done = dict(zip(COMMANDS, outcome.value, strict=True))
    assert {words: status for words, (status, _) in done.items()} == COMMANDS, outcome
    assert [words for words in NAMING if name not in done[words][1]] == []
    assert done["audit verify"][1].startswith("chain valid, completeness not proven: 66 records")


@pytest.mark.parametrize("suffix", ["", "-shm"])
def test_an_unreadable_log_is_not_reported_as_damaged(
    tmp_path: Path, folder: Path, suffix: str
) -> None:
    """It may be intact, and even be written to: the message names the cause."""
    made = LongLog(tmp_path)
    made.grow(60)
    address = read_only(made.path, folder, with_wal=False)
    folder.chmod(0o755)
    (folder / f"audit.db{suffix}").touch()
    (folder / f"audit.db{suffix}").chmod(0)
    outcome = run_limited(as_unprivileged_user, made.address, address, "x")
    assert not outcome.error, outcome.trace
    for status, output in outcome.value:
        assert status == 2
        assert "cannot be read" in output
        assert "it must be readable, and so must its -wal and -shm" in output


def test_a_log_of_another_version_has_to_be_writable(tmp_path: Path, folder: Path) -> None:
    """Its state is not read before its tables are rebuilt: the message says both."""
    made = LongLog(tmp_path)
    made.grow(60)
    address = read_only(made.path, folder, with_wal=False)
    with closing(sqlite3.connect(folder / "audit.db")) as database:
        database.execute("PRAGMA user_version = 1005")
    outcome = run_limited(as_unprivileged_user, made.address, address, "x")
    assert not outcome.error, outcome.trace
    status, output = outcome.value[list(COMMANDS).index("status -o json")]
    assert status == 2
    assert "the log has the tables of another version" in output
    assert "it must be a writable file" in output
