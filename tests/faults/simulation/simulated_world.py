"""What a simulated run is made of: weather and orders, drawn from its seed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import islice
from random import Random
from typing import TYPE_CHECKING, TypeAlias, cast

from handler.deliveries.reporting import has_result
from handler.jobs.decisions import abandon
from handler.jobs.hold import hold, release
from handler.reconciler import LIMIT
from handler.settings import Settings
from tests.faults.simulation.function.simulated_function import Function, begin_invocation, invoked
from tests.faults.simulation.services import simulated_ief, simulated_obs
from tests.faults.simulation.services.simulated_api import Habits, SimulatedApi
from tests.faults.simulation.services.simulated_ief import SimulatedIef
from tests.faults.simulation.services.simulated_obs import SimulatedObs
from tests.faults.simulation.services.simulated_transport import (
    TIMEOUT,
    Network,
    Service,
    SimulatedTransport,
)
from tests.faults.simulation.simulated_deliveries import deliveries, store_specs
from tests.faults.simulation.simulated_files import BUCKET, NODE, PREFIX, RESULTS, moments
from tests.faults.simulation.simulated_guard import operate
from tests.faults.simulation.simulated_objects import ObjectLogs
from tests.faults.simulation.simulated_rollouts import Rollouts, begin_rollouts, is_due
from tests.faults.simulation.simulated_time import Hazards, Instance, Schedule

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from handler.audit.job_state import JobState
    from handler.audit.log import Log
    from handler.audit.state import DeliveryState
    from handler.triggers.delivery import Delivery
    from tests.faults.simulation.simulated_files import Files
    from tests.faults.simulation.simulated_guard import Guard
    from tests.faults.simulation.simulated_time import Happening

OpenLog: TypeAlias = "Callable[[Callable[[], datetime], int], Log]"
"""Opens a log for a run: with its clock, and its seed."""

STORM = 3600.0
"""How long things go wrong, in seconds."""

SETTLE_AFTER = 1200
"""Seconds after a signature's date from which a complete list is believed, as by default."""

_SETTINGS = Settings.model_validate(
    {
        "project_id": "p",
        "ief_endpoint": f"https://{simulated_ief.HOST}",
        "obs_endpoint": f"https://{simulated_obs.HOST}",
        "prefix": PREFIX,
        "results": f"obs://{BUCKET}/{RESULTS}",
        "audit": "sqlite:///audit.db",
        "request_timeout": TIMEOUT,
    }
)


@dataclass(frozen=True)
class World:
    """One run: its time, its services, its log, and what is drawn for it.

    Attributes:
        random: Draws everything that happens by chance.
        schedule: The invented time.
        api: The fleet's API.
        ief: The API, as requests reach it.
        obs: The buckets.
        log: The audit log.
        network: What lies between.
        settings: What the operator set.
        seconds: How long an invocation may run.
        guard: The policy and the circuit breaker; None for neither.
        rollouts: The fleet that rollouts are for; None for no rollouts.
    """

    random: Random
    schedule: Schedule
    api: SimulatedApi
    ief: SimulatedIef
    obs: SimulatedObs
    log: Log
    network: Network
    settings: Settings
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
        services: dict[str, Service] = {simulated_ief.HOST: self.ief, simulated_obs.HOST: self.obs}
        transport = SimulatedTransport(self.schedule, self.network, services)
        log = self.log.of_invocation() if isinstance(self.log, ObjectLogs) else self.log
        return begin_invocation(instance, self.settings, log, transport)

    def open(self) -> tuple[JobState, ...]:
        """Return the jobs that visibly wait."""
        return self.log.read(lambda view: view.open(LIMIT)).jobs

    def unreported(self) -> list[DeliveryState]:
        """Return the runs whose result file does not show how they stand."""
        left = self.log.read(lambda view: view.open(LIMIT, self.settings.buckets))
        return [run for run in left.unreported if has_result(run, self.settings)]

    def waits(self) -> bool:
        """Return whether a job, or a delivery that is not decided yet, waits for a tick."""
        left = self.log.read(lambda view: view.open(LIMIT))
        runs = self.api.fleet and any(not job.paused for job in left.followed)
        waits = left.deliveries or left.jobs or left.awaiting or left.operations or runs
        return bool(waits or (self.rollouts and is_due(self, self.rollouts)))


def drawn(seed: int, open_log: OpenLog, settle_after: int = SETTLE_AFTER) -> World:
    """Return the world of a seed, in which nothing has happened yet."""
    random = Random(seed)  # noqa: S311 - no secret, and the same every time
    hard = random.random()
    draw = random.uniform
    hazards = Hazards(
        kill=draw(0, 0.045) * hard,
        freeze=draw(0, 0.045) * hard,
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
        ief=SimulatedIef(api, {NODE.id: NODE}),
        obs=SimulatedObs(schedule, habits.trouble),
        log=open_log(schedule.clock, seed),
        network=Network(draw(0, 0.5) * hard, draw(0, 0.6) * hard, 1100.0, draw(0, 0.03) * hard),
        settings=_SETTINGS.model_copy(
            update={
                "valid_for": valid_for,
                "settle_after": settle_after,
                "buckets": random.choice(((), (BUCKET,))),
            }
        ),
        seconds=random.choice((30.0, 60.0, 300.0)),
    )


def begin(world: World) -> None:
    """Put everything on the schedule that comes from outside: events, ticks, people."""
    random, start = world.random, world.schedule.start
    names = ("nightly", "three", "weekly") if world.settings.buckets else ()
    known = deliveries([name for name in names if random.random() < 0.5])
    given = random.sample(known, k=random.choice((1, 2, 2)))
    store_specs(world.obs)
    if world.rollouts:
        begin_rollouts(world, world.rollouts)
    if world.guard:
        given += [one for one in known if one not in given]
        operate(world, world.guard)
        start(_dropping(world, world.guard.files), None)
    for delivery in given:
        first = random.uniform(0, 300)
        for copy in range(random.randint(1, 3)):
            later = copy and random.choice((0.0, random.uniform(0, 2), random.uniform(0, 1500)))
            start(
                invoked(world, partial(Function.deliver, delivery=delivery)),
                None,
                after=first + later,
            )
    every = random.choice((120.0, 300.0, 900.0, 2700.0))
    start(_ticking(world, every), None, after=random.uniform(0, every))
    start(_strangers(world), None)
    if random.random() < 0.1:
        start(_hold(world), None, after=random.uniform(0, 600))
    if random.random() < 0.03:
        start(_giving_up(world), None, after=random.uniform(0, 2400))
    if random.random() < 0.15:
        start(_corrected(world, given), None)


def _dropping(world: World, files: Files) -> Happening:
    """Write specs and approvals; the event of each comes up to three times, or never."""
    for after, is_approval in moments(files):
        yield after
        delivery = files.approve() if is_approval else files.drop()
        for _ in range(files.random.randint(0, 3) if delivery else 0):
            late = files.random.choice((0.0, files.random.uniform(0, 900)))
            story = invoked(world, partial(Function.deliver, delivery=cast("Delivery", delivery)))
            world.schedule.start(story, None, after=late)


def _ticking(world: World, every: float) -> Happening:
    while world.schedule.now < world.storm:
        for _ in range(world.random.choice((1, 1, 1, 2))):
            yield from invoked(world, Function.tick)
        yield every


def _strangers(world: World) -> Happening:
    """Others use the fleet too, and may have taken a name."""
    taken = world.random.random() < 0.1
    for number in range(world.random.randint(0, 15)):
        name = "named-in-the-file" if taken and not number else f"other-{number}"
        world.api.add(name, "node_upgrade", "made by hand")
        yield world.random.choice((0.0, 0.0, 300.0))


def _hold(world: World) -> Happening:
    world.schedule.struck["held"] += 1
    world.log.commit(hold("a simulation", actor={"kind": "operator"}))
    yield world.random.uniform(0, 1800)
    world.log.commit(release(actor={"kind": "operator"}))


def _corrected(world: World, given: list[Delivery]) -> Happening:
    """A wrong setting has every job refused, until a person corrects it and delivers all again."""
    world.api.refuse(1.0)
    yield world.random.uniform(300, 2400)
    world.api.refuse(0.0)
    for delivery in given:
        yield from invoked(world, partial(Function.deliver, delivery=delivery))


def _giving_up(world: World) -> Happening:
    for job in islice(world.open(), 1):
        world.schedule.struck["abandoned by hand"] += 1
        world.log.commit(abandon(job.key, "a simulation", actor={"kind": "operator"}))
    yield from ()
