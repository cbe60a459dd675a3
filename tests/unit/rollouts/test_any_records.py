"""Any valid sequence of records about rollouts: the state that follows, in every store alike."""

from __future__ import annotations

from datetime import timedelta
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple, cast, get_args

from hypothesis import given, settings
from hypothesis import strategies as st

from handler.audit.objects.append_position import SegmentLimits
from handler.audit.rollouts.state import NodeCounts, NodeWord
from handler.audit.sql.sqlite import SqliteLog
from handler.jobs.decisions import Refused, abandon, claim, record
from handler.schedule.rollout_settings import RolloutSettings, Select
from handler.values.canonical_json import timestamp
from tests.faults.simulation.memory_log import MemoryLog
from tests.faults.simulation.rollout_replay import Replay
from tests.faults.simulation.rollout_violations import differing
from tests.faults.simulation.simulated_objects import ObjectLogs
from tests.support.depth import examples
from tests.support.rollout_log import RolloutLog, named

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handler.audit.job_state import JobState
    from handler.audit.log import View
    from handler.rollouts.operations import RolloutOperation
    from tests.faults.simulation.simulated_world import OpenLog


class Step(NamedTuple):
    """What happens next: its name, which job or node it is about, and for how many nodes."""

    name: str
    which: int
    some: int


NAMES = ("advance", "create", "end", "late", "refuse", "abandon", "operate", "wait")
OPERATIONS: tuple[RolloutOperation, ...] = ("pause", "resume", "approve", "stop", "retry")
STEPS = st.lists(
    st.builds(Step, st.sampled_from((*NAMES, *NAMES[:3])), st.integers(0, 9), st.integers(0, 5)),
    max_size=40,
)
SETTINGS = st.builds(
    RolloutSettings,
    waves=st.sampled_from([("100%",), ("1", "100%"), ("2", "50%", "100%")]),
    max_targets_per_job=st.integers(1, 3),
    max_parallel_jobs=st.integers(1, 3),
    max_failed=st.sampled_from(["", "0", "2", "20%"]),
    min_finished=st.just(2),
    soak=st.sampled_from([0, 600]),
    on_breach=st.sampled_from(["pause", "stop"]),
    retry=st.integers(0, 2),
    approve_before=st.sampled_from([(), (1,), (2,)]),
    when_busy=st.sampled_from(["wait", "skip"]),
    late_joiners=st.sampled_from(["ignore", "include"]),
    select=st.just(Select()),
)


class Story:
    """Two rollouts over common nodes in a log, and the steps that are taken with them."""

    def __init__(self, both: Sequence[RolloutSettings], nodes: int, open_log: OpenLog) -> None:
        self.one = RolloutLog()
        # Only what every log has is used of it.
        self.one.log = cast("MemoryLog", open_log(lambda: self.one.now, 0))
        for each in both:
            self.one.plan(named(nodes), each, skipped=(("offline", named(2, first=nodes + 1)),))

    def take(self, step: Step) -> None:
        """Take a step; one that is not possible now does nothing."""
        key = self.one.keys[step.which % 2]
        if step.name == "advance":
            self.one.advance(key, named(5 + step.some, first=3))
        elif step.name == "operate":
            self.one.operate(OPERATIONS[step.some % 5], key, step.which % 3)
        elif step.name == "wait":
            self.one.now += timedelta(minutes=step.some * 5 + 1)
        elif jobs := self.one.log.read(lambda view: view.latest_jobs(100)):
            self._about(step, jobs[step.which % len(jobs)])

    def _about(self, step: Step, job: JobState) -> None:
        failing = {node_id for node_id, _ in named(step.some * 2)}
        if step.name == "create":
            self.one.create(job)
        elif step.name == "end" and job.followed:
            self.one.end(job, failing, "Timed_out" if step.some == 4 else "")
        elif step.name == "late" and job.finished:
            self.one.succeed_late(job, failing)
        elif step.name == "refuse":
            self._refuse(job)
        elif step.name == "abandon":
            self.one.log.commit(abandon(job.key, "a test", actor={"kind": "operator"}))

    def _refuse(self, job: JobState) -> None:
        date, lease = timestamp(self.one.now), timedelta(minutes=1)
        attempt = self.one.log.commit(claim(job.key, date=date, lease=lease)).value.attempt
        self.one.log.commit(record(job.key, attempt, Refused("no", 400, "IEF.1")))

    def replay(self) -> Replay:
        """Return what the records tell."""
        replay = Replay(timedelta(seconds=900))
        for recorded in self.one.log.records():
            replay.add(recorded.fields)
        return replay

    def state(self) -> list[object]:
        """Return what decisions can see of rollouts, nodes and jobs."""

        def ask(view: View) -> list[object]:
            places = product(self.one.keys, get_args(NodeWord))
            nodes = [view.rollouts.nodes_in_state(*place, 99) for place in places]
            return [view.rollouts.latest(9), nodes, view.latest_jobs(100), view.open(99)]

        return self.one.log.read(ask)


STORIES = (st.tuples(SETTINGS, SETTINGS), st.integers(1, 9), STEPS)


@given(*STORIES)
@settings(max_examples=examples(200), deadline=None)
def test_every_node_is_counted_once_in_the_state_that_its_records_tell(
    both: tuple[RolloutSettings, RolloutSettings], nodes: int, steps: list[Step]
) -> None:
    """By other code, by the counts, and by what verification folds."""
    story = Story(both, nodes, MemoryLog)
    for step in steps:
        story.take(step)
    replayed = story.replay()
    assert [one for one in replayed.wrong if "counts twice" not in one] == []
    for key in story.one.keys:
        expected, rollout = replayed.stories[key], story.one.rollout(key)
        counts = story.one.counts(key)
        assert counts == tuple(expected.count(word) for word in NodeCounts._fields)
        assert sum(counts) == len(expected.nodes)
        assert sum(counts) - counts.skipped <= rollout.nodes
    assert list(differing(story.one.log)) == []


@given(*STORIES)
@settings(max_examples=examples(60), deadline=None)
def test_every_store_has_the_same_state_of_rollouts(
    both: tuple[RolloutSettings, RolloutSettings], nodes: int, steps: list[Step]
) -> None:
    """In memory, in a file, and in objects whose instances know old ends of the log."""
    with TemporaryDirectory() as folder:
        opened: list[OpenLog] = [
            MemoryLog,
            lambda clock, _: SqliteLog(Path(folder) / "a.db", clock=clock),
            # In one segment: a record that ends one has a number of its own.
            lambda clock, seed: ObjectLogs(clock, seed, SegmentLimits()),
        ]
        stories = [Story(both, nodes, one) for one in opened]
        for step in steps:
            for story in stories:
                story.take(step)
        first, *others = [story.state() for story in stories]
        for story in stories:
            story.one.log.close()
    assert others == [first, first]
