"""One emulated cloud, one log, and the function as real processes between them."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from uuid import uuid4

from handler.audit.verification.verdict import verify
from handler.cli.open_stores import open_any_log
from handler.emulator.server import Emulator
from handler.function import handle
from handler.invocation.instance import open_instance
from handler.local.runtime.context import Context
from tests.faults.kills.preloaded import LONGEST_SECONDS, start

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from handler.audit.job_state import JobState
    from handler.audit.log import Open, View
    from handler.emulator.ief.job import Job
    from tests.faults.kills.preloaded import Child, Running

T = TypeVar("T")
Place = TypeVar("Place")

BUCKET = "nightdrop-drop"
TICK = {"action": "reconcile"}
SETTLED_SOON = {
    "RUNTIME_TIMEOUT": "30",
    "NIGHTDROP_REQUEST_TIMEOUT": "5",
    "NIGHTDROP_SETTLE_AFTER": "1",
    "NIGHTDROP_SWEEP_FROM": "2000-01-01T00:00:00Z",  # files are dropped before the first record
}
"""A lost answer is settled, and a killed writer's result file taken over, a second later."""


@dataclass(frozen=True)
class Scene:
    """One emulated cloud and one log.

    Attributes:
        emulator: The cloud.
        environ: The function's settings and keys.
        folder: For the output of processes.
    """

    emulator: Emulator
    environ: Mapping[str, str]
    folder: Path

    def drop(self, name: str, data: bytes) -> dict[str, Any]:
        """Put a spec into the bucket and return its event."""
        self.emulator.state.put_object(BUCKET, name, data)
        entry = {
            "eventName": "ObjectCreated:Put",
            "eventTime": "2026-11-23T14:05:31.482Z",
            "responseElements": {"x-obs-request-id": uuid4().hex},
            "obs": {"bucket": {"name": BUCKET}, "object": {"key": name, "size": len(data)}},
        }
        return {"Records": [entry]}

    def start(self, events: Sequence[object], fault: str = "") -> Running:
        """Start a process that is handed some events."""
        return start(events, {**self.environ, "FAULT": fault}, self.folder / uuid4().hex)

    def run(self, events: Sequence[object], fault: str = "") -> Child:
        """Run a process to its end, whatever end that is."""
        return self.start(events, fault).ended()

    def tick(self) -> dict[str, Any]:
        """Run the reconciler once, in a fresh instance of the function in this process."""
        return self.fire(TICK)

    def fire(self, event: object) -> dict[str, Any]:
        """Hand an event to a fresh instance of the function in this process."""
        environ = dict(self.environ)
        context = Context.from_environment(environ, str(uuid4()), time.monotonic)
        instance = open_instance(context, environ, lambda _line: None)
        try:
            return handle(event, context, instance)
        finally:
            instance.close()

    def tick_until_quiet(self, pause: float = 0.2) -> None:
        """Run the reconciler until no work is left.

        Raises:
            TimeoutError: That took too long; something is never finished.
        """
        until = time.monotonic() + LONGEST_SECONDS
        while time.monotonic() < until:
            self.tick()
            left = self.left()
            if not (left.deliveries or left.jobs or left.followed or left.unreported):
                return
            time.sleep(pause)
        raise TimeoutError(f"ticks do not finish: {self.left()}")

    def left(self) -> Open:
        """Return the work that the log has left open."""
        return self.read(lambda view: view.open(1000))

    def read(self, ask: Callable[[View], T]) -> T:
        """Return what `ask` finds in the state."""
        with closing(open_any_log(self.environ["NIGHTDROP_AUDIT"], self.environ)) as log:
            return log.read(ask)

    def records(self) -> dict[str, dict[str, Any]]:
        """Return every record's fields by its hash, once the chain was verified."""
        with closing(open_any_log(self.environ["NIGHTDROP_AUDIT"], self.environ)) as log:
            kept = list(log.records())
        assert verify(kept).whole
        return {record.hash: record.fields for record in kept}

    def planned(self) -> list[JobState]:
        """Return the state of every job that was ever planned."""
        keys = [r["job"]["key"] for r in self.records().values() if r["action"] == "job.planned"]
        with closing(open_any_log(self.environ["NIGHTDROP_AUDIT"], self.environ)) as log:
            jobs = log.read(lambda view: [view.job(key) for key in keys])
        return [job for job in jobs if job]

    def jobs(self) -> list[Job]:
        """Return the jobs that the cloud has."""
        return self.emulator.state.all_jobs()

    def result(self, name: str) -> dict[str, Any]:
        """Return the content of a spec's result file."""
        key = f"results/{name.removeprefix('drop/')}.result.json"
        with self.emulator.state.lock:
            content: dict[str, Any] = json.loads(self.emulator.state.buckets[BUCKET][key].data)
        return content


@contextmanager
def scene(
    address: str, folder: Path, settings: Mapping[str, str], *, signature: float = 900
) -> Iterator[Scene]:
    """Open a scene with an empty log.

    Args:
        address: Where the log is.
        folder: A folder for files.
        settings: More of the function's environment.
        signature: How old a signature may be, in seconds.
    """
    with Emulator(job_seconds=0.01, signature_seconds=signature) as emulator:
        environ = {
            **emulator.environment(),
            "NIGHTDROP_AUDIT": address,
            "NIGHTDROP_PREFIX": "drop/",
            "NIGHTDROP_RESULTS": f"obs://{BUCKET}/results/",
            **settings,
        }
        yield Scene(emulator, environ, folder)


def spec(name: str) -> bytes:
    """Return a job spec with one job."""
    node = {"id": "5a0f7c52-8e7b-4a57-9d43-1c1f0b8e2d11", "name": "gateway-1"}
    job = {"kind": "node_upgrade", "name": name, "targets": {"nodes": [node]}}
    return json.dumps(job).encode()


class Killed(NamedTuple):
    """A run that was killed at one step: where, and the process."""

    scene: Scene
    child: Child


@contextmanager
def killed_side_by_side(
    places: Iterable[Place],
    open_scene: Callable[[], AbstractContextManager[Scene]],
    kill: Callable[[Scene, Place], T],
) -> Iterator[dict[Place, T]]:
    """Make every kill ahead, three at a time, so that the leases run out together.

    Args:
        places: Where runs are killed.
        open_scene: Opens a scene for one of them; it stays open until the block ends.
        kill: Makes one kill, and returns what its test needs.
    """
    with ExitStack() as stack, ThreadPoolExecutor(3) as threads:
        running = {
            place: threads.submit(kill, stack.enter_context(open_scene()), place)
            for place in places
        }
        yield {place: one.result() for place, one in running.items()}
