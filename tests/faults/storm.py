"""Many processes, many deliveries, duplicates, faults and kills at once, the same by its seed.

Every process gets its share of the events, as instances of a function do. It may be killed at a
random step; then another takes over what it had not answered, or none does, as the platform's
retries may be set to zero: an object's notification is then lost, and the reconciler must find it.
"""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from random import Random
from threading import Event
from typing import TYPE_CHECKING, Any

from tests.faults.kills.scene import TICK, Scene, spec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handler.values.canonical_json import Json
    from tests.faults.kills.preloaded import Child

KILLED = 0.4
"""How likely a process is to be killed."""

MOST_KILLS = 4
"""After this many takeovers an instance is left in peace: a storm ends."""

LATE_SECONDS = 1
"""How late a commit may come after the signature was checked, and how far the list may lag."""

FAULTS: dict[str, dict[str, float]] = {
    "CreateBatchJob": {
        "lost_answer": 0.06,
        "cut": 0.05,
        "before": 0.05,
        "after": 0.05,
        "slower": 0.02,
        "late_commit": 0.04,
        "delay": 0.05,
        "duplicate_name": 0.5,
    },
    "ListBatchJob": {"before": 0.1, "cut": 0.05, "stale_list": 0.3},
    "ShowBatchJob": {"before": 0.1, "lost_answer": 0.1},
    "GetObject": {"before": 0.1, "cut": 0.05},
    "PutObject": {"before": 0.1, "lost_answer": 0.1},
    "ListObjects": {"before": 0.1, "cut": 0.1},
    "AppendObject": {"lost_answer": 0.05, "cut": 0.05, "before": 0.05, "after": 0.05},
    "DeleteObject": {"before": 0.1, "lost_answer": 0.1},
}
"""How likely each operation goes wrong in each way: about a third of all creations do."""

_WAYS: dict[str, dict[str, Json]] = {
    "before": {"fault": "status", "status": 503},
    "after": {"fault": "status", "status": 500, "after": True},
    "slower": {"fault": "status", "status": 429, "seconds": 1},
    "delay": {"fault": "delay", "seconds": 0.4},
    "late_commit": {"fault": "late_commit", "seconds": LATE_SECONDS},
    "stale_list": {"fault": "stale_list", "seconds": LATE_SECONDS},
}


@dataclass(frozen=True)
class Size:
    """How large a storm is."""

    processes: int
    deliveries: int


@dataclass
class Storm:
    """A storm over a scene.

    Attributes:
        scene: Where.
        size: How large.
        seed: What its chances are drawn from.
        settling: How many seconds ticks go on under faults after the last delivery.
        children: Every process that ended.
    """

    scene: Scene
    size: Size
    seed: int
    settling: float
    children: list[Child] = field(default_factory=list)

    @property
    def specs(self) -> int:
        """How many different specs there are; the other deliveries repeat one."""
        return self.size.deliveries * 5 // 8

    def run(self) -> None:
        """Deliver everything while everything goes wrong; the faults stay set."""
        self.scene.emulator.faults.set(self._faults())
        events = self._events()
        over = Event()
        with ThreadPoolExecutor(self.size.processes + 1) as threads:
            ticking = threads.submit(self._tick, over)
            shares = [events[n :: self.size.processes] for n in range(self.size.processes)]
            running = [threads.submit(self._deliver, share, n) for n, share in enumerate(shares)]
            for one in running:
                one.result()
            time.sleep(self.settling)
            over.set()
            ticking.result()

    def _faults(self) -> list[Json]:
        ways = [(operation, way) for operation, ways in FAULTS.items() for way in ways]
        return [
            {
                **_WAYS.get(way, {"fault": way}),
                "operation": operation,
                "probability": FAULTS[operation][way],
                "seed": self.seed + number,
            }
            for number, (operation, way) in enumerate(ways)
        ]

    def _events(self) -> list[dict[str, Any]]:
        """Return all events, shuffled: objects, specs handed over directly, repeats of both."""
        chance = Random(self.seed)  # noqa: S311 - to repeat runs
        first = [self._event(number) for number in range(self.specs)]
        repeats = [self._again(chance, first) for _ in range(self.size.deliveries - self.specs)]
        events = first + repeats
        chance.shuffle(events)
        return events

    def _event(self, number: int) -> dict[str, Any]:
        data = spec(f"n{number}")
        if number % 4 == 0:
            direct: dict[str, Any] = json.loads(data)
            return direct
        return self.scene.drop(f"drop/n{number}.json", data)

    def _again(self, chance: Random, events: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Return an event once more: exactly so, or as a second notification of the object."""
        event: dict[str, Any] = json.loads(json.dumps(chance.choice(events)))
        for entry in event.get("Records", ()) if chance.random() < 1 / 2 else ():
            entry["responseElements"]["x-obs-request-id"] = f"{chance.getrandbits(128):032x}"
        return event

    def _deliver(self, events: Sequence[dict[str, Any]], number: int) -> None:
        chance = Random(f"{self.seed}/{number}")  # noqa: S311 - to repeat runs
        for killed in range(MOST_KILLS + 1):
            deadly = killed < MOST_KILLS and chance.random() < KILLED
            step = chance.randrange(1, 16 * len(events))
            child = self._ended(events, f"kill:{step}" if deadly else "")
            # What was not answered comes again; a notification may be lost instead.
            events = [
                event
                for place, event in enumerate(events)
                if place not in answered(child)
                and ("Records" not in event or chance.random() < 1 / 2)
            ]
            if not events:
                return

    def _tick(self, over: Event) -> None:
        chance = Random(f"{self.seed}/tick")  # noqa: S311 - to repeat runs
        while not over.wait(0.5):
            deadly = chance.random() < KILLED
            self._ended([TICK], f"kill:{chance.randrange(1, 60)}" if deadly else "")

    def _ended(self, events: Sequence[object], fault: str) -> Child:
        child = self.scene.run(events, fault)
        self.children.append(child)
        return child


def answered(child: Child) -> set[int]:
    """Return which of its events a process answered without an error."""
    done, place = set(), -1
    for kind, value in child.lines_read:
        if kind == "began":
            place = value
        if kind == "reply":
            done.add(place)
    return done
