"""What a fleet costs: requests, seconds, memory and growth, for 10³, 10⁴ and 10⁵ nodes.

    python -m tests.benchmarks.capacity [--quick]

A nightly rollout of the whole fleet and 10,000 dropped files a day. Each size and store is measured
in a process of its own, with the emulated fleet in that process and a clock that is set: times
are processor time, with that of the emulated fleet. For 10⁵ nodes the plan and some runs of the
reconciler are measured, and the night is computed from the jobs that it has. The result goes into
`capacity.json` and into the table of `infra/OPERATIONS.md`.
"""

from __future__ import annotations

import argparse
import json
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from handler.audit.objects.log import ObjectLog
from handler.audit.sql.sqlite import SqliteLog
from handler.emulator.ief.fleet_file import read_fleet
from tests.support.clock import Clock
from tests.support.documents.capacity_table import (
    PARALLEL,
    SMALL,
    STORES,
    TARGETS,
    table,
    write_page,
)
from tests.support.emulated_ief import EmulatedIef
from tests.support.memory_objects import START, MemoryObjects
from tests.support.rollout_night import EVENING, Night

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from handler.values.canonical_json import Json

ROOT = Path(__file__).parents[2]
RESULT = Path(__file__).with_suffix(".json")

SIZES = (1_000, 10_000, 100_000)
WHOLE_NIGHT = 10_000
"""The largest fleet whose whole night is measured."""

TICK_MINUTES = 5
MOST_TICKS = 4
"""How many runs of the reconciler are measured where the night is computed."""

MEASURED_FILES = 1500
_PAGES = ("page_count", "page_size")

FLEET = """\
nodes:
  - name: gw-{{number}}
    count: {nodes}
    version: 2.53.0
    offline: 5%
    failing: 3%
    seconds: {{median: 60, p95: 240}}
"""


def spec(nodes: int) -> Json:
    """Return the nightly rollout of a fleet of about so many nodes."""
    size = min((one for one in SIZES if one >= nodes), default=SIZES[-1])
    return {
        "kind": "node_upgrade",
        "name": "nightly",
        "targets": {"select": {"upgradable": True}},
        "rollout": {
            "waves": [1, "5%", "25%", "100%"],
            "max_targets_per_job": TARGETS[size],
            "max_parallel_jobs": PARALLEL[size],
            "retry": 1,
        },
    }


def measure(nodes: int, store: str, files: int) -> dict[str, Any]:
    """Measure a night over a fleet, and some dropped files, with the log in a store."""
    with tempfile.TemporaryDirectory() as folder:
        described = Path(folder) / "fleet.yaml"
        described.write_text(FLEET.format(nodes=nodes))
        clock = Clock(EVENING)
        objects = MemoryObjects()
        path = Path(folder) / "audit.db"
        log: Any = ObjectLog(objects) if store == "objects" else SqliteLog(path, clock=clock)
        fleet = EmulatedIef(read_fleet(described), clock)
        memory_before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with closing(log):
            night = _Night(Night(clock, fleet, log), objects)
            night.plan(nodes)
            done: dict[str, Any] = {"nodes": nodes, "store": store}
            done["plan_bytes"] = _size(path, objects)
            done |= night.roll_out(nodes)
            done["log_bytes"] = _size(path, objects)
            done["memory_mib"] = round(_peak_mib() - memory_before / 1024, 1)
            done |= night.drop(files)
            done["file_bytes"] = round((_size(path, objects) - done["log_bytes"]) / files)
    return done


class _Night:
    """A night whose log may be in objects that share its clock."""

    def __init__(self, night: Night, objects: MemoryObjects) -> None:
        self.night = night
        self.objects = objects
        self.plan_seconds = 0.0
        self.plan_requests = self.plan_object_requests = 0

    def plan(self, nodes: int) -> None:
        """Plan the nightly rollout, and start its first wave."""
        self._set_clock()
        began = time.process_time()
        self.night.order(spec(nodes))
        self.plan_seconds = time.process_time() - began
        self.plan_requests = self.night.asked.total()
        self.plan_object_requests = self.objects.asked.total()

    def roll_out(self, nodes: int) -> dict[str, Any]:
        """Carry out the rollout, or some runs of it; return what that took."""
        seconds: list[float] = []
        while not self.night.rollout.ended:
            if nodes > WHOLE_NIGHT and len(seconds) == MOST_TICKS:
                break
            seconds.append(self._tick())
        rollout = self.night.rollout
        return {
            "whole": rollout.ended,
            "jobs": rollout.jobs,
            "ticks": len(seconds),
            "plan_seconds": round(self.plan_seconds, 2),
            "tick_seconds": round(max(seconds), 2),
            "plan_requests": self.plan_requests,
            "requests": dict(self.night.asked),
            "plan_object_requests": self.plan_object_requests,
            "object_requests": self.objects.asked.total(),
            "snapshot_bytes": self._largest("snapshots/"),
        }

    def drop(self, files: int) -> dict[str, Any]:
        """Hand over specs of one job each, and follow them to their end."""
        asked, kept = self.night.asked.total(), self.objects.asked.total()
        snapshot = self._largest("snapshots/")
        for number in range(files):
            document: Json = {
                "kind": "node_upgrade",
                "name": f"file-{number}",
                "targets": {"nodes": [{"id": f"node-{number}"}]},
            }
            self.night.order(document, name=f"file {number}")
        for _ in range(3):
            self._tick()
        return {
            "file_requests": round((self.night.asked.total() - asked) / files, 2),
            "file_object_requests": round((self.objects.asked.total() - kept) / files, 2),
            "file_snapshot_bytes": (self._largest("snapshots/") - snapshot) / files,
        }

    def _tick(self) -> float:
        self.night.clock.now += timedelta(minutes=TICK_MINUTES)
        self._set_clock()
        began = time.process_time()
        self.night.tick()
        return time.process_time() - began

    def _set_clock(self) -> None:
        self.objects.bucket.seconds = (self.night.clock.now - START).total_seconds()

    def _largest(self, folder: str) -> int:
        held = self.objects.bucket.objects
        return max((len(data) for name, data in held.items() if name.startswith(folder)), default=0)


def _size(path: Path, objects: MemoryObjects) -> int:
    if path.exists():
        with closing(sqlite3.connect(path)) as db:
            (pages,), (size,) = (db.execute(f"PRAGMA {one}").fetchone() for one in _PAGES)
        return int(pages) * int(size)
    held = objects.bucket.objects.items()  # snapshots are replaced in turn, so they do not grow
    return sum(len(data) for name, data in held if name.startswith("records/"))


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _in_processes(sizes: Sequence[int], files: int) -> Iterator[dict[str, Any]]:
    for nodes in (SMALL, *sizes):
        for store in STORES:
            call = [sys.executable, "-m", "tests.benchmarks.capacity", "--one"]
            call += [str(nodes), store, str(files if nodes == SMALL else 1)]
            done = subprocess.run(call, cwd=ROOT, check=True, capture_output=True, text=True)
            yield json.loads(done.stdout)


def main() -> None:
    """Measure, and write table and file; with `--quick` only print a small one."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true")
    options.add_argument("--one", nargs=3, metavar=("NODES", "STORE", "FILES"))
    asked = options.parse_args()
    if asked.one:
        nodes, store, files = asked.one
        print(json.dumps(measure(int(nodes), store, int(files))))  # noqa: T201 - for the caller
        return
    sizes, files = ((200,), 5) if asked.quick else (SIZES, MEASURED_FILES)
    measured = list(_in_processes(sizes, files))
    print(table(measured))  # noqa: T201 - the result
    if not asked.quick:
        RESULT.write_text(json.dumps(measured, indent=2) + "\n")
        write_page(table(measured))


if __name__ == "__main__":
    main()
