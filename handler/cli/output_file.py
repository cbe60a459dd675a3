"""Writes the output file of a command, atomically."""

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
    """Yield a text file; it replaces `path` when the block succeeds, and nothing is changed if not.

    Args:
        path: The file; None for standard output.
        overwrite: Whether to replace an existing file; a database is never replaced.

    Raises:
        OutputError: The file exists or cannot be written.
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
            raise OutputError(f"{path} is a database and is not replaced; name another file")
    if not overwrite:
        raise OutputError(f"{path} exists; name another file, or use --overwrite")
