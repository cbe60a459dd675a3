"""A log of one month: made by the product itself, by an invented clock.

Nightly timers, dropped files, mistakes in them, refusals, a lost answer, a file dropped twice, a
held weekend: what a month of a real fleet leaves behind, in seconds.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from functools import cache, partial
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from handler.audit.checkpoints.checkpoint import Checkpoint, checkpointed, log_origin, written
from handler.audit.checkpoints.folder_store import CheckpointFolder
from handler.audit.checkpoints.signed_note import new_key
from handler.audit.instance_log import InstanceLog
from handler.audit.sql.sqlite import SqliteLog
from handler.cloud.credentials import credentials
from handler.cloud.http_transport import Transport
from handler.cloud.ief.client import Ief
from handler.deliveries.decisions import reject_event
from handler.deliveries.pipeline import deliver, reject_entries
from handler.emulator.server import Emulator
from handler.errors import EventRejectedError
from handler.invocation.invocation import Invocation
from handler.jobs.decisions import abandon
from handler.jobs.effect_runner import EffectRunner
from handler.jobs.hold import hold, release
from handler.local.triggers.event_factory import object_event, timer_event
from handler.reconciler import reconcile
from handler.runtime.deadline import Deadline
from handler.settings import load
from handler.triggers.delivery import Action, InvalidEntry
from handler.triggers.event_parser import parse_event
from handler.values.canonical_json import key_of

if TYPE_CHECKING:
    from collections.abc import Iterator

FIRST_NIGHT = datetime(2026, 10, 25, 18, 0, tzinfo=timezone.utc)
"""Two in the morning where the fleet stands."""

NIGHTS = 29
BUCKET = "nightdrop-drop"
ACCOUNT = "8e61b3f4c5a04d27a9d2f07c41b6e390"
GATEWAYS = ("5a0f7c52-8e7b-4a57-9d43-1c1f0b8e2d11", "9b6d3e84-2c15-4f0a-8a6e-77d0c94f5b32")
_EVENTS = Path(__file__).parents[2] / "events"
_CREATE = {"operation": "CreateBatchJob"}
_FAULTS: dict[int, dict[str, Any]] = {
    3: {**_CREATE, "fault": "status", "status": 400, "times": 1},
    6: {**_CREATE, "fault": "status", "status": 429, "seconds": 3000, "times": 1},
    9: {**_CREATE, "fault": "lost_answer", "times": 1},
    14: {**_CREATE, "fault": "status", "status": 403, "times": 1},
    17: {**_CREATE, "fault": "duplicate_name"},
    18: {**_CREATE, "fault": "cut", "times": 1},
    24: {**_CREATE, "fault": "duplicate_name"},
}
"""What befalls the first file of a day, by its number."""


@dataclass
class Clock:
    """A clock that advances a little at each call."""

    at: datetime
    chance: Random

    def __call__(self) -> datetime:
        """Return the time."""
        self.at += timedelta(milliseconds=self.chance.randint(3, 140))
        return self.at

    def go_to(self, moment: datetime) -> None:
        """Let time pass; it never goes back."""
        self.at = max(self.at, moment)


@dataclass
class Month:
    """A function, a cloud and a clock, and what people did with them."""

    folder: Path
    emulator: Emulator
    transport: Transport
    clock: Clock
    log: SqliteLog
    chance: Random = field(default_factory=lambda: Random(11))  # noqa: S311 - a story, no secret
    requests: int = 0

    def fire(self, event: dict[str, Any]) -> None:
        """Hand an event to the function and write a checkpoint of its records."""
        invocation = self._services()
        try:
            fired = parse_event(event, eventgrid_keys=invocation.settings.eventgrid_keys)
        except EventRejectedError as error:
            refusal = reject_event(
                key_of({**event, "number": self.requests}),
                error.problems,
                source={"shape": "unknown"},
            )
            self.log.commit(refusal)
        else:
            if isinstance(fired, Action):
                reconcile(invocation)
            else:
                for delivery in fired:
                    if isinstance(delivery, InvalidEntry):
                        reject_entries([delivery], invocation)
                    else:
                        deliver(delivery, invocation)
        self._checkpoint()

    def tick(self, moment: datetime) -> None:
        """Run the reconciler."""
        self.clock.go_to(moment)
        self.fire(timer_event("reconcile", '{"action": "reconcile"}', moment))

    def night(self, moment: datetime) -> None:
        """Fire the nightly timer."""
        self.clock.go_to(moment + timedelta(seconds=self.chance.uniform(0.4, 3)))
        spec = (_EVENTS / "specs" / "nightly-upgrade.yaml").read_text()
        self.fire(timer_event("nightly-upgrade", spec, moment))

    def drop(self, key: str, data: bytes, moment: datetime) -> dict[str, Any]:
        """Drop a file and deliver its event; returns the event."""
        self.emulator.state.put_object(BUCKET, key, data, modified=moment.timestamp())
        self.requests += 1
        request_id = f"{self.requests:032X}"
        event: dict[str, Any] = object_event(BUCKET, key, data, request_id=request_id, at=moment)
        entry = event["Records"][0]
        entry["userIdentity"] = {"ID": ACCOUNT}
        entry["requestParameters"] = {"sourceIPAddress": f"192.0.2.{17 + self.requests % 3}"}
        self.clock.go_to(moment + timedelta(seconds=self.chance.lognormvariate(0.6, 0.7)))
        self.fire(event)
        return event

    def _services(self) -> Invocation:
        environ = self.emulator.environment() | {
            "NIGHTDROP_AUDIT": "sqlite:///unused",
            "NIGHTDROP_PREFIX": "drop/",
            "NIGHTDROP_RESULTS": f"obs://{BUCKET}/results/",
            "NIGHTDROP_SENDERS": "1",
        }
        settings = load(lambda _name: None, environ)
        keys = credentials(None, environ)
        end = Deadline(time.monotonic() + 60, time.monotonic)
        ief = Ief(settings.ief_endpoint, settings.project_id, keys, self.transport, self.clock)
        log = InstanceLog(self.log)
        return Invocation(
            settings=settings,
            log=log,
            ief=ief,
            deadline=end,
            function={
                "name": "nightdrop",
                "version": "latest",
                "request_id": f"{self.chance.getrandbits(128):032x}",
            },
            runner=EffectRunner(log, ief, end),
        )

    def _checkpoint(self) -> None:
        first = next(iter(self.log.records()), None)
        if first is None:
            return
        key = new_key("nightdrop.example/checkpoints", bytes(range(32)))
        head = self.log.read(lambda view: view.head)
        checkpoint = Checkpoint(log_origin(first.hash), head, self.clock())
        CheckpointFolder(self.folder / "checkpoints").put(checkpoint.name, written(checkpoint, key))
        self.log.commit(checkpointed(checkpoint, key.name, ""))


@pytest.fixture(scope="session")
def month(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The log of a month, a SQLite file without a writer; the first worker builds it for all."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "month"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "built").exists():
            build(folder)
            (folder / "built").touch()
    return folder / "audit.db"


def build(folder: Path, *, nights: int = NIGHTS) -> Path:
    """Run through a month and return the log, a SQLite file in a folder.

    Args:
        folder: An empty folder; checkpoints are kept in it, too.
        nights: How many nights to live through.
    """
    path = folder / "audit.db"
    clock = Clock(FIRST_NIGHT - timedelta(hours=1), Random(7))  # noqa: S311 - a story, no secret
    seconds = partial(_seconds, clock)
    cloud = Emulator(
        clock=seconds, job_seconds=95, buckets=(BUCKET,), signature_seconds=31 * 86_400
    )
    with (
        cloud as emulator,
        closing(Transport(timeout=10)) as transport,
        closing(SqliteLog(path, clock=clock)) as log,
    ):
        month = Month(folder, emulator, transport, clock, log)
        for number in range(nights):
            _live(month, number, FIRST_NIGHT + timedelta(days=number))
        _last_morning(month, FIRST_NIGHT + timedelta(days=nights))
    return path


def _seconds(clock: Clock) -> float:
    return clock().timestamp()


def _live(month: Month, number: int, evening: datetime) -> None:
    failing = {GATEWAYS[1]} if number % 9 == 4 else set()
    month.emulator.state.failing_targets = failing
    month.night(evening)
    month.tick(evening + timedelta(minutes=30))
    month.emulator.state.failing_targets = set()
    if (evening + timedelta(hours=8)).weekday() < 5:
        for place, moment in enumerate(_moments(month, evening)):
            if place == 0 and number in _FAULTS:
                month.emulator.faults.set([_FAULTS[number]])
            _work(month, number, place, moment)
            month.emulator.faults.set([])
            month.tick(moment + timedelta(minutes=35))
        if number % 7 == 2:
            _mistake(month, number, evening + timedelta(hours=15))
    month.tick(evening + timedelta(hours=20))


def _moments(month: Month, evening: datetime) -> Iterator[datetime]:
    morning = evening + timedelta(hours=7)
    for place in range(month.chance.choice((1, 2, 2, 3, 4))):
        yield morning + timedelta(hours=1.5 * place, minutes=month.chance.randint(0, 45))


def _work(month: Month, number: int, place: int, moment: datetime) -> None:
    if number in {10, 17, 24} and place == 0:
        month.drop("drop/hall/firmware.json", _firmware(number), moment)
    elif number == 11 and place == 0:
        _freeze(month, moment)
    else:
        event = month.drop(f"drop/dock/camera-{number}-{place}.yaml", _camera(number), moment)
        if number % 5 == 1:
            month.fire(event)
        if number == 15 and place == 0:
            again = moment + timedelta(minutes=10)
            month.drop(f"drop/dock/camera-{number}-{place}.yaml", _camera(number), again)


def _mistake(month: Month, number: int, moment: datetime) -> None:
    broken = (_EVENTS / "specs" / "broken.yaml").read_bytes()
    month.drop(f"drop/hall/rollout-{number}.yaml", broken, moment)
    month.drop("elsewhere/notes.txt", b"no spec", moment + timedelta(minutes=1))
    month.drop(f"drop/hall/rollout-{number}.json", b"{]", moment + timedelta(minutes=2))
    if number > 14:
        month.fire({"hello": "world"})


def _freeze(month: Month, moment: datetime) -> None:
    operator = {"kind": "operator", "name": "ada"}
    month.clock.go_to(moment)
    month.log.commit(hold("freeze while the north hall is audited", actor=operator))
    for name in ("lane-1", "lane-2"):
        month.drop(f"drop/hall/{name}.yaml", _upgrade(name), moment + timedelta(minutes=5))
    jobs = month.log.read(lambda view: view.open(10).jobs)
    month.log.commit(abandon(jobs[0].key, "ordered by mistake", actor=operator))
    month.tick(moment + timedelta(hours=7))
    month.log.commit(release(actor=operator))


def _last_morning(month: Month, evening: datetime) -> None:
    month.night(evening)
    month.tick(evening + timedelta(minutes=30))
    month.emulator.faults.set([{**_CREATE, "fault": "status", "status": 429, "seconds": 3000}])
    month.drop("drop/dock/turnstile.yaml", _upgrade("turnstile"), evening + timedelta(hours=7))
    month.emulator.faults.set([])
    month.drop("drop/dock/scales.yaml", _upgrade("scales"), evening + timedelta(hours=7.2))


def _camera(number: int) -> bytes:
    return yaml.safe_dump({**_camera_sample(), "serial": number}).encode()


@cache
def _camera_sample() -> dict[str, Any]:
    sample: dict[str, Any] = yaml.safe_load((_EVENTS / "specs" / "deploy-camera.yaml").read_text())
    return sample


def _firmware(number: int) -> bytes:
    spec = json.loads((_EVENTS / "specs" / "api-example.json").read_text())
    return json.dumps({**spec, "description": f"line {number}"}).encode()


def _upgrade(name: str) -> bytes:
    spec = {"kind": "node_upgrade", "name": name, "targets": {"nodes": [GATEWAYS[0]]}}
    return yaml.safe_dump(spec).encode()
