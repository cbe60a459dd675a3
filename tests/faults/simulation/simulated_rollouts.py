"""Rollouts in a simulated run: what is ordered, nodes that come and go, and people who step in.

The order of the steps is that of `rollouts.tick`; each decision is the product's own code.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any, cast

from handler.cloud.ief.fleet import EdgeNode
from handler.errors import CloudError, LogBusyError, SpecRejectedError
from handler.jobs.decisions import abandon
from handler.jobs.node_outcomes import late_results
from handler.jobs.operation_submission import operation_submission
from handler.parsing import Limits, read
from handler.rollouts.advance import JobTimes, advance, rollout_standing
from handler.rollouts.operations import RolloutRequest, operate
from handler.rollouts.tick import jobs_that_may_succeed, jobs_to_follow
from handler.rollouts.waiting import settings_of
from handler.specs.planner import make_plan
from handler.specs.selector import Inventory, resolve_selections, select
from handler.triggers.delivery import Delivery, InlineSpec
from handler.values.canonical_json import key_of
from tests.faults.simulation.rollout_replay import SKEW, TIMED
from tests.faults.simulation.simulated_fleet import operating
from tests.faults.simulation.simulated_tasks import TaskFleet
from tests.faults.simulation.simulated_time import EPOCH

if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Sequence

    from handler.audit.job_state import JobState
    from handler.audit.rollouts.state import RolloutState
    from handler.errors import Problem
    from handler.rollouts.operations import RolloutOperation
    from handler.specs.planner import NamedNodes, Plan
    from handler.values.canonical_json import Json
    from tests.faults.simulation.simulated_function import Function
    from tests.faults.simulation.simulated_time import Steps
    from tests.faults.simulation.simulated_world import World

LIMIT = 100
_ZONES = {"UTC": 0, "Asia/Shanghai": 8, "America/New_York": -5}
"""Time zones and their hours in the night of the runs."""

_OPERATIONS: tuple[RolloutOperation, ...] = (
    "pause", "pause", "resume", "resume", "resume", "approve", "approve", "retry", "stop",
)  # fmt: skip


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

    def plan(self, key: str, data: bytes) -> tuple[Plan, tuple[Problem, ...]]:
        """Return what a spec asks for, with the nodes that it selects now; it may select none."""
        documents = read(data, Limits())
        nodes = list(self.nodes.values())
        try:
            selections = resolve_selections(documents, Inventory(lambda: nodes, None, list))
            return make_plan(key, documents, selections=selections), ()
        except SpecRejectedError as error:
            return make_plan(key, documents), error.problems

    def selected(self, rollout: RolloutState) -> NamedNodes:
        """Return what a rollout would select now."""
        wanted = settings_of(rollout).select
        return select(list(self.nodes.values()), {}, wanted).chosen if wanted else ()

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
    times = JobTimes(world.rules.valid_for.total_seconds(), 300)
    rollouts = Rollouts(random, {}, times, storm, random.random() < 0.6, timed=seed % 5 == 1)
    for _ in range(random.choice((3, 8, 20, 60))):
        rollouts.join()
    world.api.fleet = TaskFleet(
        random, random.choice((0.0, 0.05, 0.3)), random.choice((0.0, 0.05, 0.3))
    )
    return replace(world, rollouts=rollouts)


def begin_rollouts(world: World, rollouts: Rollouts) -> None:
    """Put on the schedule what is ordered, what nodes do, and what people do."""
    random, start = rollouts.random, world.schedule.start
    for name in ("fleet", "region")[: random.choice((1, 2, 2))]:
        delivery = _ordered(rollouts, name)
        first = random.uniform(0, 1800)
        for _ in range(random.randint(1, 3)):
            later = random.choice((0.0, random.uniform(0, 2), random.uniform(0, 1500)))
            start(
                _invoked(world, partial(_delivered, delivery=delivery)), None, after=first + later
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


def roll_out(function: Function, rollouts: Sequence[RolloutState]) -> Steps:
    """Bring rollouts as far as they get, as `rollouts.tick.tick` does."""
    fleet = cast("Rollouts", function.rollouts)
    for rollout in rollouts:
        if function.left() <= function.sending.seconds_per_request:
            continue
        try:
            yield from _correct(function, rollout)
            yield function.pause()
            jobs = yield from _advance(function, rollout, fleet)
            function.submit(jobs)
            yield function.pause()
            yield from _pause_or_resume(function, rollout.key, fleet.times)
        except (CloudError, LogBusyError):
            function.count("a rollout had to wait")


def _correct(function: Function, rollout: RolloutState) -> Steps:
    late = function.log.read(lambda view: jobs_that_may_succeed(view, rollout), fresh=False)
    for job in late:
        yield from function.driven(late_results(job, function.sending))


def _pause_or_resume(function: Function, key: str, times: JobTimes) -> Steps:
    found = function.log.read(lambda view: jobs_to_follow(view, key, times), fresh=False)
    for job, request in found:
        function.count(f"{request.operation.name} with its rollout")
        yield from function.driven(operation_submission(job.key, request, function.sending))


def _advance(
    function: Function, rollout: RolloutState, fleet: Rollouts
) -> Generator[float, None, tuple[JobState, ...]]:
    template = function.log.bodies([rollout.key]).get(rollout.key, "")
    if not template:
        return ()
    advanced = function.commit(advance(rollout.key, template, fleet.times))
    if advanced.standing.waiting.word == "joiners":
        yield function.pause()
        if function.schedule.happens(function.network.lost):
            raise CloudError("the nodes could not be listed")
        joiners = fleet.selected(rollout)
        yield function.pause()
        advanced = function.commit(advance(rollout.key, template, fleet.times, joiners))
    function.count(f"rollout {advanced.standing.waiting.word}")
    yield function.pause()
    return advanced.jobs


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
            world.log.commit(operate(one.key, RolloutRequest(name, {"kind": "operator"})))


def _ordered(rollouts: Rollouts, name: str) -> Delivery:
    """Return a timer's tick with one or two rollouts."""
    documents: list[Json] = [
        _document(rollouts, f"{name}-{one}") for one in range(rollouts.random.choice((1, 1, 2)))
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


def _document(rollouts: Rollouts, name: str) -> Json:
    """Return a valid document: a window in which a wave cannot end is left out."""
    one = {"kind": "node_upgrade", "name": name, **_targets(rollouts)}
    rollout = _settings(rollouts.random, len(rollouts.nodes), "select" in one["targets"])
    whole = {**one, "rollout": rollout}
    if rollouts.random.random() < 0.5:
        try:
            windowed = {**whole, "window": _window(rollouts.random)}
            rollouts.plan("", json.dumps([windowed]).encode())
        except SpecRejectedError:
            return whole
        return windowed
    return whole


def _targets(rollouts: Rollouts) -> dict[str, Any]:
    random = rollouts.random
    if random.random() < 0.6:
        tags: dict[str, Any] = random.choice(({}, {}, {"tags": {"site": "north"}}))
        return (
            {"targets": {"select": {"name": "gw-*", **tags}}}
            if _has(rollouts, tags)
            else {"targets": {"select": {"name": "gw-*"}}}
        )
    nodes = random.sample(list(rollouts.nodes.values()), random.randint(1, len(rollouts.nodes)))
    return {"targets": {"nodes": [{"id": one.id, "name": one.name} for one in nodes]}}


def _has(rollouts: Rollouts, tags: Collection[str]) -> bool:
    running = [one for one in rollouts.nodes.values() if one.state == "RUNNING"]
    return not tags or sum("site=north" in one.tags for one in running) > len(running) / 4


def _settings(random: Random, nodes: int, selects: bool) -> dict[str, Any]:  # noqa: FBT001 - one of three facts
    waves = sorted(random.sample(range(1, nodes + 1), min(nodes, random.choice((0, 1, 2, 3)))))
    shares: list[Any] = [str(one) for one in waves] or [random.choice(("20%", "50%"))]
    size = random.choice((1, 2, 5, 20))
    return {
        "waves": [*shares, "100%"],
        "max_targets_per_job": max(size, nodes // 12),
        "max_parallel_jobs": random.choice((1, 2, 4)),
        **random.choice(({}, {"max_failed": "0"}, {"max_failed": "2"}, {"max_failed": "10%"})),
        "min_finished": random.choice((1, 5, 10)),
        **random.choice(({}, {"soak": "5m"}, {"soak": "30m"})),
        "on_breach": random.choice(("pause", "pause", "stop")),
        "running_jobs": random.choice(("finish", "pause")),
        "retry": random.choice((0, 0, 1, 2)),
        "approve_before": random.choice(([], [], [], [1], [2], [1, len(shares) + 1])),
        "when_busy": random.choice(("wait", "wait", "skip")),
        "late_joiners": random.choice(("ignore", "include")) if selects else "ignore",
    }


def _window(random: Random) -> dict[str, Any]:
    """Return a window that opens and closes in the hours around the run's beginning."""
    zone = random.choice(list(_ZONES))
    begin = EPOCH + timedelta(hours=_ZONES[zone], minutes=random.randint(-180, 120))
    end = begin + timedelta(minutes=random.choice((40, 60, 90, 180, 300)))
    more = random.choice(
        ({}, {}, {"except": ["2026-11-24"]}, {"days": ["mon", "tue", "fri", "sun"]})
    )
    return {"from": f"{begin:%H:%M}", "to": f"{end:%H:%M}", "timezone": zone, **more}


def _delivered(function: Function, delivery: Delivery) -> Steps:
    return function.deliver(delivery)


def _operated(function: Function, key: str, request: RolloutRequest) -> Steps:
    """Do what `rollouts.request.run_rollout_request` does."""
    yield function.pause()
    try:
        said = function.commit(operate(key, request))
    except LogBusyError:
        return
    function.count(f"{request.operation}: {said.outcome}")
    after = function.log.read(lambda view: view.rollouts.get(key), fresh=False)
    if said.outcome == "done" and after:
        yield from roll_out(function, [after])


def _invoked(world: World, story: Any) -> Steps:  # noqa: ANN401 - a story of a function
    function = world.function()
    world.schedule.start(story(function), function.instance)
    yield from ()


def _turning(world: World, rollouts: Rollouts) -> Steps:
    while not world.schedule.calm:
        yield rollouts.random.uniform(60, 1800)
        rollouts.turn()


def _stepping_in(world: World, rollouts: Rollouts) -> Steps:
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
            operator = {"kind": "operator"}
            request = RolloutRequest(name, operator, rollouts.reason(), wave, asked_at)
            for _ in range(random.choice((1, 1, 2))):
                function = world.function()
                late = random.choice((0.0, 0.0, random.uniform(0, 300)))
                story = _operated(function, one.key, request)
                world.schedule.start(story, function.instance, after=late)
        yield random.choice((1.0, random.uniform(10, 900), random.uniform(900, 3600)))


def _deleting(world: World, rollouts: Rollouts) -> Steps:
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


def _giving_up(world: World, rollouts: Rollouts) -> Steps:
    jobs = [job for job in world.open() if job.rollout]
    if jobs:
        world.schedule.struck["abandoned by hand"] += 1
        key = rollouts.random.choice(jobs).key
        world.log.commit(abandon(key, "a simulation", actor={"kind": "operator"}))
    yield from ()
