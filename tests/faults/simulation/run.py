"""A simulation: the real reconciler and pipeline against unhelpful services, in invented time.

Run by `make simulate`, or `python -m tests.faults.simulation.run 20000`; with `objects` behind it,
on the log in OBS instead of the one in SQLite; with `rollouts`, each run has a fleet and rollouts.
A run follows from its seed: two orders are delivered up to three times each, side by side, while
ticks come and instances are killed or frozen at any use of the log or the network. Then the faults
end, and reconciler runs alone finish everything. What must hold is in `violations`, for the half
that has dropped files, a policy and the circuit breaker in `result_violations` and
`simulated_guard`, for the third that has operators in `simulated_fleet`, for rollouts in
`rollout_violations`.
"""

from __future__ import annotations

import itertools
import json
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING

from handler.values.canonical_json import moment
from tests.faults.simulation.function.simulated_function import Function, invoked
from tests.faults.simulation.memory_log import MemoryLog
from tests.faults.simulation.occurrences import occurrences
from tests.faults.simulation.result_violations import unreported, unscanned
from tests.faults.simulation.rollout_violations import misrolled, unrolled
from tests.faults.simulation.services.simulated_fleet import misoperated, operated, unfinished
from tests.faults.simulation.simulated_guard import guarded, unguarded
from tests.faults.simulation.simulated_objects import ObjectLogs
from tests.faults.simulation.simulated_rollouts import attend, with_rollouts
from tests.faults.simulation.simulated_world import SETTLE_AFTER, begin, drawn
from tests.faults.simulation.violations import at_any_time, at_the_api, at_the_end, planned_jobs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.faults.simulation.simulated_world import OpenLog, World

_TICK = 300.0
_MOST_TICKS = 1000
_MOST_RESULTS = 20
"""How many ticks result files may be in coming: an attempt may wait hours for the one before."""


@dataclass(frozen=True)
class Ending:
    """The result of one run.

    Attributes:
        seed: Its seed.
        violations: What must hold and does not.
        jobs: How many jobs ended in which state.
        duplicates: How many jobs the API has more often than once.
        struck: How often each fault struck.
        digest: A hash over everything that was recorded, in its order.
    """

    seed: int
    violations: tuple[str, ...]
    jobs: Counter[str]
    duplicates: int
    struck: Counter[str]
    digest: str


def simulate(
    seed: int,
    open_log: OpenLog = MemoryLog,
    *,
    rollouts: bool = False,
    settle_after: int = SETTLE_AFTER,
) -> Ending:
    """Run one simulation from its seed to its end."""
    world = drawn(seed, open_log, settle_after)
    world = with_rollouts(world, seed) if rollouts else operated(guarded(world, seed), seed)
    begin(world)
    world.schedule.run_until(world.storm)
    found = [*at_any_time(world), *misrolled(world)]
    calm(world)
    found += [*at_any_time(world), *at_the_end(world), *unguarded(world)]
    found += [*misoperated(world), *unfinished(world), *misrolled(world), *unrolled(world)]
    found += [*unscanned(world), *unreported(world)]
    world.schedule.struck.update(occurrences(one.fields for one in world.log.records()))
    ending = Ending(
        seed=seed,
        violations=tuple(dict.fromkeys(found)),
        jobs=Counter(job.state for job in planned_jobs(world)),
        duplicates=sum(len(at_the_api(world, job)) > 1 for job in planned_jobs(world)),
        struck=world.schedule.struck,
        digest=_digest(world),
    )
    world.log.close()
    return ending


def calm(world: World) -> None:
    """End the faults and run the reconciler until nothing is left, or until nothing may be left."""
    schedule = world.schedule
    schedule.calm = world.api.calm = True
    # A file that is found once another upload of it has waited in vain may wait as long again.
    end = schedule.now + 2 * (world.settings.valid_for + world.settings.settle_after)
    ticks = itertools.count()
    while (schedule.now < end + 3600 or (world.rollouts and next(ticks) < _MOST_TICKS)) and (
        schedule.busy or world.waits() or any(unscanned(world))
    ):
        if world.rollouts:
            attend(world, world.rollouts)
        _tick(world)
    for _ in range(_MOST_RESULTS):
        runs = world.unreported()
        if not runs:
            break
        due = [moment(run.due_at) for run in runs if run.due_at]
        pause = min(due, default=schedule.true_time()) - schedule.true_time()
        schedule.run_until(schedule.now + max(0.0, pause.total_seconds()))
        _tick(world)


def _tick(world: World) -> None:
    world.schedule.start(invoked(world, Function.tick), None)
    world.schedule.run_until(world.schedule.now + _TICK)


def _digest(world: World) -> str:
    digest = sha256()
    for record in world.log.records():
        fields = {name: value for name, value in record.fields.items() if name not in _RANDOM}
        digest.update(json.dumps(fields, sort_keys=True).encode())
    return digest.hexdigest()


_RANDOM = frozenset({"commit", "prev"})
"""Fields that differ between two stores' records of the same run."""


def main(arguments: Sequence[str]) -> int:
    """Run as many simulations as asked for, and print their results."""
    runs = int(arguments[0]) if arguments else 20_000
    run = partial(
        simulate,
        open_log=ObjectLogs if "objects" in arguments else MemoryLog,
        rollouts="rollouts" in arguments,
    )
    began = time.perf_counter()
    jobs: Counter[str] = Counter()
    struck: Counter[str] = Counter()
    bad: list[Ending] = []
    with ProcessPoolExecutor() as processes:
        for ending in processes.map(run, range(runs), chunksize=50):
            jobs += ending.jobs
            struck += ending.struck
            bad += [ending] if ending.violations else []
    seconds = time.perf_counter() - began
    for ending in bad[:20]:
        print(f"seed {ending.seed}: {'; '.join(ending.violations)}")  # noqa: T201 - a command
    print(f"{runs} runs, {len(bad)} with violations, {runs / seconds:.0f} runs/s")  # noqa: T201
    print("jobs:", ", ".join(f"{n} {state}" for state, n in jobs.most_common()))  # noqa: T201
    print("faults:", ", ".join(f"{n} {name}" for name, n in struck.most_common()))  # noqa: T201
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
