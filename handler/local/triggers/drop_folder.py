"""A folder whose files are uploaded once they rest: which of them, when, and what is said."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

from handler.local.triggers.found_file import found_files
from handler.triggers.object_event import is_scratch
from handler.values.display import display

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from handler.local.triggers.found_file import FoundFile, Version

REST_SECONDS = 1.0
"""How long a file must stay the same before it counts as whole."""

_LARGEST_WAIT = 60.0  # seconds between two attempts to upload the same file


@dataclass
class _Seen:
    """What is known of one file as it is now.

    Attributes:
        version: The file as it was found.
        due: When it is looked at, in seconds of a monotonic clock: once it has rested.
        done: Whether nothing is left to do before it changes.
        attempts: How often its upload failed.
        told: What was last said of it.
    """

    version: Version
    due: float
    done: bool = False
    attempts: int = 0
    told: str = ""


@final
class DropFolder:
    """Uploads what is dropped into a folder; `look` does it, as often as it is called.

    A file that was there before counts as dropped; one that is written again is uploaded again.
    What the function would ignore by its name is left alone, and a file without content waits for
    some. Links are not followed, and no file above the largest size is read.

    Args:
        folder: The folder, which must be there.
        upload: Takes the file's path relative to the folder, with slashes, and its bytes.
        tell: Told, in one sentence and once for each change of a file, what was not uploaded.
        largest: The largest file that is read, in bytes.
        seconds: A monotonic clock, in seconds.
    """

    def __init__(
        self,
        folder: Path,
        upload: Callable[[str, bytes], None],
        tell: Callable[[str], None],
        largest: int,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = folder
        self._upload = upload
        self._tell = tell
        self._largest = largest
        self._seconds = seconds
        self._seen: dict[str, _Seen] = {}
        self._trouble = ""

    def look(self) -> None:
        """Look through the folder once, and upload what has rested; nothing is raised."""
        present = set()
        try:
            for found in found_files(self._folder):
                if not is_scratch(found.name, ""):
                    present.add(found.name)
                    self._look_at(found)
        except OSError as error:
            trouble = f"the folder {self._folder} cannot be read: {error.strerror}"
            if trouble != self._trouble:
                self._tell(trouble)
            self._trouble = trouble
            return
        self._trouble = ""
        for name in self._seen.keys() - present:
            del self._seen[name]

    def _look_at(self, found: FoundFile) -> None:
        now = self._seconds()
        seen = self._seen.get(found.name)
        if seen is None or seen.version != found.version:
            self._seen[found.name] = _Seen(found.version, now + REST_SECONDS)
        elif not seen.done and now >= seen.due:
            self._take(found, seen, now)

    def _take(self, found: FoundFile, seen: _Seen, now: float) -> None:
        refusal = self._refusal(found)
        if refusal:
            seen.done = True
            self._tell(f"{display(found.name)} {refusal}")
            return
        try:
            data = found.read()
            if data is None:
                del self._seen[found.name]
                return
            self._upload(found.name, data)
            seen.done = True
        except FileNotFoundError:
            del self._seen[found.name]
        except Exception as error:  # noqa: BLE001 - one file must not stop the others
            self._try_again(found, seen, now, display(str(error)))

    def _refusal(self, found: FoundFile) -> str:
        """Return why a file is not uploaded as it is, "" if it is."""
        if found.is_link:
            return "is a link and was not uploaded: drop the file itself"
        if not found.is_regular:
            return "is no regular file and was not uploaded"
        if not found.is_named_in_utf8:
            return "was not uploaded: its name is not UTF-8, as the keys of objects are; rename it"
        if found.version.size > self._largest:
            size = found.version.size
            return (
                f"has {size:,} bytes and was not uploaded: a spec file has at most "
                f"{self._largest:,} (NIGHTDROP_MAX_SPEC_BYTES)"
            )
        return "" if found.version.size else "is empty: it is uploaded when it has content"

    def _try_again(self, found: FoundFile, seen: _Seen, now: float, reason: str) -> None:
        seen.due = now + min(_LARGEST_WAIT, 2.0**seen.attempts)
        seen.attempts += 1
        told = f"{display(found.name)} could not be uploaded and is tried again: {reason}"
        if told != seen.told:
            self._tell(told)
        seen.told = told
