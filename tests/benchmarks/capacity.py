"""What a fleet costs: requests, seconds, memory and growth, for 10³, 10⁴ and 10⁵ nodes.

    python -m tests.benchmarks.capacity [--quick]

A nightly rollout of the whole fleet and 10,000 dropped files a day. Each size and store is measured
in a process of its own, with the emulated fleet in that process and a clock that is set: only
Nightdrop's own work takes time. For 10⁵ nodes the plan and some runs of the reconciler are
measured, and the night is computed from the jobs that it has. The result goes into
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
from tests.support.emulated_ief import EmulatedIef
from tests.support.memory_objects import START, MemoryObjects
from tests.support.rollout_night import EVENING, Night

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from handler.values.canonical_json import Json

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "infra/OPERATIONS.md"
RESULT = Path(__file__).with_suffix(".json")
BEGIN, END = "<!-- capacity -->", "<!-- end of capacity -->"

SIZES = (1_000, 10_000, 100_000)
STORES = ("sqlite", "objects")
WHOLE_NIGHT = 10_000
"""The largest fleet whose whole night is measured."""

TICK_MINUTES = 5
MOST_TICKS = 4
"""How many runs of the reconciler are measured where the night is computed."""

FILES = 10_000
MEASURED_FILES = 1500
NIGHTS = 365
TARGETS = {1_000: 20, 10_000: 20, 100_000: 50}
PARALLEL = {1_000: 5, 10_000: 30, 100_000: 100}
REMEMBERED_DAYS = 90
MIB = 1024 * 1024
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
            done = {"nodes": nodes, "store": store, **night.roll_out(nodes)}
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

    def roll_out(self, nodes: int) -> dict[str, Any]:
        """Carry out the nightly rollout, or some runs of it; return what that took."""
        self._set_clock()
        began = time.process_time()
        self.night.order(spec(nodes))
        planned = time.process_time() - began
        plan_requests = dict(self.night.asked)
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
            "plan_seconds": round(planned, 2),
            "tick_seconds": round(max(seconds), 2),
            "plan_requests": sum(plan_requests.values()),
            "requests": dict(self.night.asked),
            "object_requests": sum(self.objects.asked.values()),
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
    return sum(len(data) for data in objects.bucket.objects.values())


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _in_processes(sizes: Sequence[int], files: int) -> Iterator[dict[str, Any]]:
    for nodes in sizes:
        for store in STORES:
            call = [sys.executable, "-m", "tests.benchmarks.capacity", "--one"]
            call += [str(nodes), store, str(files)]
            done = subprocess.run(call, cwd=ROOT, check=True, capture_output=True, text=True)
            yield json.loads(done.stdout)


def rows(measured: Sequence[dict[str, Any]]) -> list[list[str]]:
    """Return the rows of the table, the first with the sizes."""
    by = {(one["nodes"], one["store"]): one for one in measured}
    sizes = sorted({nodes for nodes, _ in by})
    jobs = {nodes: _jobs(by[nodes, "sqlite"]) for nodes in sizes}

    def row(name: str, figure: Any) -> list[str]:  # noqa: ANN401 - a function of a size
        return [
            name,
            *(figure(nodes, by[nodes, "sqlite"], by[nodes, "objects"]) for nodes in sizes),
        ]

    def ief(nodes: int, one: dict[str, Any], _other: dict[str, Any]) -> str:
        asked = sum(one["requests"].values()) - one["plan_requests"]
        night = one["plan_requests"] + asked * jobs[nodes] / one["jobs"]
        return f"{_mark(one)}{night:,.0f} + {one['file_requests'] * FILES:,.0f}"

    def obs(nodes: int, _one: dict[str, Any], other: dict[str, Any]) -> str:
        night = other["object_requests"] * jobs[nodes] / other["jobs"]
        return f"{_mark(other)}{night:,.0f} + {other['file_object_requests'] * FILES:,.0f}"

    def growth(store: int) -> Any:  # noqa: ANN401 - a function of a size
        def figure(nodes: int, *both: dict[str, Any]) -> str:
            one = both[store]
            night = one["log_bytes"] * (1 if one["whole"] else jobs[nodes] / one["jobs"])
            per_day = night + one["file_bytes"] * FILES
            return f"{_mark(one)}{night / MIB:,.1f} MiB; {per_day * NIGHTS / MIB / 1024:,.1f} GiB"

        return figure

    def snapshot(_nodes: int, _one: dict[str, Any], other: dict[str, Any]) -> str:
        files = other["file_snapshot_bytes"] * FILES * REMEMBERED_DAYS
        return f"{other['snapshot_bytes'] / 1024:,.0f}; ≈ {files / MIB:,.0f}"

    return [
        ["", *(f"{nodes:,} nodes" for nodes in sizes)],
        row("jobs of a night, at once", lambda n, one, _o: f"{_mark(one)}{jobs[n]:,}, {_at_once(n)}"),
        row("requests to IEF, night + files", ief),
        row("requests to a log in OBS, night + files", obs),
        row("selection and plan, s", lambda _n, one, other: f"{one['plan_seconds']}, {other['plan_seconds']}"),
        row("longest run, s", lambda _n, one, other: f"{one['tick_seconds']}, {other['tick_seconds']}"),
        row("memory of that, MiB", lambda _n, one, other: f"{one['memory_mib']}, {other['memory_mib']}"),
        row("SQLite: a night; a year with files", growth(0)),
        row("OBS: a night; a year with files", growth(1)),
        row("snapshot in OBS: a night, KiB; 90 days of files, MiB", snapshot),
    ]  # fmt: skip


def _jobs(one: dict[str, Any]) -> int:
    """Return the jobs of a whole night; those of a part are those that the waves need."""
    if one["whole"]:
        return int(one["jobs"])
    return -(-int(one["nodes"] * 0.95) // TARGETS[one["nodes"]]) * 103 // 100


def _at_once(nodes: int) -> int:
    return PARALLEL.get(nodes, PARALLEL[SIZES[0]])


def _mark(one: dict[str, Any]) -> str:
    return "" if one["whole"] else "≈ "


def table(measured: Sequence[dict[str, Any]]) -> str:
    """Return the table as Markdown."""
    head, *others = rows(measured)
    lines = [head, ["---"] * len(head), *others]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def write_page(text: str, page: Path = PAGE) -> None:
    """Put the table between its two marks of a page."""
    before, _, rest = page.read_text().partition(BEGIN)
    page.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{rest.partition(END)[2]}")


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
    sizes, files = ((100,), 5) if asked.quick else (SIZES, MEASURED_FILES)
    measured = list(_in_processes(sizes, files))
    print(table(measured))  # noqa: T201 - the result
    if not asked.quick:
        RESULT.write_text(json.dumps(measured, indent=2) + "\n")
        write_page(table(measured))


if __name__ == "__main__":
    main()
