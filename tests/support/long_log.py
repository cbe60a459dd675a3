"""A long log with checkpoints outside, by the product's own code: to look at, or to falsify."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import partial
from hashlib import sha256
from itertools import count
from typing import TYPE_CHECKING

from handler.audit.checkpoints.checkpoint import Checkpoint, checkpointed, log_origin, written
from handler.audit.checkpoints.folder_store import CheckpointFolder
from handler.audit.checkpoints.signed_note import SigningKey, new_key
from handler.audit.log import Decision
from handler.audit.record import Draft
from handler.audit.sql.sqlite import SqliteLog
from handler.values.canonical_json import key_of, timestamp

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from handler.audit.log import Decide
    from handler.audit.record import Head, Part

KEY = new_key("example.org/nightdrop", sha256(b"a key of the tests").digest())
START = datetime(2026, 11, 1, 2, tzinfo=timezone.utc)
FUNCTION: Part = {"name": "nightdrop", "version": "latest", "request_id": "6f1c9a5e-0b7d-4c7e"}

_STORY = 6
_BETWEEN = 16


@dataclass(frozen=True)
class LongLog:
    """A log in a file of a folder, and the folder beside it with its checkpoints."""

    folder: Path

    @property
    def path(self) -> Path:
        """The database."""
        return self.folder / "audit.db"

    @property
    def address(self) -> str:
        """The database, as `NIGHTDROP_AUDIT` names it."""
        return f"sqlite:///{self.path}"

    @property
    def checkpoints(self) -> CheckpointFolder:
        """The checkpoints."""
        return CheckpointFolder(self.folder / "checkpoints")

    def grow(self, records: int, *, key: SigningKey | None = KEY, salt: str = "") -> None:
        """Write more records, with a checkpoint after every hundred, and one at the end.

        Args:
            records: The least number of records in all.
            key: What signs the checkpoints.
            salt: Makes this log another than one with another salt.
        """
        ticks = count()
        with closing(SqliteLog(self.path, clock=lambda: moment(next(ticks)))) as log:
            head = log.read(lambda view: view.head)
            while head.seq < records - 1:
                size = min(_STORY * _BETWEEN, records - 1 - head.seq)
                drafts = [
                    one
                    for number in range(_BETWEEN)
                    for one in run_records(f"{salt}{head.hash}{number}")
                ]
                log.commit(recording(drafts[:size]))
                self._checkpoint(log, key)
                head = log.read(lambda view: view.head)

    def copy(self, folder: Path) -> LongLog:
        """Copy everything into another folder."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        return LongLog(folder)

    def _checkpoint(self, log: SqliteLog, key: SigningKey | None) -> None:
        head: Head = log.read(lambda view: view.head)
        made = Checkpoint(
            log_origin(next(log.records()).hash), head, log.read(lambda view: view.now)
        )
        self.checkpoints.put(made.name, written(made, key))
        log.commit(checkpointed(made, key.name if key else "", ""))


def moment(tick: int) -> datetime:
    """Return the time at a step of the clock of these logs."""
    return START + timedelta(seconds=tick)


def recording(drafts: Sequence[Draft]) -> Decide[None]:
    """Return the decision to record something, whatever the state."""
    return lambda _view: Decision(None, tuple(drafts))


def run_records(salt: str) -> Iterator[Draft]:
    """Yield the records of one file, from its delivery to its result."""
    delivery = {"key": key_of(f"delivery {salt}")}
    job: Part = {
        "key": key_of(f"job {salt}"),
        "name": f"hall-{key_of(salt)[:8]}",
        "type": "node_upgrade",
    }
    subject = f"obs://nightdrop-drop/drop/{salt[-6:]}.yaml"
    about: Part = {
        **delivery,
        "trigger": "object",
        "subject": subject,
        "fired_at": timestamp(START),
    }
    source: Part = {
        "shape": "obs",
        "bucket": "nightdrop-drop",
        "key": f"drop/{salt[-6:]}.yaml",
        "size": 409,
    }
    actor: Part = {"kind": "uploader", "principal": "team-a"}
    digest = {"digest": sha256(salt.encode()).hexdigest()}
    body = f'{{"job_name": "hall-{key_of(salt)[:8]}"}}'
    of_body: Part = {"digest": sha256(body.encode()).hexdigest()}
    request: Part = {
        "operation": "CreateBatchJob",
        "attempt": 1,
        "date": timestamp(START),
        "lease_until": timestamp(START),
    }
    of_job = partial(Draft, function=FUNCTION, delivery=delivery)
    yield Draft(
        *("delivery.received", "pending", about, actor, source),
        request=of_body,
        function=FUNCTION,
        body=body,
    )
    yield Draft(
        "delivery.planned",
        "pending",
        {**about, **digest, "jobs": 1},
        actor,
        source,
        function=FUNCTION,
    )
    yield of_job("job.planned", "pending", job={**job, "document": 1}, request=of_body, body=body)
    yield of_job("job.sending", "pending", job=job, request=request)
    yield of_job("job.created", "success", job=job, response={"status": 201, "job_id": salt[:36]})
    yield Draft("result.written", "success", {**delivery, "shows": 1}, function=FUNCTION)


def settle(path: Path) -> None:
    """Bring everything into the database file itself, so that it can be copied alone."""
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
