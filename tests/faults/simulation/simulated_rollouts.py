"""Rollouts in a simulated run: nodes that come and go, and people who step in."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any

from handler.cloud.ief.fleet import EdgeNode
from handler.jobs.decisions import abandon
from handler.rollouts.advance import JobTimes, rollout_standing
from handler.rollouts.operations import RolloutRequest, operate
from handler.rollouts.waiting import settings_of
from handler.triggers.delivery import Action, Delivery, InlineSpec
from handler.values.canonical_json import key_of
from tests.faults.simulation.function.simulated_function import Function, invoked
from tests.faults.simulation.rollout_orders import drawn_document
from tests.faults.simulation.rollout_replay import SKEW, TIMED
from tests.faults.simulation.services.simulated_fleet import OPERATOR, operating
from tests.faults.simulation.services.simulated_tasks import TaskFleet
from tests.faults.simulation.simulated_time import EPOCH

if TYPE_CHECKING:
    from handler.audit.job_state import JobState
    from handler.audit.rollouts.state import RolloutState
    from handler.rollouts.operations import RolloutOperation
    from handler.triggers.delivery import ActionName
    from handler.values.canonical_json import Json
    from tests.faults.simulation.simulated_time import Happening
    from tests.faults.simulation.simulated_world import World

LIMIT = 100
_OPERATIONS: tuple[RolloutOperation, ...] = (
    "pause", "pause", "resume", "resume", "resume", "approve", "approve", "retry", "stop",
)  # fmt: skip
_ACTIONS: dict[RolloutOperation, ActionName] = {
    "pause": "rollout.pause",
    "resume": "rollout.resume",
    "approve": "rollout.approve",
    "stop": "rollout.stop",
    "retry": "rollout.retry",
}


@dataclass
class Rollouts:
    """The fleet that rollouts are for.

    Attributes:
        random: Draws what happens by chance, beside what the rest of a run is drawn from.
        nodes: The nodes by their ids.
        joining: How often a node of which nothing is known yet joins.
        times: What the operator set.
        storm: How long things go wrong, in seconds.
        attended: Whether a person resumes and approves everything at last.
        timed: Whether requests say when they were asked for, by a clock that is not ahead.
    """

    random: Random
    nodes: dict[str, EdgeNode]
    times: JobTimes
    storm: float
    attended: bool
    joining: float = 0.3
    timed: bool = False
    _asked: int = 0

    def reason(self) -> str:
        """Return the reason of another request of a person, which is never repeated."""
        self._asked += 1
        return f"request {self._asked}{TIMED * self.timed}"

    def turn(self) -> None:
        """Let a node come or go, or a new one join."""
        if self.random.random() < self.joining:
            self.join()
        one = self.random.choice(list(self.nodes.values()))
        running = [node for node in self.nodes.values() if node.state == "RUNNING"]
        online = one.state != "RUNNING" or len(running) < len(self.nodes) / 2
        self.nodes[one.id] = one._replace(state="RUNNING" if online else "UNCONNECTED")

    def join(self) -> None:
        """Let a new node join."""
        number = len(self.nodes)
        state = "UNCONNECTED" if self.random.random() < 0.1 else "RUNNING"
        site = self.random.choice(("site=north", "site=south"))
        name = f"gw-{number:03}"
        node = EdgeNode(
            f"id-{number:03}", name, state, "", upgradable=True, arch="", tags=(site,), groups=()
        )
        self.nodes[node.id] = node


def with_rollouts(world: World, seed: int) -> World:
    """Return a world with a fleet whose nodes rollouts go through."""
    random = Random(f"rollouts {seed}")  # noqa: S311 - to repeat runs
    storm = random.choice((3600.0, 7200.0, 14_400.0))
    times = JobTimes(world.settings.valid_for, world.settings.job_grace)
    world.ief.nodes.clear()
    attended, timed = random.random() < 0.6, seed % 5 == 1
    rollouts = Rollouts(random, world.ief.nodes, times, storm, attended, timed=timed)
    for _ in range(random.choice((3, 8, 20, 60))):
        rollouts.join()
    world.api.fleet = TaskFleet(
        random, random.choice((0.0, 0.05, 0.3)), random.choice((0.0, 0.05, 0.3))
    )
    # No file is dropped in these runs: a scan would find nothing.
    settings = world.settings.model_copy(update={"buckets": ()})
    return replace(world, rollouts=rollouts, settings=settings)


def begin_rollouts(world: World, rollouts: Rollouts) -> None:
    """Put on the schedule what is ordered, what nodes do, and what people do."""
    random, start = rollouts.random, world.schedule.start
    for name in ("fleet", "region")[: random.choice((1, 2, 2))]:
        delivery = _ordered(rollouts, name)
        first = random.uniform(0, 1800)
        for _ in range(random.randint(1, 3)):
            later = random.choice((0.0, random.uniform(0, 2), random.uniform(0, 1500)))
            start(
                invoked(world, partial(Function.deliver, delivery=delivery)),
                None,
                after=first + later,
            )
    start(_turning(world, rollouts), None)
    if random.random() < 0.8:
        start(_stepping_in(world, rollouts), None, after=random.uniform(0, 3600))
    if random.random() < 0.3:
        start(operating(world, random), None, after=random.uniform(600, 3600))
    if random.random() < 0.2:
        start(_deleting(world, rollouts), None, after=random.uniform(600, 5400))
    if random.random() < 0.1:
        start(_giving_up(world, rollouts), None, after=random.uniform(600, 5400))


def is_due(world: World, rollouts: Rollouts) -> bool:
    """Return whether a rollout waits for something other than a person; let time pass for one.

    A window that opens, and a soak that ends, days later are waited for at once.
    """
    now = world.schedule.true_time()
    standings = [
        world.log.read(partial(rollout_standing, rollout=one, times=rollouts.times))
        for one in world.log.read(lambda view: view.open(LIMIT)).rollouts
    ]
    words = {one.waiting.word for one in standings}
    if rollouts.attended and words & {"paused", "approval"}:
        return True
    untils = [one.waiting.until for one in standings if one.waiting.until]
    if words <= {"window", "soak", "paused", "approval"} and untils and not world.schedule.busy:
        world.schedule.run_until(world.schedule.now + (min(untils) - now).total_seconds())
        return True
    jobs = [job for one in standings for job in open_jobs(world, one.rollout)]
    runs = {"running", "busy"} & words and not all(job.paused for job in jobs)
    return bool(runs or words - {"paused", "approval", "window", "running", "busy"})


def open_jobs(world: World, rollout: RolloutState) -> tuple[JobState, ...]:
    """Return the jobs of a rollout that have not ended."""
    return world.log.read(lambda view: view.rollouts.open_jobs(rollout.key))


def attend(world: World, rollouts: Rollouts) -> None:
    """Resume and approve whatever waits for a person."""
    for one in world.log.read(lambda view: view.open(LIMIT)).rollouts if rollouts.attended else ():
        awaiting = one.awaited > one.approved
        if one.state == "paused" or awaiting:
            name: Any = "resume" if one.state == "paused" else "approve"
            world.log.commit(operate(one.key, RolloutRequest(name, OPERATOR)))


def _ordered(rollouts: Rollouts, name: str) -> Delivery:
    """Return a timer's tick with one or two rollouts."""
    documents: list[Json] = [
        drawn_document(rollouts.random, rollouts.nodes, f"{name}-{one}")
        for one in range(rollouts.random.choice((1, 1, 2)))
    ]
    is_direct = rollouts.random.random() < 0.5
    return Delivery(
        key=key_of([name]),
        trigger="direct" if is_direct else "timer",
        subject=f"timer:{name}",
        fired_at=None if is_direct else EPOCH,
        actor={"kind": "timer"},
        source={"shape": "timer", "trigger_name": name},
        spec=InlineSpec(json.dumps(documents)),
    )


def _turning(world: World, rollouts: Rollouts) -> Happening:
    while not world.schedule.calm:
        yield rollouts.random.uniform(60, 1800)
        rollouts.turn()


def _stepping_in(world: World, rollouts: Rollouts) -> Happening:
    """Ask for an operation every now and then, at times twice, and the same once more later."""
    random = rollouts.random
    while not world.schedule.calm:
        now, known = world.log.read(lambda view: (view.now, view.rollouts.latest(LIMIT)))
        if known:
            one = random.choice(known)
            likely: Any = "resume" if one.state == "paused" else "approve"
            name = random.choice((*_OPERATIONS, likely, likely))
            waves = (0, 0, one.wave + 1, *settings_of(one).approve_before)
            wave = random.choice(waves) if name == "approve" else 0
            asked_at = now - SKEW if rollouts.timed else None
            action = Action(
                _ACTIONS[name],
                rollout=one.key,
                wave=wave,
                reason=rollouts.reason(),
                asked_at=asked_at,
                actor=OPERATOR,
            )
            for _ in range(random.choice((1, 1, 2))):
                late = random.choice((0.0, 0.0, random.uniform(0, 300)))
                story = invoked(world, partial(Function.operate, action=action))
                world.schedule.start(story, None, after=late)
        yield random.choice((1.0, random.uniform(10, 900), random.uniform(900, 3600)))


def _deleting(world: World, rollouts: Rollouts) -> Happening:
    """A person deletes or stops a job on the fleet that is known by its id."""
    for _ in range(rollouts.random.randint(1, 3)):
        jobs = world.log.read(lambda view: view.latest_jobs(LIMIT))
        known = [job.job_id for job in jobs if job.followed and job.rollout]
        if known and isinstance(world.api.fleet, TaskFleet):
            job_id, is_stop = rollouts.random.choice(known), rollouts.random.random() < 0.5
            world.schedule.struck[f"{'stopped' if is_stop else 'deleted'} on the fleet"] += 1
            if is_stop:
                world.api.fleet.stop(job_id, world.schedule.true_time().timestamp())
                world.api.stopped.add(job_id)
            else:
                world.api.delete(job_id)
        yield rollouts.random.uniform(60, 1800)


def _giving_up(world: World, rollouts: Rollouts) -> Happening:
    jobs = [job for job in world.open() if job.rollout]
    if jobs:
        world.schedule.struck["abandoned by hand"] += 1
        key = rollouts.random.choice(jobs).key
        world.log.commit(abandon(key, "a simulation", actor=OPERATOR))
    yield from ()
