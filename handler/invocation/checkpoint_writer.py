"""When a checkpoint is written: after what recorded something, and once in a while without."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING

from handler.audit.checkpoints.checkpoint import (
    SUFFIX,
    Checkpoint,
    checkpointed,
    origin_of,
    written,
)
from handler.audit.checkpoints.folder_store import CheckpointFolder
from handler.audit.checkpoints.signed_note import signing_key
from handler.errors import CloudError, SettingsError
from handler.values.canonical_json import moment
from handler.values.obs_address import OBS, parse_obs_address

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from handler.audit.checkpoints.checkpoint import CheckpointStore
    from handler.audit.checkpoints.signed_note import SigningKey
    from handler.audit.record import Record
    from handler.cloud.obs.client import Obs
    from handler.invocation.invocation import Invocation
    from handler.settings import Settings

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
            if one.key.endswith(SUFFIX):
                yield one.key.removeprefix(self.prefix)

    def get(self, name: str) -> bytes:
        """Return one of them."""
        return self.obs.read(self.bucket, f"{self.prefix}{name}", max_bytes=_LARGEST).data


def check(settings: Settings) -> None:
    """Return if checkpoints can be signed as the settings ask.

    Raises:
        SettingsError: The key is none, or the package that signs is missing; it is not quoted.
    """
    _key(settings)


def checkpoint(invocation: Invocation, *, every: float = inf) -> Record | None:
    """Write a checkpoint of the log's head, and record that, if one is due.

    It is due when anything was recorded since the last one, or the last one is too old: a log
    that says nothing is to be seen as whole. One that cannot be written is recorded as such, no
    more often than that where nothing else is recorded, and made up for at the next chance.

    What it costs does not depend on the log's length: it needs the first record's hash and the
    head, both of which a view knows. The head is the one that this instance knows: what
    others have recorded since is theirs to confirm.

    Args:
        invocation: Dependencies of this invocation.
        every: Seconds after which one is due although nothing was recorded.

    Returns:
        The record that it was written, or could not be; None if none was due, or that was told.

    Raises:
        LogError: The log cannot be read or written.
    """
    if not invocation.settings.checkpoints:
        return None
    first, head, said, now = invocation.log.read(
        lambda view: (view.first, view.head, view.confirmation, view.now), fresh=False
    )
    told = (
        said.action
        if said.action and said.seq == head.seq and _is_recent(said.at, now, every)
        else ""
    )
    if first is None or told == "log.checkpointed":
        return None
    made = Checkpoint(origin_of(first.hash), head, now)
    key = _key(invocation.settings)
    error = _put(made, key, invocation)
    if error and told == "log.checkpoint_failed":
        return None
    signer = key.name if key else ""
    decide = checkpointed(made, signer, error, function=invocation.function)
    [record] = invocation.log.commit(decide).records
    return record


def checkpoint_store(address: str, obs: Obs | None) -> CheckpointStore:
    """Return the place for checkpoints that an address names.

    Args:
        address: `obs://bucket/prefix/`, or the path of a folder.
        obs: What reads and writes buckets.

    Raises:
        SettingsError: It names a bucket, and there is nothing to reach one with, or names none.
    """
    if not address.startswith(OBS):
        return CheckpointFolder(Path(address))
    if obs is None:
        raise SettingsError("checkpoints in a bucket need NIGHTDROP_REGION and credentials")
    try:
        return CheckpointBucket(obs, *parse_obs_address(address))
    except ValueError as error:
        raise SettingsError(f"the place for checkpoints {error}") from None


def _put(made: Checkpoint, key: SigningKey | None, invocation: Invocation) -> str:
    """Write a checkpoint and return why it could not be written; "" if it was."""
    if invocation.deadline.left() < invocation.sender.patience:
        return "no time was left to write it"
    try:
        checkpoint_store(invocation.settings.checkpoints, invocation.obs).put(
            made.name, written(made, key)
        )
    except CloudError as error:
        return str(error)
    except OSError as error:
        return f"{invocation.settings.checkpoints}: {error.strerror or 'cannot be written'}"
    return ""


def _is_recent(at: str, now: datetime, every: float) -> bool:
    age = (now - moment(at)).total_seconds()
    # A clock that was set back says nothing about the age.
    return 0 <= age < every


def _key(settings: Settings) -> SigningKey | None:
    text = settings.checkpoint_key.get_secret_value()
    if not text:
        return None
    try:
        return signing_key(text)
    except SettingsError as error:
        raise SettingsError(f"NIGHTDROP_CHECKPOINT_KEY: {error}") from None
    except ImportError:
        raise SettingsError(
            "NIGHTDROP_CHECKPOINT_KEY needs cryptography: build the zip with "
            "`nightdrop package --with sign`, in a checkout run `make .venv/.dev`"
        ) from None
