"""Checkpoints in a folder: for local use, or to verify a copy."""

from __future__ import annotations

import os
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from handler.audit.checkpoints.checkpoint import LONGEST, SUFFIX

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True)
class CheckpointFolder:
    """A folder of checkpoints; each is a new file, never written over."""

    path: Path

    def put(self, name: str, data: bytes) -> None:
        """Write a new checkpoint, durably and atomically.

        Raises:
            OSError: It cannot be written, or is there already.
        """
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = self.path / f".{uuid.uuid4().hex}.part"
        try:
            with part.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.link(part, self.path / name)
        finally:
            part.unlink(missing_ok=True)

    def names(self, after: str = "") -> Iterator[str]:
        """Yield the names of the checkpoints that follow a text, the smallest log first.

        Only of files: what else has such a name might never end.
        """
        found = (path for path in self.path.glob(f"*{SUFFIX}") if path.name > after)
        yield from sorted(path.name for path in found if path.is_file())

    def get(self, name: str) -> bytes:
        """Return one of them, or its beginning if it is longer than any checkpoint is.

        Raises:
            OSError: There is no such file, or it cannot be read.
        """
        path = self.path / name
        if not path.is_file():
            raise FileNotFoundError(f"{path} is no file")
        with path.open("rb") as file:
            return file.read(LONGEST)
