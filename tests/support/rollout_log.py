"""A rollout on a log in memory: planned, advanced, and its jobs ended as a test says."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from handler.audit.log import Decision
from handler.audit.record import Draft
from handler.audit.rollouts.state import totals
from handler.cloud.ief.client import ShownJob
from handler.jobs.decisions import Created, claim, record
from handler.jobs.effects import SendSettings
from handler.jobs.following import finish
from handler.jobs.node_outcomes import correct
from handler.rollouts.advance import Advanced, JobTimes, advance
from handler.rollouts.operations import RolloutRequest, operate
from handler.rollouts.records import planned_rollout
from handler.schedule.rollout_settings import RolloutSettings
from handler.specs.rollout_planner import PlannedRollout
from handler.values.canonical_json import key_of, timestamp
from tests.faults.simulation.memory_log import MemoryLog

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from handler.audit.job_state import JobState
    from handler.audit.rollouts.state import NodeCounts, NodeState, RolloutState
    from handler.jobs.operations import OperationResult
    from handler.rollouts.operations import RolloutOperation

BEGIN = datetime(2026, 11, 24, 1, tzinfo=timezone.utc)
"""What the clock says at first."""

TEMPLATE = '{"job_type":"node_upgrade","job_content":{"target_type":"node","targets":[]}}'
SENDER = SendSettings(seconds_per_request=1, settle_after=1200)


def named(count: int, first: int = 1) -> tuple[tuple[str, str], ...]:
    """Return ids and names of some nodes."""
    return tuple((f"id-{one:05}", f"gw-{one:05}") for one in range(first, first + count))


class RolloutLog:
    """A log in memory with some rollouts, and the clock that tells its time."""

    def __init__(self, now: datetime = BEGIN) -> None:
        self.now = now
        self.log = MemoryLog(lambda: self.now)
        self.keys: list[str] = []

    def plan(
        self,
        nodes: Sequence[tuple[str, str]],
        settings: RolloutSettings | None = None,
        skipped: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (),
    ) -> str:
        """Plan a rollout, and return its key."""
        number = len(self.keys) + 1
        delivery, key = key_of(["delivery", number]), key_of(["rollout", number])
        rollout = PlannedRollout(
            key=key,
            document=1,
            name=f"nightly-{key[:8]}",
            job_type="node_upgrade",
            template=TEMPLATE,
            settings=settings or RolloutSettings(),
            nodes=tuple(nodes),
            skipped=skipped,
            looked_up=tuple(nodes),
        )
        about = {"key": delivery, "trigger": "direct", "subject": f"direct:{number}"}
        drafts = (
            Draft("delivery.planned", "pending", delivery=about),
            *planned_rollout({"key": delivery}, rollout),
        )
        self.log.commit(lambda _view: Decision(None, drafts))
        self.keys.append(key)
        return key

    def advance(
        self, key: str = "", joiners: tuple[tuple[str, str], ...] | None = None
    ) -> Advanced:
        """Bring a rollout as far as it gets."""
        decide = advance(key or self.keys[-1], TEMPLATE, JobTimes(21_600, 300), joiners)
        return self.log.commit(decide).value

    def create(self, job: JobState) -> None:
        """Let a planned job be created."""
        date = timestamp(self.now)
        attempt = self.log.commit(claim(job.key, date=date, lease=timedelta(minutes=1))).value
        if attempt.attempt:
            answer = Created(f"ief-{job.name}")
            self.log.commit(record(job.key, attempt.attempt, answer))

    def end(
        self,
        job: JobState,
        failing: Collection[str] = (),
        status: str = "",
    ) -> None:
        """Let a job end, with some of its nodes failed."""
        nodes = self.log.read(lambda view: view.rollouts.nodes_of_job(job.key))
        failed = [node for node in nodes if node.node_id in failing]
        ended = "Failed" if len(failed) == len(nodes) else "Partially_successful"
        shown = self.shown(job, nodes, failing, status or (ended if failed else "Successful"))
        state = self.log.read(lambda view: view.job(job.key))
        assert state is not None
        self.log.commit(finish(state, shown, SENDER))

    def succeed_late(self, job: JobState, failing: Collection[str] = ()) -> None:
        """Let IEF show other results of a job that has ended."""
        nodes = self.log.read(lambda view: view.rollouts.nodes_of_job(job.key))
        self.log.commit(correct(job.key, self.shown(job, nodes, failing, "Timed_out")))

    @staticmethod
    def shown(
        job: JobState, nodes: Sequence[NodeState], failing: Collection[str], status: str
    ) -> ShownJob:
        """Return what IEF shows of a job."""
        return ShownJob(
            job_id=f"ief-{job.name}",
            status=status,
            tasks=tuple(
                ("Failed", "no space") if node.node_id in failing else ("Successful", "")
                for node in nodes
            ),
            target_ids=tuple(node.node_id for node in nodes),
        )

    def operate(
        self,
        operation: RolloutOperation,
        key: str = "",
        wave: int = 0,
        asked_at: datetime | None = None,
        reason: str = "a test",
    ) -> OperationResult:
        """Ask for an operation."""
        operator = {"kind": "operator", "name": "ops"}
        request = RolloutRequest(operation, operator, reason, wave, asked_at)
        return self.log.commit(operate(key or self.keys[-1], request)).value

    def rollout(self, key: str = "") -> RolloutState:
        """Return a rollout."""
        found = self.log.read(lambda view: view.rollouts.get(key or self.keys[-1]))
        assert found is not None
        return found

    def counts(self, key: str = "") -> NodeCounts:
        """Return how many nodes are in which state."""
        rollout = self.rollout(key)
        return self.log.read(lambda view: totals(view.rollouts, rollout))

    def open_jobs(self, key: str = "") -> tuple[JobState, ...]:
        """Return the jobs of a rollout that have not ended."""
        return self.log.read(lambda view: view.rollouts.open_jobs(key or self.keys[-1]))

    def run(self, failing: Collection[str] = (), key: str = "", rounds: int = 1000) -> Advanced:
        """Advance again and again; each job ends before the next round, ten minutes later."""
        for _ in range(rounds):
            advanced = self.advance(key)
            if not advanced.jobs:
                return advanced
            for job in advanced.jobs:
                self.create(job)
            self.now += timedelta(minutes=10)
            for job in self.open_jobs(key):
                self.end(job, failing)
        raise AssertionError("it does not end")

    def actions(self) -> list[str]:
        """Return the actions of all records."""
        return [str(record.fields["action"]) for record in self.log.records()]
