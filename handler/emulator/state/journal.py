"""The journal of an emulator: one JSON line for each change, replayed by the next process.

A line is written before the change is answered, so a process that is killed at any instant loses
nothing that it has answered. It is not synced to disk: a power failure may lose the last changes.
A last line without a line feed was never answered and is cut off.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
from dataclasses import asdict
from io import FileIO
from typing import TYPE_CHECKING, Any, get_args

from handler.emulator.ief.deployments import DeploymentChange
from handler.emulator.ief.effects import Upgrade
from handler.emulator.ief.job import Job
from handler.emulator.ief.run import Run, Task
from handler.emulator.obs.bucket import ObjectVersion
from handler.emulator.state import changes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from handler.emulator.state.changes import Change

_CHANGES: dict[str, type[Change]] = {kind.__name__: kind for kind in get_args(changes.Change)}

_OPENING = b'{"change":"'  # of every line


class JournalError(OSError):
    """The journal cannot be read or written; the message says why."""


class Journal:
    """The file `emulator.jsonl` in a directory, open for appending."""

    def __init__(self, directory: Path) -> None:
        """Open the journal of a directory, which is created if it does not exist.

        It holds complete deployments, so only its owner may read it.

        Raises:
            OSError: The directory or the file cannot be created or written.
            JournalError: Another emulator uses the directory.
        """
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path = directory / "emulator.jsonl"
        self._file = open_private(self.path)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._file.close()
            raise JournalError(f"another emulator is using {directory}") from error

    def read(self) -> list[Change]:
        """Return the changes so far, and cut off an unfinished last line.

        Raises:
            JournalError: A line was not written by an emulator; the journal is closed, and the file
                is as before.
        """
        self._file.seek(0)
        *lines, rest = self._file.read().split(b"\n")
        changes = [self._decoded(number, line) for number, line in enumerate(lines, 1)]
        if rest:
            if rest[: len(_OPENING)] != _OPENING[: len(rest)]:
                raise self._foreign(len(lines) + 1)
            self._file.truncate(sum(map(len, lines)) + len(lines))
        return changes

    def write(self, change: Change) -> None:
        """Append a change; once this returns, it outlives the process.

        Raises:
            OSError: It cannot be written; the file is as before.
        """
        line = memoryview(encode_change(change).encode() + b"\n")
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
            return decode_change(line.decode())
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise self._foreign(number) from error

    def _foreign(self, number: int) -> JournalError:
        self.close()
        what = f"line {number} of {self.path} is not an emulator's"
        return JournalError(f"{what}; move the file away to start empty")


def open_private(path: Path) -> FileIO:
    """Open a file for reading and appending, unbuffered and private to its owner.

    Raises:
        OSError: It cannot be created, written, or made private.
    """
    handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.fchmod(handle, 0o600)
    except OSError:
        os.close(handle)
        raise
    return FileIO(handle, "a+")


def encode_change(change: Change) -> str:
    """Return a change as one line of JSON."""
    fields = {"change": type(change).__name__, **asdict(change)}
    return json.dumps(
        fields,
        ensure_ascii=True,
        separators=(",", ":"),
        default=lambda data: base64.b64encode(data).decode(),
    )


def decode_change(line: str) -> Change:
    """Return the change that `encode` wrote.

    Raises:
        ValueError, KeyError, TypeError, AttributeError: The line is not a change.
    """
    fields: dict[str, Any] = json.loads(line)
    name = fields.pop("change")
    for field, build in _BUILT.items():
        if field in fields:
            fields[field] = build(fields[field])
    return _CHANGES[name](**fields)


def _job(fields: dict[str, Any]) -> Job:
    return Job(**{**fields, "runs": tuple(map(_run, fields["runs"]))})


def _run(fields: dict[str, Any]) -> Run:
    tasks = tuple(Task(**task) for task in fields["tasks"])
    return Run(**{**fields, "tasks": tasks})


def _stored(fields: dict[str, Any]) -> ObjectVersion:
    metadata = tuple((name, value) for name, value in fields["metadata"])
    data = base64.b64decode(fields["data"], validate=True)
    return ObjectVersion(**{**fields, "data": data, "metadata": metadata})


_BUILT: dict[str, Callable[[Any], object]] = {
    "job": _job,
    "stored": _stored,
    "upgrades": lambda values: tuple(Upgrade(**value) for value in values),
    "deployments": lambda values: tuple(DeploymentChange(**value) for value in values),
    "data": base64.b64decode,
}
