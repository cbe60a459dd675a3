"""A disk that remembers the order of writes and syncs, and can lose its power at any moment.

A VFS of SQLite's, through APSW, passes everything on to the real file system and notes it down.
From the notes the files are rebuilt as they may stand after a cut: what was synced is there; of
what was not, each write is there or not, by chance, and some of them only in part. The idea is
that of SQLite's own crash tests (https://sqlite.org/testing.html, "Crash Testing").

APSW's files have no shared memory, so the database is opened with `locking_mode=EXCLUSIVE`; what is
written and synced to the database and its write-ahead log is the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import apsw

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

SECTOR = 512
"""The bytes that a disk writes wholly or not at all."""

KEPT = 0.5
"""How likely a write that was not synced is there after a cut."""

TORN = 0.25
"""How likely a write that is there is there only in part."""


@dataclass(frozen=True)
class Write:
    """Bytes were written at an offset of a file."""

    file: str
    offset: int
    data: bytes


@dataclass(frozen=True)
class Truncate:
    """A file was cut to a size."""

    file: str
    size: int


@dataclass(frozen=True)
class Sync:
    """A file's writes so far were made durable."""

    file: str


@dataclass(frozen=True)
class Delete:
    """A file was removed; that lasts once a new file's first sync syncs the folder, too."""

    file: str


@dataclass(frozen=True)
class Acknowledge:
    """A commit returned to its caller; this many records are promised by now."""

    records: int


Change: TypeAlias = "Write | Truncate | Delete"
Note: TypeAlias = "Change | Sync | Acknowledge"


class Disk(apsw.VFS):
    """The recording file system; connections open it by its name.

    Args:
        name: The name.
        notes: Where what happens is noted down.
    """

    def __init__(self, name: str, notes: list[Note]) -> None:
        self._notes = notes
        super().__init__(name, "")

    def xOpen(  # noqa: N802 - SQLite's name
        self, name: str | apsw.URIFilename | None, flags: list[int]
    ) -> apsw.VFSFile:
        """Open a file; temporary ones have no name and nothing of them is kept."""
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        return (
            _File(Path(path).name, self._notes, name, flags) if path else super().xOpen(name, flags)
        )

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: FBT001, N802 - SQLite's name
        """Remove a file."""
        self._notes.append(Delete(Path(filename).name))
        super().xDelete(filename, syncdir)


class _File(apsw.VFSFile):
    def __init__(
        self,
        file: str,
        notes: list[Note],
        name: str | apsw.URIFilename | None,
        flags: list[int],
    ) -> None:
        self._file = file
        self._notes = notes
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 - SQLite's name
        self._notes.append(Write(self._file, offset, bytes(data)))
        super().xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:  # noqa: N802 - SQLite's name
        self._notes.append(Truncate(self._file, newsize))
        super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:  # noqa: ARG002, N802 - SQLite's name; nothing real is cut
        self._notes.append(Sync(self._file))


@dataclass
class _Rebuilt:
    data: bytearray = field(default_factory=bytearray)
    pending: list[Change] = field(default_factory=list)
    there: bool = False

    def settle(self, *, deleted: bool = False) -> None:
        """Apply the writes that a sync makes durable: all, or those before a last deletion."""
        last = max((n for n, one in enumerate(self.pending) if isinstance(one, Delete)), default=-1)
        lasting = self.pending[: last + 1] if deleted else self.pending[:]
        for change in lasting:
            self._apply(change)
        del self.pending[: len(lasting)]

    def lose(self, chance: Random) -> None:
        """Apply those of the other writes that happen to survive a cut."""
        for change in self.pending:
            if chance.random() < KEPT:
                self._apply(change, chance if chance.random() < TORN else None)

    def _apply(self, change: Change, torn: Random | None = None) -> None:
        self.there = not isinstance(change, Delete)
        if isinstance(change, Write):
            self._write(change, torn)
        else:
            del self.data[change.size if isinstance(change, Truncate) else 0 :]

    def _write(self, change: Write, torn: Random | None) -> None:
        self.data.extend(bytes(max(0, change.offset + len(change.data) - len(self.data))))
        for start in range(0, len(change.data), SECTOR):
            if torn is None or torn.random() < KEPT:
                part = change.data[start : start + SECTOR]
                self.data[change.offset + start : change.offset + start + len(part)] = part


def after_cut(notes: Sequence[Note], chance: Random, folder: Path) -> int:
    """Write the files as they may be when the power fails after the last of some notes.

    A file is there once it was synced, which syncs its folder, or if some of it happens to be.

    Args:
        notes: What happened before the cut.
        chance: Decides what is left of what was not synced.
        folder: An empty folder for the files.

    Returns:
        How many records had been promised.
    """
    files: dict[str, _Rebuilt] = {}
    promised = 0
    for note in notes:
        if isinstance(note, Acknowledge):
            promised = note.records
            continue
        file = files.setdefault(note.file, _Rebuilt())
        if not isinstance(note, Sync):
            file.pending.append(note)
            continue
        if not file.there:
            for other in files.values():
                other.settle(deleted=True)
        file.settle()
    for name, file in files.items():
        file.lose(chance)
        if file.there:
            (folder / name).write_bytes(file.data)
    return promised
