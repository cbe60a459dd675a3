"""When a checkpoint is written: after what recorded something, and on every tick."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from handler.audit.checkpoint import Checkpoint, checkpointed, origin_of, written
from handler.audit.checkpoint_folder import CheckpointFolder
from handler.audit.note import signing_key
from handler.errors import CloudError, NightdropError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from handler.audit.checkpoint import Place
    from handler.audit.record import Head
    from handler.cloud.obs import Obs
    from handler.services import Services

_LARGEST = 4_096


@dataclass(frozen=True)
class CheckpointBucket:
    """Checkpoints in OBS, under a prefix of a bucket that is meant to keep them (WORM)."""

    obs: Obs
    bucket: str
    prefix: str

    def put(self, name: str, data: bytes) -> None:
        """Write a new checkpoint."""
        self.obs.write(self.bucket, f"{self.prefix}{name}", data, content_type="text/plain")

    def names(self) -> Iterator[str]:
        """Yield the names of all checkpoints, the smallest log first."""
        for one in self.obs.list_objects(self.bucket, self.prefix):
            yield one.key.removeprefix(self.prefix)

    def get(self, name: str) -> bytes:
        """Return one of them."""
        return self.obs.read(self.bucket, f"{self.prefix}{name}", max_bytes=_LARGEST).data
