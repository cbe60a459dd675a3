"""Uploads the files that are dropped into a folder."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Thread
from typing import TYPE_CHECKING, final

from handler.errors import StartError
from handler.local.triggers.found_file import found_files
from handler.triggers.object_event import is_scratch
from handler.values.display import display

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from handler.local.triggers.found_file import FoundFile, Version

REST_SECONDS = 1.0
"""How long a file must not change before it counts as complete."""

_LONGEST_WAIT = 60.0  # seconds between two attempts to upload the same file
_POLL_SECONDS = 0.3


@dataclass
class _Tracked:
    """A file in the folder, until it changes.

    Attributes:
        version: The file as it was found.
        due: When it is uploaded, in seconds of a monotonic clock.
        done: Whether it is uploaded or rejected.
        attempts: Failed uploads.
        reported: The last sentence about it.
    """

    version: Version
    due: float
    done: bool = False
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
            return
        self._read_error = ""
        for name in self._tracked.keys() - present:
            del self._tracked[name]

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
            tracked.done = True
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
