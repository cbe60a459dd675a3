"""What stands between an order and the fleet in a simulated run: a policy, and the breaker.

Half of the runs have both. The policy refuses some orders, allows a few jobs a day, and is changed
once; jobs fail on the fleet, and a person releases what the breaker holds, or does not.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from functools import cache
from random import Random
from typing import TYPE_CHECKING, Any

from handler.audit.record import part
from handler.deliveries.approval import approve
from handler.jobs.breaker import BREAKER_WINDOW, Breaker
from handler.jobs.hold import release
from handler.policy.decision import Origin, decide, origin_of
from handler.policy.demand import demand_of
from handler.policy.policy_file import read_policy
from handler.specs.planner import mark_of
from handler.values.canonical_json import moment, sha256_hex
from tests.faults.simulated_function import LIMIT
from tests.faults.violations import planned_jobs

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from handler.audit.record import Fields
    from handler.policy.verdict import PolicyDecision
    from handler.specs.planner import Plan
    from handler.triggers.delivery import Delivery
    from tests.faults.simulated_time import Steps
    from tests.faults.simulated_world import World

POLICIES = (
    b"""rules: [{from: {timer: weekly}, kinds: []}, {from: {timer: nightly}, approval: required},
                {from: {timer: '*'}, jobs_per_day: 3}, {from: {direct: true}}]""",
    b"""rules: [{from: {timer: three}, kinds: []}, {from: {timer: '*'}, jobs_per_day: 4}]""",
)
_NOTED = {
    "over the limit of the day": "in 24 hours",
    "awaiting approval": "wants an approval",
    "not approved in time": "was not approved by",
}
_BREAKER = Breaker(0.4, 2)
_VALID_FOR = 21_600
_OURS = "circuit breaker"
_NO_END = frozenset({"job.resumed", "job.retried", "job.deleted"})
"""The actions after which the end of a job counts no more."""


@dataclass
class Guard:
    """The policy that is in force, and the circuit breaker.

    Attributes:
        random: Draws what happens by chance, beside what the rest of a run is drawn from.
        struck: Counts what happened, by name.
        policy: The policy in force, as its file.
        failing: How often a job fails on the fleet.
        breaker: The circuit breaker's setting.
    """

    random: Random
    struck: Counter[str]
    policy: bytes
    failing: float
    breaker: Breaker = _BREAKER
    _ends: dict[str, bool] = field(default_factory=dict)

    def decide(self, delivery: Delivery, plan: Plan) -> PolicyDecision:
        """Return what the policy in force decides about a plan."""
        decision = decided(self.policy, origin_of(delivery, delivery.actor), plan)
        self.struck["refused by the policy"] += bool(decision.problems)
        return decision

    def fails(self, job_id: str) -> bool:
        """Return whether a job fails on the fleet; the answer is the same each time."""
        if job_id not in self._ends:
            self._ends[job_id] = self.random.random() < self.failing
            self.struck["failed on the fleet"] += self._ends[job_id]
        return self._ends[job_id]


def guarded(world: World, seed: int) -> World:
    """Return a world with a guard, for half of the seeds."""
    random = Random(f"guard {seed}")  # noqa: S311 - to repeat runs
    if random.random() < 0.5:
        return world
    policy, failing = random.choice(POLICIES), random.choice((0.1, 0.5, 0.9))
    guard = Guard(random, world.schedule.struck, policy, failing)
    world.api.fails = guard.fails
    return replace(world, guard=guard)


def operate(world: World, guard: Guard) -> None:
    """Put on the schedule what people do to the guard."""
    start, draw = world.schedule.start, guard.random.uniform
    if guard.random.random() < 0.5:
        start(_changed(guard), None, after=draw(0, 2400))
    start(_approving(world, guard), None, after=draw(0, 600))
    if guard.random.random() < 0.7:
        start(_released(world, guard), None, after=draw(0, 600))


def _approving(world: World, guard: Guard) -> Steps:
    """Approve what waits, or another digest, or do not bother."""
    while not world.schedule.calm:
        for one in world.log.read(lambda view: view.open(LIMIT).awaiting):
            if guard.random.random() < 0.5:
                digest = guard.random.choice((one.digest, one.digest, "another"))
                by = {"kind": "operator"}
                done = world.log.commit(approve([one.key], digest, actor=by)).value
                guard.struck["approved"] += len(done)
        yield guard.random.uniform(60, 1200)


def _changed(guard: Guard) -> Steps:
    guard.struck["policy changed"] += 1
    [guard.policy] = {*POLICIES} - {guard.policy}
    yield from ()


def _released(world: World, guard: Guard) -> Steps:
    while not world.schedule.calm:
        if world.log.read(lambda view: view.switch("hold")).startswith(_OURS):
            guard.struck["released by hand"] += 1
            world.log.commit(release(actor={"kind": "operator"}))
        yield guard.random.uniform(300, 1800)


@cache
def decided(policy: bytes, origin: Origin, plan: Plan) -> PolicyDecision:
    """Return what a policy decides about a plan; the same in every run, and slow to make."""
    return decide(read_policy(policy), origin, list(map(demand_of, plan.jobs)), _VALID_FOR)


def unguarded(world: World) -> Iterator[str]:
    """Yield what got past the policy or the breaker."""
    records = [record.fields for record in world.log.records()]
    planned = {mark_of(job.key) for job in planned_jobs(world)}
    for _, job in world.api.jobs:
        mark = job.description.split(" ", 1)[0]
        if mark.startswith("nd-") and mark not in planned:
            yield f"the API has {job.name}, which was never planned"
    if world.guard:
        yield from _not_allowed(records)
        yield from _not_held(records, world.guard.breaker)
        for name, words in _NOTED.items():
            world.schedule.struck[name] += sum(
                words in str(fields.get("note")) for fields in records
            )


def _not_allowed(records: Sequence[Fields]) -> Iterator[str]:
    """Yield plans that the policy that they name does not allow; a run is less than 24 hours."""
    policies = {sha256_hex(text): read_policy(text) for text in POLICIES}
    jobs: dict[tuple[str, int], int] = defaultdict(int)
    approved = set[tuple[str, str]]()
    for fields in records:
        if fields["action"] == "delivery.approved":
            found: Any = part(fields, "delivery")
            approved.add((found["key"], found["digest"]))
        if fields["action"] != "delivery.planned":
            continue
        said: Any = part(fields, "delivery")
        subject, rule = said["subject"].removeprefix("timer:"), said["rule"]
        allowed = policies[said["policy"]].rules[rule - 1]
        jobs[said["policy"], rule] += said["jobs"]
        if allowed.kinds == () or allowed.source.direct != (True if subject == "one" else None):
            yield f"{subject} is planned against rule {rule}"
        if allowed.approval and (said["key"], said["digest"]) not in approved:
            yield f"{subject} is planned without an approval"
        if allowed.jobs_per_day and jobs[said["policy"], rule] > allowed.jobs_per_day:
            yield f"{jobs[said['policy'], rule]} jobs are planned under rule {rule}"


def _not_held(records: Sequence[Fields], breaker: Breaker) -> Iterator[str]:
    """Yield what was sent on hold, and failures that did not lead to one, or led to it wrongly."""
    reason, ends = "", dict[str, tuple["datetime", bool]]()
    for fields, then in zip(records, [*records[1:], None], strict=True):
        action, at = str(fields["action"]), moment(str(fields["at"]))
        if action == "job.sending" and reason:
            yield f"record {fields['seq']} sends while sending is held: {reason}"
        if action == "sending.held":
            reason = str(fields["note"])
        if action == "sending.released":
            reason, ends = "", {}
        key = str(part(fields, "job").get("key"))
        if action in _NO_END:
            ends.pop(key, None)
        if action == "job.finished":
            ends[key] = (at, fields["outcome"] != "success")
            recent = [failed for ended, failed in ends.values() if ended > at - BREAKER_WINDOW]
            due = len(recent) >= breaker.jobs and sum(recent) / len(recent) > breaker.share
            is_held = then is not None and (then["action"], then["commit"]) == (
                *("sending.held", fields["commit"]),
            )
            if is_held != (due and not reason):
                yield f"after record {fields['seq']} the breaker was {due=} and {is_held=}"
