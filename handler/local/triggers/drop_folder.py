"""Finds the files that are dropped into a folder, without following links, and uploads them."""

from __future__ import annotations

import os
import stat
import time
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Thread
from typing import TYPE_CHECKING, final

from handler.errors import StartError
from handler.triggers.object_event import is_scratch
from handler.values.display import display
from handler.values.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

REST_SECONDS = 1.0
"""How long a file must not change before it counts as complete."""

_LONGEST_WAIT = 60.0  # seconds between two attempts to upload the same file
_POLL_SECONDS = 0.3
_DEEPEST = 100
"""How many folders inside each other are entered: a walk without an end needs a file for each."""


class Version(NamedTuple):
    """Identifies one version of a file, so that a replacement or a change is detected."""

    device: int
    inode: int
    size: int
    changed_ns: int


@dataclass(frozen=True)
class FoundFile:
    """An entry of a folder, other than a folder; it must be read before the next one is found.

    Attributes:
        name: Its path relative to the top folder, with slashes; bytes that are not UTF-8 are lone
            surrogates (PEP 383).
        version: Its version when it was found.
        mode: Its type and permissions, as in `stat`.
        folder: The file descriptor of the folder that contains it.
    """

    name: str
    version: Version
    mode: int
    folder: int

    @property
    def is_link(self) -> bool:
        """Whether it is a symbolic link."""
        return stat.S_ISLNK(self.mode)

    @property
    def is_regular(self) -> bool:
        """Whether it is a regular file: not a link, pipe, socket or device."""
        return stat.S_ISREG(self.mode)

    @property
    def is_named_in_utf8(self) -> bool:
        """Whether its name can be the key of an object."""
        try:
            self.name.encode()
        except UnicodeEncodeError:
            return False
        return True

    def read(self) -> bytes | None:
        """Return its content, None if it has changed since it was found.

        Raises:
            OSError: It does not exist any more, is a link now, or is not readable.
        """
        base = self.name.rpartition("/")[2]
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        with os.fdopen(os.open(base, flags, dir_fd=self.folder), "rb") as file:
            data = file.read(self.version.size)
            return data if _version_of(os.fstat(file.fileno())) == self.version else None


def found_files(folder: Path) -> Iterator[FoundFile]:
    """Yield the entries of a folder and of its subfolders, in the order of names.

    Folders that are links, or too deep, are not entered; files that disappear are skipped.

    Raises:
        OSError: The folder itself cannot be read.
    """
    top = os.path.join(folder, "")  # noqa: PTH118 - with its slash, so that it may be a link itself
    for root, folders, names, descriptor in os.fwalk(top):
        parent = root.removeprefix(top).strip("/")
        is_deepest = parent.count("/") >= _DEEPEST
        closed = [name for name in folders if is_deepest or _is_link(name, descriptor)]
        folders[:] = sorted(set(folders) - set(closed))
        for name in sorted([*names, *closed]):
            try:
                status = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
            except OSError:
                continue
            path = f"{parent}/{name}" if parent else name
            yield FoundFile(path, _version_of(status), status.st_mode, descriptor)


def _is_link(name: str, folder: int) -> bool:
    try:
        return stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    except OSError:
        return False


def _version_of(status: os.stat_result) -> Version:
    return Version(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


@dataclass
class _Tracked:
    """A file in the folder, until it changes; `due` is in seconds of a monotonic clock.

    `done` means uploaded or refused; `reported` is the last sentence about it.
    """

    version: Version
    due: float
    done: bool = False
    refused: bool = False
    attempts: int = 0
    reported: str = ""


@final
class DropFolder:
    """Uploads the files that are dropped into a folder, each time `scan` is called.

    Files that exist at the start count as dropped. A file that changes is uploaded again. Names
    that the function ignores are skipped, and an empty file waits for content. Links are not
    followed, and no file above the largest size is read.

    Args:
        folder: The folder, which must exist.
        upload: Receives the file's path relative to the folder, with slashes, and its bytes.
        report: Receives one sentence about each file that was not uploaded, once for each change.
        largest: The largest file that is read, in bytes.
        seconds: A monotonic clock, in seconds.

    Attributes:
        idle: Whether the last scan left no file to upload.
        refused: How many files, as the last scan found them, are not uploaded: the empty ones too.
    """

    def __init__(
        self,
        folder: Path,
        upload: Callable[[str, bytes], None],
        report: Callable[[str], None],
        largest: int,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = folder
        self._upload = upload
        self._report = report
        self._largest = largest
        self._seconds = seconds
        self._tracked: dict[str, _Tracked] = {}
        self._read_error = ""
        self.idle = False
        self.refused = 0

    def scan(self) -> None:
        """Read the folder once, and upload the files that have not changed for a second."""
        present = set()
        try:
            for file in found_files(self._folder):
                if not is_scratch(file.name, ""):
                    present.add(file.name)
                    self._check(file)
        except OSError as error:
            sentence = f"cannot read the folder {self._folder}: {error.strerror}"
            if sentence != self._read_error:
                self._report(sentence)
            self._read_error = sentence
            self.idle = False
            return
        self._read_error = ""
        for name in self._tracked.keys() - present:
            del self._tracked[name]
        self.refused = sum(tracked.refused for tracked in self._tracked.values())
        self.idle = all(tracked.done for tracked in self._tracked.values())

    def _check(self, file: FoundFile) -> None:
        now = self._seconds()
        tracked = self._tracked.get(file.name)
        if tracked is None or tracked.version != file.version:
            self._tracked[file.name] = _Tracked(file.version, now + REST_SECONDS)
        elif not tracked.done and now >= tracked.due:
            self._try_upload(file, tracked, now)

    def _try_upload(self, file: FoundFile, tracked: _Tracked, now: float) -> None:
        refusal = self._refusal(file)
        if refusal:
            tracked.done = tracked.refused = True
            self._report(f"{display(file.name)} {refusal}")
            return
        try:
            data = file.read()
            if data is None:
                del self._tracked[file.name]
                return
            self._upload(file.name, data)
            tracked.done = True
        except FileNotFoundError:
            del self._tracked[file.name]
        except Exception as error:  # noqa: BLE001 - one file must not stop the others
            self._retry_later(file, tracked, now, display(str(error)))

    def _refusal(self, file: FoundFile) -> str:
        """Return why a file is not uploaded, "" if it is."""
        if file.is_link:
            return "is a link and was not uploaded; drop the file itself"
        if stat.S_ISDIR(file.mode):
            return f"is a folder inside {_DEEPEST} others, which is not entered; drop its files"
        if not file.is_regular:
            return "is not a regular file and was not uploaded"
        if not file.is_named_in_utf8:
            return "was not uploaded: its name is not UTF-8; rename it"
        if file.version.size > self._largest:
            size = file.version.size
            return (
                f"has {size:,} bytes and was not uploaded: a spec file has at most "
                f"{self._largest:,} (NIGHTDROP_MAX_SPEC_BYTES)"
            )
        return "" if file.version.size else "is empty; it is uploaded once it has content"

    def _retry_later(self, file: FoundFile, tracked: _Tracked, now: float, reason: str) -> None:
        tracked.due = now + min(_LONGEST_WAIT, 2.0**tracked.attempts)
        tracked.attempts += 1
        sentence = f"{display(file.name)} could not be uploaded and will be retried: {reason}"
        if sentence != tracked.reported:
            self._report(sentence)
        tracked.reported = sentence


def make_drop_folder(folder: Path) -> None:
    """Create a drop folder unless it exists.

    Raises:
        StartError: It cannot be created.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StartError(
            f"cannot create the folder {folder}: {error.strerror}; name another with --drop"
        ) from error


@contextmanager
def watching(drop_folder: DropFolder) -> Iterator[None]:
    """Scan a drop folder in a thread until the block ends."""
    closed = Event()

    def watch() -> None:
        while not closed.wait(_POLL_SECONDS):
            drop_folder.scan()

    thread = Thread(target=watch, name="drop folder")
    thread.start()
    try:
        yield
    finally:
        closed.set()
        thread.join()
