"""What a rollout costs: its selection and plan, and each run of the reconciler over it.

    python -m tests.benchmarks.rollouts

The plan: the function, a process of its own, selects among the 10,000 nodes of the emulator, which
is another one. The runs: whole nights in one process with the emulator's fleet, thirty jobs of
twenty nodes at once; the time that the fleet needs to answer is part of each.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

from handler.emulator.ief.fleet_file import read_fleet
from handler.function import handle
from handler.invocation.instance import open_instance
from handler.local.runtime.context import Context
from tests.benchmarks.fan_out import ROOT, emulator
from tests.faults.simulation.memory_log import MemoryLog
from tests.support.clock import Clock
from tests.support.emulated_ief import EmulatedIef
from tests.support.rollout_night import EVENING, LARGE_FLEET, Night

if TYPE_CHECKING:
    from handler.values.canonical_json import Json

SIZES = (100, 1_000, 10_000)
ROUNDS = 3
SPEC: dict[str, Json] = {
    "kind": "node_upgrade",
    "name": "nightly",
    "targets": {"select": {"name": "*"}},
    "rollout": {"waves": ["5%", "100%"], "max_parallel_jobs": 30, "max_targets_per_job": 20},
}
HELD: dict[str, Json] = {**SPEC, "rollout": {"approve_before": [1]}}
"""It is planned, and sends nothing."""


class Ran(NamedTuple):
    """One run of the reconciler: seconds, requests, and how many jobs ran before and began."""

    seconds: float
    requests: int
    running: int
    started: int


def main() -> None:
    """Measure, and print the figures."""
    if sys.argv[1:] == ["--plan"]:
        sys.stdout.write(json.dumps(plan()))
        return
    with (
        tempfile.TemporaryDirectory() as folder,
        emulator(Path(folder), "--fleet", str(LARGE_FLEET)) as environ,
    ):
        limits = {**environ, "RUNTIME_TIMEOUT": "60"}
        logs = [f"sqlite:///{folder}/{one}.db" for one in range(ROUNDS)]
        plans = [_planned({**limits, "NIGHTDROP_AUDIT": log}) for log in logs]
    best = min(plans, key=lambda one: one["seconds"])
    _print(
        f"selection and plan of {best['nodes']:,.0f} nodes: {best['seconds']:.2f} s, "
        f"{best['processor']:.2f} s of it its own; {best['peak']:.0f} MiB at most"
    )
    _print("nodes      runs   median s   longest s   requests / job run or started   most requests")
    for size in SIZES:
        runs = night(size)
        jobs = sum(one.running + one.started for one in runs)
        seconds = [one.seconds for one in runs]
        requests = [one.requests for one in runs]
        _print(f"{size:6,}  {len(runs):7}   {median(seconds):8.3f}   {max(seconds):9.3f}"
               f"   {sum(requests) / jobs:27.2f}   {max(requests):13}")  # fmt: skip


def plan() -> dict[str, float]:
    """Plan a rollout over all nodes, in this process."""
    environ = dict(os.environ)
    context = Context.from_environment(environ, str(uuid4()), time.monotonic)
    instance = open_instance(context, environ, lambda _line: None)
    began, worked = time.monotonic(), time.process_time()
    reply: Any = handle(HELD, context, instance)
    took, processor = time.monotonic() - began, time.process_time() - worked
    instance.close()
    if reply["rollouts"][0]["waits"]["for"] != "approval":
        raise RuntimeError(f"the benchmark means nothing: {str(reply)[-300:]}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    nodes = reply["rollouts"][0]["nodes"]
    total = nodes["total"] + nodes["skipped"]
    return {"seconds": took, "processor": processor, "peak": peak, "nodes": total}


def night(size: int) -> list[Ran]:
    """Carry a rollout over so many nodes out; a run every other minute."""
    clock, fleet = Clock(EVENING), read_fleet(LARGE_FLEET)
    ief = EmulatedIef(replace(fleet, nodes=fleet.nodes[:size]), clock)
    one = Night(clock, ief, MemoryLog(clock))
    one.order(SPEC)
    runs: list[Ran] = []
    while not one.rollout.ended:
        one.wait(2)
        runs.append(_run(one))
    return runs


def _run(night: Night) -> Ran:
    running = len(night.log.read(lambda view: view.rollouts.open_jobs(night.rollout.key)))
    before = Counter(night.asked)
    began = time.perf_counter()
    night.tick()
    seconds = time.perf_counter() - began
    asked = night.asked - before
    return Ran(seconds, asked.total(), running, asked["POST jobs"])


def _planned(environ: dict[str, str]) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.benchmarks.rollouts", "--plan"]
    output = subprocess.run(
        command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, check=True, timeout=120
    ).stdout
    measured: dict[str, float] = json.loads(output)
    return measured


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    main()
