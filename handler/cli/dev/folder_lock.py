"""The lock of a folder that only one run may use."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from handler.errors import StartError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_NAME = ".lock"


@contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """Lock a folder until the block ends; create it if it does not exist.

    The system releases the lock when the process ends, however it ends; the lock file stays.

    Raises:
        StartError: The folder cannot be created or written, or another process has locked it.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = os.open(folder / _NAME, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StartError(
            f"cannot use the folder {folder}: {error.strerror}; name another with --dir"
        ) from error
    try:
        _lock(file, folder)
        yield
    finally:
        os.close(file)


def _lock(file: int, folder: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = os.read(file, 20).decode("ascii", "replace").strip()
        raise StartError(
            f"the folder {folder} is in use by another run"
            + (f", process {holder}" if holder.isdecimal() else "")
            + "; stop it, or name another folder with --dir"
        ) from error
    os.ftruncate(file, 0)
    os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
