"""A folder whose files are uploaded as they are dropped into it."""

from __future__ import annotations

from threading import Event, Thread
from typing import TYPE_CHECKING, final

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_LOOK_SECONDS = 0.3


@final
class Dropbox:
    """Uploads what is dropped into a folder, once it has stopped changing.

    A file that was there before counts as dropped; a file that is written again is uploaded again.
    Hidden files are left alone.

    Args:
        folder: The folder, which is made if it is missing.
        upload: Takes the file's path relative to the folder, with slashes, and its bytes.
        tell: Told, in one sentence, what could not be uploaded; it is tried again.
    """

    def __init__(
        self, folder: Path, upload: Callable[[str, bytes], None], tell: Callable[[str], None]
    ) -> None:
        self._folder = folder
        self._upload = upload
        self._tell = tell
        self._closed = Event()
        self._seen: dict[Path, tuple[int, int]] = {}
        self._uploaded: dict[Path, tuple[int, int]] = {}
        folder.mkdir(parents=True, exist_ok=True)
        self._thread = Thread(target=self._watch, name="dropbox")
        self._thread.start()

    def __enter__(self) -> Dropbox:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop looking."""
        self._closed.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._closed.wait(_LOOK_SECONDS):
            for path in sorted(self._folder.rglob("*")):
                if path.is_file() and not path.name.startswith("."):
                    self._look_at(path)

    def _look_at(self, path: Path) -> None:
        try:
            stat = path.stat()
            state = (stat.st_size, stat.st_mtime_ns)
            steady = self._seen.get(path) == state
            self._seen[path] = state
            if steady and self._uploaded.get(path) != state:
                self._upload(path.relative_to(self._folder).as_posix(), path.read_bytes())
                self._uploaded[path] = state
        except Exception as error:  # noqa: BLE001 - one file must not stop the others
            self._tell(f"{path.name} could not be uploaded: {error}")
