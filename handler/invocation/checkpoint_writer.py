"""Writes a checkpoint after an invocation that recorded something, and at a fixed interval."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING

from handler.audit.checkpoints.checkpoint import (
    LONGEST,
    SUFFIX,
    Checkpoint,
    checkpointed,
    log_origin,
    written,
)
from handler.audit.checkpoints.folder_store import CheckpointFolder
from handler.audit.checkpoints.signed_note import signing_key
from handler.errors import CloudError, ObjectError, SettingsError
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


@dataclass(frozen=True)
class CheckpointBucket:
    """Checkpoints in OBS, under a prefix of a bucket, best one with a WORM policy."""

    obs: Obs
    bucket: str
    prefix: str

    def put(self, name: str, data: bytes) -> None:
        """Write a new checkpoint."""
        self.obs.write(self.bucket, f"{self.prefix}{name}", data, content_type="text/plain")

    def names(self, after: str = "") -> Iterator[str]:
        """Yield the names of the checkpoints that follow a text, the smallest log first."""
        marker = f"{self.prefix}{after}" if after else ""
        for one in self.obs.list_objects(self.bucket, self.prefix, after=marker):
            if one.key.endswith(SUFFIX):
                yield one.key.removeprefix(self.prefix)

    def get(self, name: str) -> bytes:
        """Return a checkpoint; nothing of an object that is longer than any checkpoint is."""
        try:
            return self.obs.read(self.bucket, f"{self.prefix}{name}", max_bytes=LONGEST).data
        except ObjectError as error:
            if error.code:
                raise
            return b""


def check_signing_key(settings: Settings) -> None:
    """Check that checkpoints can be signed as the settings ask.

    Raises:
        SettingsError: The key is invalid, or the package that signs is missing. The message does
            not quote the key.
    """
    _key(settings)


def checkpoint(invocation: Invocation, *, every: float = inf) -> Record | None:
    """Write a checkpoint of the log's head, if one is due, and record that.

    It is due when something was recorded since the last one, or when the last one is too old, so
    that a log without new records is confirmed too. A failure is recorded, at most once per
    interval while nothing else is recorded, and the next invocation tries again.

    The cost does not depend on the length of the log: it takes the hash of the first record and the
    head, and the view has both. The head is the one that this instance knows; the instances that
    have recorded more since then confirm their own records. If one is due, the start of this
    instance is recorded first, if it is not yet.

    Args:
        invocation: Dependencies of this invocation.
        every: Seconds after which a checkpoint is due although nothing was recorded.

    Returns:
        The record of the checkpoint or of the failure; None if no checkpoint was due, or if the
        failure is on record already.

    Raises:
        LogError: The log cannot be read or written.
    """
    if not invocation.settings.checkpoints:
        return None
    first, head, last, now = invocation.log.read(
        lambda view: (view.first, view.head, view.confirmation, view.now), fresh=False
    )
    is_current = last.action and last.seq == head.seq and _is_recent(last.at, now, every)
    recorded = last.action if is_current else ""
    if first is None or recorded == "log.checkpointed":
        return None
    # The record of the checkpoint must follow the head that it is of, or it confirms nothing.
    head = invocation.log.commit_pending() or head
    new = Checkpoint(log_origin(first.hash), head, now)
    key = _key(invocation.settings)
    error = _put(new, key, invocation)
    if error and recorded == "log.checkpoint_failed":
        return None
    signer = key.name if key else ""
    decide = checkpointed(new, signer, error)
    [record] = invocation.log.commit(decide).records
    return record


def checkpoint_store(address: str, obs: Obs | None) -> CheckpointStore:
    """Return the store of checkpoints at an address.

    Args:
        address: `obs://bucket/prefix/`, or the path of a folder.
        obs: The client for buckets; None without credentials.

    Raises:
        SettingsError: The address is invalid, or is in OBS and there is no client.
    """
    if not address.startswith(OBS):
        return CheckpointFolder(Path(address))
    if obs is None:
        raise SettingsError("checkpoints in a bucket need NIGHTDROP_REGION and credentials")
    try:
        return CheckpointBucket(obs, *parse_obs_address(address))
    except ValueError as error:
        raise SettingsError(f"the address of the checkpoints {error}") from None


def _put(new: Checkpoint, key: SigningKey | None, invocation: Invocation) -> str:
    """Write a checkpoint; return why it could not be written, "" if it was."""
    if not invocation.request_fits():
        return "no time was left to write it"
    try:
        checkpoint_store(invocation.settings.checkpoints, invocation.obs).put(
            new.name, written(new, key)
        )
    except CloudError as error:
        return str(error)
    except OSError as error:
        return f"{invocation.settings.checkpoints}: {error.strerror or 'cannot be written'}"
    return ""


def _is_recent(at: str, now: datetime, every: float) -> bool:
    age = (now - moment(at)).total_seconds()
    # After the clock was set back the age is unknown.
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
