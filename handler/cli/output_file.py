"""The file that a command writes to: whole or not at all, and nothing replaced unasked."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

from handler.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SQLITE = b"SQLite format 3\x00"


@contextmanager
def output_file(path: Path | None, *, overwrite: bool) -> Iterator[IO[str]]:
    """Yield what to write text to.

    A file appears under its name when the block has ended well; before, and if the disk is full or
    the block raises, what stood there stays.

    Args:
        path: The file; None for standard output.
        overwrite: Whether a file that is there may be replaced; a database never is.

    Raises:
        OutputError: A file is there, or it cannot be written.
    """
    if path is None:
        yield sys.stdout
        return
    try:
        if path.exists() and not path.is_file():  # a pipe or a device
            with path.open("w", encoding="utf-8") as file:
                yield file
            return
        _check(path, overwrite=overwrite)
        part = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            with part.open("x", encoding="utf-8") as file:
                yield file
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}") from error


def _check(path: Path, *, overwrite: bool) -> None:
    if not path.exists():
        return
    with path.open("rb") as file:
        if file.read(len(_SQLITE)) == _SQLITE:
            raise OutputError(f"{path} is a database, which no output replaces; name another file")
    if not overwrite:
        raise OutputError(f"{path} is there already; name another file, or give --overwrite")
