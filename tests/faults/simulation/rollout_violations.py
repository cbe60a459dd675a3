"""Invariants of rollouts, and their violations.

What `rollout_replay` makes of the records is compared with what the API created, and with the state
in the log; that state with the one that verification folds.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, cast

from handler.audit.rollouts.state import NodeCounts, totals
from handler.audit.verification.derived_state import (
    OUTBOX,
    Table,
    as_bytes,
    differing_rows,
    tables_of,
)
from handler.audit.verification.refold import Refold
from handler.rollouts.advance import rollout_standing
from handler.rollouts.waiting import settings_of
from handler.schedule.rollout_settings import JOB_SECONDS
from handler.schedule.window import open_period
from handler.specs.planner import mark_of
from tests.faults.simulation.rollout_replay import SKEW, Replay
from tests.faults.simulation.services.simulated_api import FENCE
from tests.faults.simulation.services.simulated_tasks import TaskFleet
from tests.faults.simulation.simulated_rollouts import LIMIT, open_jobs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from handler.audit.log import Log, View
    from handler.audit.rollouts.state import RolloutState
    from tests.faults.simulation.services.simulated_tasks import Made
    from tests.faults.simulation.simulated_world import World

_AT_REST = frozenset({"finished", "stopped", "paused", "approval", "window", "running", "busy"})
"""What a rollout may wait for once nothing happens any more; `running` is for paused jobs."""


def misrolled(world: World) -> Iterator[str]:
    """Yield what is wrong about rollouts at any time."""
    if world.rollouts is None or not isinstance(world.api.fleet, TaskFleet):
        return
    replay = replayed(world)
    yield from replay.wrong
    yield from _side_by_side(replay, world.api.fleet)
    yield from _sent_twice(replay, world.api.fleet.made)
    yield from _not_successful(replay, world)
    yield from _outside(replay, world.api.fleet.made)
    yield from _other_state(world, replay)
    yield from differing(world.log)


def _side_by_side(replay: Replay, fleet: TaskFleet) -> Iterator[str]:
    """Yield jobs that began while the nodes, or too many jobs of the rollout, still ran.

    What a person gave up before it was known whether it runs is left out.
    """
    jobs = {mark_of(key): job for key, job in replay.jobs.items() if key not in replay.given_up}
    for made, beside in fleet.beside:
        running = [one for one in beside if one.mark in jobs]
        for one in running:
            if set(one.targets) & set(made.targets):
                yield f"a node of {made.job_id} still ran in {one.job_id}"
        job = jobs.get(made.mark)
        same = [one for one in running if job and jobs[one.mark].rollout == job.rollout]
        if job and len(same) >= replay.stories[job.rollout].settings.max_parallel_jobs:
            yield f"{made.job_id} ran beside {len(same)} other jobs of its rollout"


def replayed(world: World) -> Replay:
    """Return all rollouts of a run, read from its records."""
    assert world.rollouts
    replay = Replay(timedelta(seconds=JOB_SECONDS + world.rollouts.times.grace))
    for record in world.log.records():
        replay.add(record.fields)
    return replay


def _sent_twice(replay: Replay, made: list[Made]) -> Iterator[str]:
    """Yield the nodes that the API has in two jobs of one try."""
    for (rollout, node, number), times in Counter(replay.tries(made)).items():
        if times > 1:
            yield f"{node} was sent {times} times in try {number} of {replay.stories[rollout].name}"


def _not_successful(replay: Replay, world: World) -> Iterator[str]:
    """Yield the nodes that count as succeeded, and whose task did not succeed."""
    marks = {job.description.split(" ", 1)[0]: job for _, job in world.api.jobs}
    fleet, now = world.api.fleet, world.schedule.true_time().timestamp()
    for story in replay.stories.values():
        for node_id, node in story.nodes.items():
            job = marks.get(mark_of(node.job)) if node.state == "succeeded" else None
            if job and fleet:
                shown = fleet.shown(job.job_id, job.created_at, now)
                status = dict(zip(shown.target_ids, shown.tasks, strict=True))[node_id][0]
                if status != "Successful":
                    yield f"{node_id} of {story.name} succeeded, and its task is {status}"


def _outside(replay: Replay, made: list[Made]) -> Iterator[str]:
    """Yield the jobs that were created outside of their window.

    A request that is under way cannot be called back, but is refused once its signature is old.
    """
    by_mark = {mark_of(key): job for key, job in replay.jobs.items()}
    for one in made:
        job = by_mark.get(one.mark)
        window = replay.stories[job.rollout].settings.window if job else None
        at = datetime.fromtimestamp(one.at, tz=timezone.utc)
        started = at - timedelta(seconds=FENCE) - SKEW
        if window and not (open_period(window, at + SKEW) or open_period(window, started)):
            yield f"{one.job_id} was created outside of its window, at {at}"


def _totals(view: View, rollout: RolloutState) -> NodeCounts:
    return totals(view.rollouts, rollout)


def _other_state(world: World, replay: Replay) -> Iterator[str]:
    """Yield where the state in the log is not what the records tell."""
    known = {one.key: one for one in world.log.read(lambda view: view.rollouts.latest(LIMIT))}
    held = {key for (key,) in cast("Stored", world.log).query("SELECT key FROM outbox")}
    for key, story in replay.stories.items():
        rollout = known.get(key)
        if rollout is None:
            yield f"{story.name} is not known any more"
            continue
        counts = world.log.read(partial(_totals, rollout=rollout))
        recorded = NodeCounts(**{word: story.count(word) for word in NodeCounts._fields})
        if counts != recorded or sum(counts) != len(story.nodes):
            yield f"{story.name} has {counts}, and its records say {recorded}"
        state = {"planned": "running"}.get(rollout.state, rollout.state)
        if (state, rollout.wave) != (story.state, story.wave):
            yield f"{story.name} is {state} in wave {rollout.wave}, not {story.state}"
        if (key in held) != story.needs_template:
            yield f"the template of {story.name}, {story.state}, is needed: {story.needs_template}"


def differing(log: Log) -> Iterator[str]:
    """Yield where the state in a log differs from the one that verification folds."""
    refold = Refold()
    for record in log.records():
        refold.add(record.fields)

    def stored(table: Table) -> Iterator[tuple[Any, ...]]:
        columns = ("key",) if table is OUTBOX else table.columns
        rows = cast("Stored", log).query(
            f"SELECT {', '.join(columns)} FROM {table.name} ORDER BY 1"  # noqa: S608 - of the schema
        )
        yield from map(as_bytes, rows)

    for table in tables_of(refold):
        yield from map(str, differing_rows(refold, table, stored))
    kept = {key for (key,) in stored(OUTBOX)}
    needed = {key for (key,) in refold.rows("SELECT key FROM bodies")}
    yield from (f"the outbox holds {key!r}: {key in kept}" for key in kept ^ needed)
    refold.close()


class Stored(Protocol):
    """A log whose tables can be read."""

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        """Return the rows of a statement."""


def unrolled(world: World) -> Iterator[str]:
    """Yield the rollouts with forgotten nodes, once everything has come to rest."""
    if world.rollouts is None:
        return
    for one in world.log.read(lambda view: view.rollouts.latest(LIMIT)):
        ask = partial(rollout_standing, rollout=one, times=world.rollouts.times)
        standing = world.log.read(ask)
        word, counts = standing.waiting.word, standing.counts
        world.schedule.struck[f"at last {word}"] += 1
        if one.state == "finished" and (counts.pending or counts.running):
            yield f"{one.name} has finished, with {counts}"
        jobs = open_jobs(world, one)
        goes_on = any(job.paused or job.state == "unknown" for job in jobs)
        follows = settings_of(one).running_jobs == "pause"
        if one.state == "stopped" and follows and any(job.paused for job in jobs):
            yield f"{one.name} is stopped, and its jobs stay paused"
        if word == "running" and not goes_on:
            yield f"{one.name} waits for {standing.waiting}, and nothing of it runs"
        if word not in _AT_REST:
            yield f"{one.name} waits for {standing.waiting}, and nobody goes on with it"
        if world.rollouts.attended and word in {"paused", "approval"}:
            yield f"{one.name} is {word}, although everything was resumed and approved"
