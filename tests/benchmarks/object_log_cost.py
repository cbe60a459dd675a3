"""What each operation on a log in OBS costs, in requests and in bytes read.

    python tests/benchmarks/object_log_cost.py [--segments 2 12]

Measured with the real function and commands against the emulator: `log` are requests to the log's
bucket, `other` those to other buckets (the reconciler's bucket scan, the checkpoint), `IEF` those
to the fleet's API, `read` the bytes of all answers of OBS. No time is measured: against a real OBS
each request costs its round trip, and counts do not depend on the machine.
"""

from __future__ import annotations

import argparse
import sys
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from click.testing import CliRunner

from handler.audit.instance_log import InstanceLog
from handler.audit.objects.append_position import SegmentLimits
from handler.audit.objects.log import ObjectLog
from handler.audit.open_log import folder_at
from handler.cli.main import main as command
from handler.cli.open_stores import obs_folders
from handler.cloud.http_transport import Transport
from handler.emulator.server import Emulator
from handler.errors import NoAnswerError
from handler.function import handle
from handler.invocation.instance import open_instance, record_started
from handler.local.runtime.context import Context

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from handler.cloud.http_transport import Answer, Request
    from handler.invocation.instance import Instance

LOG, KEPT = "nightdrop-log", "nightdrop-kept"
TICK = {"action": "reconcile"}
ONE_SEGMENT = SegmentLimits(appends=9_000, size=64 * 1024 * 1024)
"""The measured instance ends no segment: what that costs is a measurement of its own."""

EVENTS_PER_TICK = 20
COLUMNS = (("log", 6), ("other", 6), ("IEF", 6), ("read", 11))

BEFORE: dict[tuple[str, int], tuple[int, int, int, int]] = {
    ("cold start", 2): (4, 0, 0, 157_321),
    ("event with one job", 2): (19, 1, 1, 814_701),
    ("idle tick", 2): (15, 3, 0, 639_582),
    ("audit checkpoint", 2): (13, 1, 0, 1_011_411),
    ("audit show, a recent job", 2): (4, 0, 0, 643_393),
    ("audit show, the first job", 2): (4, 0, 0, 643_393),
    ("jobs abandon", 2): (14, 0, 0, 1_049_145),
    ("tick, 1 unknown", 2): (19, 3, 4, 656_249),
    ("tick, 1 deferred", 2): (19, 3, 2, 663_240),
    ("tick, 10 unknown", 2): (48, 3, 13, 718_177),
    ("tick, 10 deferred", 2): (44, 3, 20, 772_575),
    ("tick, 100 unknown", 2): (336, 3, 105, 1_309_642),
    ("tick, 100 deferred", 2): (313, 3, 200, 1_317_805),
    ("cold start", 12): (4, 0, 0, 163_195),
    ("event with one job", 12): (19, 1, 1, 1_087_391),
    ("idle tick", 12): (15, 3, 0, 923_116),
    ("audit checkpoint", 12): (13, 1, 0, 1_290_995),
    ("audit show, a recent job", 12): (14, 0, 0, 5_325_864),
    ("audit show, the first job", 12): (14, 0, 0, 5_325_864),
    ("jobs abandon", 12): (24, 0, 0, 5_750_470),
    ("tick, 1 unknown", 12): (19, 3, 17, 923_304),
    ("tick, 1 deferred", 12): (19, 3, 2, 923_249),
    ("tick, 10 unknown", 12): (50, 3, 26, 924_996),
    ("tick, 10 deferred", 12): (45, 3, 20, 925_769),
    ("tick, 100 unknown", 12): (325, 3, 118, 941_916),
    ("tick, 100 deferred", 12): (290, 3, 200, 948_449),
}  # fmt: skip
"""The same by operation and segments, measured once, on 25 November 2026, with the code of before
these costs were worked on: log, other, IEF, read."""


@dataclass
class Cost:
    """What went over the wire.

    Attributes:
        log: Requests to the log's bucket.
        other: Requests to other buckets.
        ief: Requests to the fleet's API.
        read: Bytes of the answers of OBS.
        losing: Whether the API's answers to new jobs are lost on their way back.
    """

    log: int = 0
    other: int = 0
    ief: int = 0
    read: int = 0
    losing: bool = False

    def add(self, request: Request, answer: Answer) -> None:
        """Count a request."""
        path = request.url.split("//", 1)[1].partition("/")[2]
        if path.startswith("v2/"):
            self.ief += 1
            return
        self.read += len(answer.body)
        if path.startswith(LOG):
            self.log += 1
        else:
            self.other += 1


class Site:
    """An emulated cloud with a log in OBS, and one instance of the function.

    Args:
        cost: Counts what it costs.
        stack: Closes what is opened.
        limits: When a segment has enough while the log is filled.
    """

    def __init__(self, cost: Cost, stack: ExitStack, limits: SegmentLimits | None = None) -> None:
        buckets = ("nightdrop-drop", LOG, KEPT)
        self.cost = cost
        self.emulator = stack.enter_context(Emulator(buckets=buckets, speed=1e6))
        self.environ = {
            **self.emulator.environment(),
            "NIGHTDROP_AUDIT": f"obs://{LOG}/audit/",
            "NIGHTDROP_CHECKPOINTS": f"obs://{KEPT}/heads/",
            "NIGHTDROP_BUCKETS": "nightdrop-drop",
            "NIGHTDROP_PREFIX": "drop/",
        }
        self._stack = stack
        self._number = 0
        self.instance = self.start(limits or SegmentLimits())
        self.settings = self.instance.settings

    def start(self, limits: SegmentLimits) -> Instance:
        """Open an instance that knows nothing yet."""
        opened = open_instance(self._context(), self.environ, lambda _line: None)
        self._stack.callback(opened.close)
        place = folder_at(self.environ["NIGHTDROP_AUDIT"], obs_folders(self.environ))
        log = InstanceLog(ObjectLog(place, limits=limits))
        self._stack.callback(log.close)
        limited = opened._replace(log=log)
        record_started(self._context(), limited)
        return limited

    def handle(self, event: object) -> dict[str, Any]:
        """Hand an event to the instance."""
        return handle(event, self._context(), self.instance)

    def event(self, name: str = "job") -> str:
        """Have one more job planned and sent; answers its name."""
        self._number += 1
        spec = {"kind": "node_upgrade", "name": name, "serial": self._number}
        reply = self.handle({**spec, "targets": {"nodes": [{"id": "n1"}]}})
        return str(reply["jobs"][0]["job_name"])

    def first_event(self) -> None:
        """Replace the instance by one that knows nothing yet, and have it run an event."""
        self.instance = self.start(ONE_SEGMENT)._replace(settings=self.settings)
        self.event()

    def tick(self) -> dict[str, Any]:
        """Run the reconciler once."""
        return self.handle(TICK)

    def run(self, *arguments: str) -> None:
        """Run a command, each with a log and connections of its own."""
        done = CliRunner().invoke(command, arguments, env=self.environ)
        if done.exit_code:
            raise RuntimeError(f"{arguments}: {done.output}{done.exception!r}")

    def fill(self, segments: int, then: int) -> str:
        """Have the log grow to that many segments and some events; answers the first job's name."""
        self.instance = self.instance._replace(
            settings=self.settings.model_copy(update={"checkpoints": ""})
        )
        first = self.event("first")
        while self._segments() < segments:
            self.event()
            if self._number % EVENTS_PER_TICK == 0:
                self.tick()
        for _ in range(then):
            self.event()
        self.instance = self.start(ONE_SEGMENT)._replace(settings=self.settings)
        return first

    def settled(self) -> None:
        """Run the reconciler until no work is left."""
        for _ in range(5):
            if not any(self.tick()["open"].values()):
                return
        raise RuntimeError("open work remains in the log")

    def lost(self, number: int) -> None:
        """Have the answers of some events' jobs lost."""
        self.cost.losing = True
        for _ in range(number):
            self.event()
        self.cost.losing = False

    def deferred(self, number: int) -> list[str]:
        """Have some events' jobs wait; answers their names."""
        self.run("hold")
        names = [self.event("held") for _ in range(number)]
        self.run("release")
        return names

    def _segments(self) -> int:
        return sum("/records/" in key for key in self.emulator.state.buckets[LOG])

    def _context(self) -> Context:
        return Context.from_environment(self.environ, str(uuid4()), time.monotonic)


Operation = tuple[str, "Callable[[], object]"]


def operations(site: Site, first: str, lost: tuple[int, ...] = (1, 10, 100)) -> Iterator[Operation]:
    """Yield what is measured, each once the site is ready for it.

    Args:
        site: Where.
        first: The name of the first job in the log.
        lost: With how many unknown jobs a reconciler run is measured.
    """
    yield "cold start", lambda: site.start(ONE_SEGMENT)
    yield "cold start and event", site.first_event
    site.settled()
    yield "event with one job", site.event
    site.settled()
    yield "idle tick", site.tick
    yield "audit checkpoint", lambda: site.run("audit", "checkpoint")
    recent = site.event("recent")
    site.settled()
    yield "audit show, a recent job", lambda: site.run("audit", "show", recent)
    yield "audit show, the first job", lambda: site.run("audit", "show", first)
    [held] = site.deferred(1)
    yield "jobs abandon", lambda: site.run("jobs", "abandon", held)
    for number in lost:
        site.settled()
        site.lost(number)
        yield f"tick, {number} unknown", site.tick
        site.settled()
        site.deferred(number)
        yield f"tick, {number} deferred", site.tick


def measured(
    segments: int,
    then: int,
    limits: SegmentLimits | None = None,
    lost: tuple[int, ...] = (1, 10, 100),
) -> Iterator[tuple[str, Cost]]:
    """Yield the operations with what each costs, on a log of some segments and events."""
    with ExitStack() as stack:
        cost = stack.enter_context(counted())
        site = Site(cost, stack, limits)
        first = site.fill(segments, then)
        for name, do in operations(site, first, lost):
            cost.log = cost.other = cost.ief = cost.read = 0
            do()
            yield name, replace(cost)


@contextmanager
def counted() -> Iterator[Cost]:
    """Count what every connection of the function and its commands carries."""
    cost, real = Cost(), Transport.send

    def send(self: Transport, request: Request, **limits: Any) -> Answer:  # noqa: ANN401 - as given
        answer = real(self, request, **limits)
        cost.add(request, answer)
        if cost.losing and request.method == "POST" and "/v2/" in request.url:
            raise NoAnswerError("lost on its way back")
        return answer

    Transport.send = send  # type: ignore[method-assign] # the commands open connections themselves
    try:
        yield cost
    finally:
        Transport.send = real  # type: ignore[method-assign] # as before


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--segments", type=int, nargs="*", default=[2, 12])
    head = "".join(f"{name:>{width}}" for name, width in COLUMNS)
    sys.stdout.write(f"{'operation':25}{'segments':>9}{head}   before:{head}\n")
    for segments in parser.parse_args().segments:
        for name, cost in measured(segments, 40):
            now = _row((cost.log, cost.other, cost.ief, cost.read))
            before = _row(BEFORE.get((name, segments), ()))
            sys.stdout.write(f"{name:25}{segments:>9}{now}          {before}\n")
            sys.stdout.flush()


def _row(numbers: tuple[int, ...]) -> str:
    return "".join(f"{n:>{width},}" for n, (_, width) in zip(numbers, COLUMNS, strict=False))


if __name__ == "__main__":
    main()
