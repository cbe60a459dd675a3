"""The state that is stored beyond the process."""

from __future__ import annotations

import os
import resource
import signal
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handler.emulator.ief.deployments import DeploymentChange
from handler.emulator.ief.effects import Upgrade
from handler.emulator.ief.job import Job
from handler.emulator.ief.run import Run, Task
from handler.emulator.obs.bucket import ObjectVersion
from handler.emulator.state import changes
from handler.emulator.state.journal import Journal, JournalError, decode_change, encode_change
from handler.emulator.state.state import State

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TEXT = st.text(max_size=8)
TIMES = st.floats(0, 2e9)
TASKS = st.builds(Task, st.integers(0, 9), TIMES, TEXT, st.booleans(), TIMES, TIMES)
RUNS = st.builds(
    Run,
    TIMES,
    st.floats(0.1, 100),
    TIMES,
    st.integers(1, 9),
    TIMES,
    TIMES,
    st.lists(TASKS, max_size=3).map(tuple),
    st.none() | TIMES,
)
REQUESTS = st.fixed_dictionaries({"job_name": TEXT, "tags": st.lists(TEXT, max_size=2)})
JOBS = st.builds(Job, TEXT, st.integers(1), TIMES, REQUESTS, st.lists(RUNS, max_size=2).map(tuple))
STORED = st.builds(
    ObjectVersion,
    st.binary(max_size=20),
    TIMES,
    TEXT,
    st.lists(st.tuples(TEXT, TEXT), max_size=2).map(tuple),
    TEXT,
    st.integers(0, 9),
    st.booleans(),
    TIMES,
)
CHANGES = st.one_of(
    st.just(changes.StateReset()),
    st.builds(changes.JobSaved, JOBS),
    st.builds(
        changes.JobRemoved,
        TEXT,
        st.lists(st.builds(Upgrade, TEXT, TIMES), max_size=2).map(tuple),
        st.lists(st.builds(DeploymentChange, TEXT, TIMES, TEXT, TEXT, TEXT), max_size=2).map(tuple),
    ),
    st.builds(changes.BucketCreated, TEXT),
    st.builds(changes.VersioningSet, TEXT, TEXT),
    st.builds(changes.LockSet, TEXT, st.integers(1, 36_500)),
    st.builds(changes.ObjectPut, TEXT, TEXT, STORED),
    st.builds(changes.DataAppended, TEXT, TEXT, st.binary(max_size=20), TIMES),
    st.builds(changes.VersionRemoved, TEXT, TEXT, st.none() | TEXT),
)


@settings(deadline=None)
@given(CHANGES)
def test_every_change_comes_back_as_it_was(change: changes.Change) -> None:
    """As one line of ASCII."""
    line = encode_change(change)
    assert line.isascii()
    assert "\n" not in line
    assert decode_change(line) == change


def test_a_new_process_reads_what_was_written(tmp_path: Path) -> None:
    """In its order."""
    written = [changes.BucketCreated("a"), changes.BucketCreated("b")]
    first = Journal(tmp_path / "made" / "here")
    for change in written:
        first.write(change)
    first.close()
    second = Journal(tmp_path / "made" / "here")
    assert second.read() == written
    second.close()


def test_a_line_without_its_end_is_cut_off(tmp_path: Path) -> None:
    """It was never acknowledged; later changes are written to a line of their own."""
    file = tmp_path / "emulator.jsonl"
    file.write_bytes(encode_change(changes.BucketCreated("a")).encode() + b'\n{"change":"Bucket')
    first = Journal(tmp_path)
    assert first.read() == [changes.BucketCreated("a")]
    first.write(changes.BucketCreated("b"))
    first.close()
    assert [decode_change(line) for line in file.read_text().splitlines()] == [
        changes.BucketCreated("a"),
        changes.BucketCreated("b"),
    ]


@pytest.mark.parametrize("line", ["x", "[]", '{"change":"Journal"}', '{"change":"BucketCreated"}'])
def test_a_line_of_another_kind_is_an_error_with_its_number(tmp_path: Path, line: str) -> None:
    """Nothing is guessed, and the file is left as it is."""
    file = tmp_path / "emulator.jsonl"
    text = f"{encode_change(changes.BucketCreated('a'))}\n{line}\n"
    file.write_text(text)
    journal = Journal(tmp_path)
    with pytest.raises(JournalError, match="line 2 of"):
        journal.read()
    journal.close()
    assert file.read_text() == text


@pytest.mark.parametrize("content", [b"my notes", b"SQLite format 3\0\n\n mine", b'{"a":1}'])
def test_a_file_that_is_not_an_emulators_is_left_as_it_was(tmp_path: Path, content: bytes) -> None:
    """Its last line is not a change that was never answered."""
    path = tmp_path / "emulator.jsonl"
    path.write_bytes(content)
    with pytest.raises(JournalError, match="is not an emulator's"):
        Journal(tmp_path).read()
    assert path.read_bytes() == content


def test_two_emulators_do_not_share_a_directory(tmp_path: Path) -> None:
    """Their states would mix."""
    first = Journal(tmp_path)
    with pytest.raises(JournalError, match="another emulator"):
        Journal(tmp_path)
    first.close()
    Journal(tmp_path).close()


def test_a_change_that_cannot_be_written_is_undone(tmp_path: Path) -> None:
    """Neither in memory nor after a restart, and those after it are."""
    journal = Journal(tmp_path)
    state = State(lambda: 0.0, lambda: "id", journal=journal)
    state.change(changes.BucketCreated("first"))
    with no_more_than(journal.path.stat().st_size + 5), pytest.raises(OSError, match="large"):
        state.change(changes.BucketCreated("refused"))
    state.change(changes.BucketCreated("last"))
    journal.close()
    again = Journal(tmp_path)
    assert [*state.buckets] == [*State(lambda: 0.0, lambda: "id", journal=again).buckets]
    assert [*state.buckets] == ["first", "last"]
    again.close()


def test_only_its_owner_reads_it(tmp_path: Path) -> None:
    """Whatever the umask, and also one that an older version has made."""
    before = os.umask(0)
    try:
        Journal(tmp_path / "made").close()
        kept = tmp_path / "emulator.jsonl"
        kept.touch(0o644)
        Journal(tmp_path).close()
    finally:
        os.umask(before)
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "made").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "made" / "emulator.jsonl").stat().st_mode) == 0o600


@contextmanager
def no_more_than(size: int) -> Iterator[None]:
    """Let no file grow beyond a size, as on a full disk."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
