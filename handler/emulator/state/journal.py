"""The changes of an emulator in a file, one JSON line each: a new process goes on from them.

A line is handed to the system before the change is answered: a process that is killed at any
instant loses nothing it has answered. (A machine that loses power may: nothing is forced to disk.)
A last line without its end was never answered and is cut off.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
from dataclasses import asdict
from io import FileIO
from typing import TYPE_CHECKING, Any

from handler.emulator.ief.job import Job
from handler.emulator.ief.job_run import Run, Work
from handler.emulator.ief.node_upgrades import Upgrade
from handler.emulator.obs.object_version import StoredObject
from handler.emulator.state import changes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from handler.emulator.state.changes import Change

_NAMES = (
    "AllForgotten",
    "JobKept",
    "JobRemoved",
    "BucketMade",
    "VersioningSet",
    "LockSet",
    "ObjectPut",
    "DataAppended",
    "VersionRemoved",
)

_OPENING = b'{"change":"'  # of every line


class JournalError(OSError):
    """The journal cannot be read or written; the message says why."""


class Journal:
    """The file `emulator.jsonl` in a directory, open for appending.

    Attributes:
        path: Where it is.
    """

    def __init__(self, directory: Path) -> None:
        """Open the journal of a directory, which is made if it is not there.

        It holds whole deployments, so it is its owner's alone.

        Raises:
            OSError: The directory or the file cannot be made or written.
            JournalError: Another emulator uses the directory.
        """
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path = directory / "emulator.jsonl"
        self._file = open_private(self.path)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._file.close()
            raise JournalError(f"another emulator keeps its state in {directory}") from error

    def read(self) -> list[Change]:
        """Return the changes so far, and cut off a last line that was not finished.

        Raises:
            JournalError: A line is none that an emulator has written; the journal is closed then,
                and the file is as it was.
        """
        self._file.seek(0)
        *lines, rest = self._file.read().split(b"\n")
        kept = [self._decoded(number, line) for number, line in enumerate(lines, 1)]
        if rest:
            if rest[: len(_OPENING)] != _OPENING[: len(rest)]:
                raise self._foreign(len(lines) + 1)
            self._file.truncate(sum(map(len, lines)) + len(lines))
        return kept

    def write(self, change: Change) -> None:
        """Add a change; once this returns, it outlives the process.

        Raises:
            OSError: It cannot be written, and nothing of it is in the file.
        """
        line = memoryview(encode(change).encode() + b"\n")
        before = self._file.seek(0, os.SEEK_END)
        try:
            while line:
                line = line[self._file.write(line) :]
        except OSError:
            self._file.truncate(before)
            raise

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _decoded(self, number: int, line: bytes) -> Change:
        try:
            return decode(line.decode())
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise self._foreign(number) from error

    def _foreign(self, number: int) -> JournalError:
        self.close()
        what = f"line {number} of {self.path} is not an emulator's"
        return JournalError(f"{what}; move the file away to begin anew")


def open_private(path: Path) -> FileIO:
    """Open a file for reading and appending, unbuffered; nobody but its owner may read it.

    Raises:
        OSError: It cannot be made, written, or kept from others.
    """
    handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.fchmod(handle, 0o600)
    except OSError:
        os.close(handle)
        raise
    return FileIO(handle, "a+")


def encode(change: Change) -> str:
    """Return a change as one line of JSON."""
    fields = {"change": type(change).__name__, **asdict(change)}
    return json.dumps(fields, ensure_ascii=True, separators=(",", ":"), default=_base64)


def decode(line: str) -> Change:
    """Return the change that `encode` wrote.

    Raises:
        ValueError: The line is no change. KeyError, TypeError or AttributeError likewise.
    """
    fields: dict[str, Any] = json.loads(line)
    name = fields.pop("change")
    if name not in _NAMES:
        raise ValueError("there is no such change")
    for field, build in _BUILT.items():
        if field in fields:
            fields[field] = build(fields[field])
    change: Change = getattr(changes, name)(**fields)
    return change


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _job(fields: dict[str, Any]) -> Job:
    return Job(**{**fields, "runs": tuple(map(_run, fields["runs"]))})


def _run(fields: dict[str, Any]) -> Run:
    return Run(**{**fields, "works": tuple(Work(**work) for work in fields["works"])})


def _stored(fields: dict[str, Any]) -> StoredObject:
    metadata = tuple((name, value) for name, value in fields["metadata"])
    data = base64.b64decode(fields["data"], validate=True)
    return StoredObject(**{**fields, "data": data, "metadata": metadata})


def _upgrades(values: list[dict[str, Any]]) -> tuple[Upgrade, ...]:
    return tuple(Upgrade(**value) for value in values)


_BUILT: dict[str, Callable[[Any], object]] = {
    "job": _job,
    "stored": _stored,
    "upgrades": _upgrades,
    "data": base64.b64decode,
}
