"""A folder whose files are uploaded as they are dropped into it, by a thread of its own."""

from __future__ import annotations

from threading import Event, Thread
from typing import TYPE_CHECKING, final

from handler.errors import StartError

if TYPE_CHECKING:
    from pathlib import Path

    from handler.local.triggers.drop_folder import DropFolder

_LOOK_SECONDS = 0.3


@final
class FolderWatcher:
    """Looks through a drop folder again and again until it is closed.

    Args:
        drop_folder: What is looked through.
    """

    def __init__(self, drop_folder: DropFolder) -> None:
        self._drop_folder = drop_folder
        self._closed = Event()
        self._thread = Thread(target=self._watch, name="dropbox")
        self._thread.start()

    def __enter__(self) -> FolderWatcher:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop looking."""
        self._closed.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._closed.wait(_LOOK_SECONDS):
            self._drop_folder.look()


def make_drop_folder(folder: Path) -> None:
    """Make the folder that files are dropped into, if it is missing.

    Raises:
        StartError: It cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StartError(
            f"the folder {folder} cannot be made: {error.strerror}; name another with --drop"
        ) from error
