"""What a simulated run is made of: weather and orders, drawn from its seed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import islice
from random import Random
from typing import TYPE_CHECKING, TypeAlias, cast

from handler.deliveries.decisions import Rules
from handler.jobs.decisions import abandon
from handler.jobs.hold import hold, release
from handler.triggers.delivery import Delivery, InlineSpec
from handler.values.canonical_json import key_of
from tests.faults.simulation.simulated_api import Habits, SimulatedApi
from tests.faults.simulation.simulated_files import moments
from tests.faults.simulation.simulated_function import LIMIT, Function, Network, Strategy
from tests.faults.simulation.simulated_guard import operate
from tests.faults.simulation.simulated_rollouts import Rollouts, begin_rollouts, is_due
from tests.faults.simulation.simulated_time import EPOCH, Hazards, Instance, Schedule

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from handler.audit.job_state import JobState
    from handler.audit.log import Log
    from handler.values.canonical_json import Json
    from tests.faults.simulation.simulated_files import Files
    from tests.faults.simulation.simulated_guard import Guard
    from tests.faults.simulation.simulated_time import Steps

OpenLog: TypeAlias = "Callable[[Callable[[], datetime], int], Log]"
"""Opens a log for a run: with its clock, and its seed."""

STORM = 3600.0
"""How long things go wrong, in seconds."""

_UPGRADE: Json = {"kind": "node_upgrade", "name": "nightly", "targets": {"nodes": [{"id": "n"}]}}
_NAMED: Json = {
    "job_name": "named-in-the-file",
    "job_type": "node_upgrade",
    "job_content": {"target_type": "node", "targets": [{"target_id": "n"}]},
}


@dataclass(frozen=True)
class World:
    """One run: its time, its API, its log, and what is drawn for it.

    Attributes:
        random: Draws everything that happens by chance.
        schedule: The invented time.
        api: The fleet's API.
        log: The audit log.
        network: What lies between.
        rules: What the operator set for planning.
        strategy: How unknown outcomes are settled.
        seconds: How long an invocation may run.
        guard: The policy and the circuit breaker; None for neither.
        rollouts: The fleet that rollouts are for; None for no rollouts.
    """

    random: Random
    schedule: Schedule
    api: SimulatedApi
    log: Log
    network: Network
    rules: Rules
    strategy: Strategy
    seconds: float
    guard: Guard | None = None
    rollouts: Rollouts | None = None

    @property
    def storm(self) -> float:
        """How long things go wrong, in seconds."""
        return self.rollouts.storm if self.rollouts else STORM

    def function(self) -> Function:
        """Return a new invocation."""
        skew = 0.0 if self.schedule.calm else self.random.uniform(-5, 5)
        instance = Instance(self.schedule.now, self.seconds, skew)
        return Function(
            self.schedule,
            self.api,
            self.log,
            self.network,
            instance,
            self.rules,
            self.strategy,
            self.guard,
            self.rollouts,
        )

    def open(self) -> tuple[JobState, ...]:
        """Return the jobs that visibly wait."""
        return self.log.read(lambda view: view.open(LIMIT)).jobs

    def waits(self) -> bool:
        """Return whether a job, or a delivery that is not decided yet, waits for a tick."""
        left = self.log.read(lambda view: view.open(LIMIT))
        runs = self.api.fleet and any(not job.paused for job in left.followed)
        waits = left.deliveries or left.jobs or left.awaiting or left.operations or runs
        return bool(waits or (self.rollouts and is_due(self, self.rollouts)))


def drawn(seed: int, strategy: Strategy, open_log: OpenLog) -> World:
    """Return the world of a seed, in which nothing has happened yet."""
    random = Random(seed)  # noqa: S311 - no secret, and the same every time
    hard = random.random()
    draw = random.uniform
    hazards = Hazards(
        kill=draw(0, 0.06) * hard,
        freeze=draw(0, 0.06) * hard,
        longest_freeze=random.choice((100.0, 3000.0)),
        clock_stops=random.random() < 0.5,
        outlives=random.random() < 0.5,
    )
    schedule = Schedule(random, hazards)
    habits = Habits(
        trouble=draw(0, 0.6) * hard,
        refusing=random.choice((0.0, 0.0, 0.2)),
        unique_names=random.random() < 0.5,
        lag=random.choice((0.0, 10.0, 240.0)),
        page=random.choice((1000, 100, 20, 10, 5)),
        oldest_first=random.random() < 0.2,
        dateless=random.random() < 0.1,
    )
    api = SimulatedApi(random, habits, schedule.true_time, schedule.struck)
    valid_for = random.choice((600, 2400, 21_600, 21_600))
    return World(
        random=random,
        schedule=schedule,
        api=api,
        log=open_log(schedule.clock, seed),
        network=Network(draw(0, 0.5) * hard, draw(0, 0.6) * hard, 1100.0, draw(0, 0.03) * hard),
        rules=Rules(timedelta(seconds=valid_for), timedelta(seconds=30)),
        strategy=strategy,
        seconds=random.choice((30.0, 60.0, 300.0)),
    )


def begin(world: World) -> None:
    """Put everything on the schedule that comes from outside: events, ticks, people."""
    random, start = world.random, world.schedule.start
    given = random.sample(deliveries(), k=random.choice((1, 2, 2)))
    if world.rollouts:
        begin_rollouts(world, world.rollouts)
    if world.guard:
        given += [one for one in deliveries() if one not in given]
        operate(world, world.guard)
        start(_dropping(world, world.guard.files), None)
    for delivery in given:
        first = random.uniform(0, 300)
        for copy in range(random.randint(1, 3)):
            later = copy and random.choice((0.0, random.uniform(0, 2), random.uniform(0, 1500)))
            start(invoked(world, partial(_delivered, delivery=delivery)), None, after=first + later)
    every = random.choice((60.0, 300.0, 900.0, 2700.0))
    start(_ticking(world, every), None, after=random.uniform(0, every))
    start(_strangers(world), None)
    if random.random() < 0.1:
        start(_hold(world), None, after=random.uniform(0, 600))
    if random.random() < 0.03:
        start(_giving_up(world), None, after=random.uniform(0, 2400))
    if random.random() < 0.15:
        start(_corrected(world, given), None)


def deliveries() -> list[Delivery]:
    """Return what may be delivered; the first two are ticks of one timer, close to each other."""
    return [
        _timer("nightly", 0, [_UPGRADE, _UPGRADE]),
        _timer("nightly", 12, [_UPGRADE, _UPGRADE]),
        _timer("three", 0, [_UPGRADE, _NAMED, _UPGRADE]),
        _timer("one", 0, [_NAMED])._replace(trigger="direct", fired_at=None),
        _timer("weekly", 0, [_UPGRADE]),
    ]


def _timer(name: str, seconds: int, documents: list[Json]) -> Delivery:
    return Delivery(
        key=key_of([name, seconds]),
        trigger="timer",
        subject=f"timer:{name}",
        fired_at=EPOCH + timedelta(seconds=seconds),
        actor={"kind": "timer"},
        source={"shape": "timer", "trigger_name": name},
        spec=InlineSpec(json.dumps(documents)),
    )


def _dropping(world: World, files: Files) -> Steps:
    """Write specs and approvals; the event of each comes up to three times, or never."""
    for after, is_approval in moments(files):
        yield after
        now = world.schedule.true_time()
        delivery = files.approve(now) if is_approval else files.drop(now)
        for _ in range(files.random.randint(0, 3) if delivery else 0):
            late = files.random.choice((0.0, files.random.uniform(0, 900)))
            story = invoked(world, partial(_delivered, delivery=cast("Delivery", delivery)))
            world.schedule.start(story, None, after=late)


def _delivered(function: Function, delivery: Delivery) -> Steps:
    return function.deliver(delivery)


def invoked(world: World, story: Callable[[Function], Steps]) -> Steps:
    """Invoke the function; its own steps are then those of an instance that may be killed."""
    function = world.function()
    world.schedule.start(story(function), function.instance)
    yield from ()


def _ticking(world: World, every: float) -> Steps:
    while world.schedule.now < world.storm:
        for _ in range(world.random.choice((1, 1, 1, 2))):
            yield from invoked(world, Function.tick)
        yield every


def _strangers(world: World) -> Steps:
    """Others use the fleet too, and may have taken a name."""
    taken = world.random.random() < 0.1
    for number in range(world.random.randint(0, 15)):
        name = "named-in-the-file" if taken and not number else f"other-{number}"
        world.api.add(name, "node_upgrade", "made by hand")
        yield world.random.choice((0.0, 0.0, 300.0))


def _hold(world: World) -> Steps:
    world.schedule.struck["held"] += 1
    world.log.commit(hold("a simulation", actor={"kind": "operator"}))
    yield world.random.uniform(0, 1800)
    world.log.commit(release(actor={"kind": "operator"}))


def _corrected(world: World, given: list[Delivery]) -> Steps:
    """A wrong setting has every job refused, until a person corrects it and delivers all again."""
    world.api.refuse(1.0)
    yield world.random.uniform(300, 2400)
    world.api.refuse(0.0)
    for delivery in given:
        yield from invoked(world, partial(_delivered, delivery=delivery))


def _giving_up(world: World) -> Steps:
    for job in islice(world.open(), 1):
        world.schedule.struck["abandoned by hand"] += 1
        world.log.commit(abandon(job.key, "a simulation", actor={"kind": "operator"}))
    yield from ()
