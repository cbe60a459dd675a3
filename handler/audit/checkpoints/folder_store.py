"""Checkpoints in a folder: for local use, or to verify a copy."""

from __future__ import annotations

import os
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from handler.audit.checkpoints.checkpoint import SUFFIX

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

    def names(self) -> Iterator[str]:
        """Yield the names of all checkpoints, the smallest log first."""
        yield from sorted(path.name for path in self.path.glob(f"*{SUFFIX}"))

    def get(self, name: str) -> bytes:
        """Return one of them."""
        return (self.path / name).read_bytes()
