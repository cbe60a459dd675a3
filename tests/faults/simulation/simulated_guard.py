"""What stands between an order and the fleet in a simulated run: a policy, and the breaker.

Half of the runs have both. The policy refuses some orders, allows a few jobs a day, wants others to
be approved, by a file or by a person, and is changed at any time; jobs fail on the fleet, and a
person releases what the breaker holds, or does not.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from random import Random
from typing import TYPE_CHECKING, Any

from handler.audit.record import part
from handler.deliveries.approval import approve
from handler.jobs.breaker import BREAKER_WINDOW, Breaker
from handler.jobs.hold import release
from handler.policy.decision import Origin, matches
from handler.policy.policy_file import read_policy
from handler.reconciler import LIMIT
from handler.specs.planner import mark_of
from handler.values.canonical_json import moment, sha256_hex
from tests.faults.simulation.simulated_files import AUTHOR, BUCKET, POLICY, Files
from tests.faults.simulation.simulated_time import EPOCH
from tests.faults.simulation.violations import planned_jobs

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from handler.audit.record import Fields
    from handler.values.canonical_json import Json
    from tests.faults.simulation.simulated_time import Happening
    from tests.faults.simulation.simulated_world import World

_RULES: tuple[list[Json], ...] = (
    [
        {"from": {"timer": "weekly"}, "kinds": []},
        {"from": {"timer": "nightly"}, "approval": "required"},
        {"from": {"timer": "*"}, "jobs_per_day": 3},
        {"from": {"direct": True}},
        {"from": {"prefix": "drop/"}, "approver": {"account": "reviewer"}},
    ],
    [
        {"from": {"timer": "three"}, "kinds": []},
        {"from": {"timer": "*"}, "jobs_per_day": 4},
        {"from": {"prefix": "drop/"}, "approval": "required"},
    ],
    [
        {"from": {"prefix": "drop/"}, "kinds": []},
        {"from": {"timer": "*"}, "approval": "required"},
        {"from": {"direct": True}},
    ],
)
POLICIES = tuple(json.dumps({"rules": rules}).encode() for rules in _RULES)
_NOTED = {
    "over the limit of the day": "in 24 hours",
    "awaiting approval": "wants an approval",
    "not approved in time": "was not approved by",
}
_BREAKER = Breaker(0.4, 2)
_SKEW, _MOST_FREEZES = timedelta(seconds=5), 2
_OURS = "circuit breaker"
_NO_END = frozenset({"job.resumed", "job.retried", "job.deleted"})
"""The actions after which the end of a job counts no more."""


@dataclass
class Guard:
    """The policy that is in force, and the circuit breaker.

    Attributes:
        random: Draws what happens by chance, beside what the rest of a run is drawn from.
        struck: Counts what happened, by name.
        files: The bucket with dropped specs and approvals, and the policy in force.
        failing: How often a job fails on the fleet.
        breaker: The circuit breaker's setting.
        history: When each policy came into force, in the order of time.
    """

    random: Random
    struck: Counter[str]
    files: Files
    failing: float
    breaker: Breaker = _BREAKER
    history: list[tuple[datetime, bytes]] = field(default_factory=list)
    _ends: dict[str, bool] = field(default_factory=dict)

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
    files = Files(random, world.schedule.struck, world.obs)
    files.set_policy(random.choice(POLICIES))
    guard = Guard(random, world.schedule.struck, files, random.choice((0.1, 0.5, 0.9)))
    guard.history.append((EPOCH, files.policy))
    world.api.fails = guard.fails
    update = {
        "buckets": (BUCKET,),
        "policy": f"obs://{'/'.join(POLICY)}",
        "breaker": guard.breaker.share,
        "breaker_jobs": guard.breaker.jobs,
    }
    return replace(world, guard=guard, settings=world.settings.model_copy(update=update))


def operate(world: World, guard: Guard) -> None:
    """Put on the schedule what people do to the guard."""
    start, draw = world.schedule.start, guard.random.uniform
    start(_changed(world, guard), None, after=draw(0, 2400))
    start(_approving(world, guard), None, after=draw(0, 600))
    if guard.random.random() < 0.7:
        start(_released(world, guard), None, after=draw(0, 600))


def _approving(world: World, guard: Guard) -> Happening:
    """Approve what waits, or another digest, or do not bother."""
    while not world.schedule.calm:
        for one in world.log.read(lambda view: view.open(LIMIT).awaiting):
            if guard.random.random() < 0.5:
                digest = guard.random.choice((one.digest, one.digest, "another"))
                by = {"kind": "operator"}
                done = world.log.commit(approve([one.key], digest, actor=by)).value
                guard.struck["approved"] += len(done)
        yield guard.random.uniform(60, 1200)


def _changed(world: World, guard: Guard) -> Happening:
    while not world.schedule.calm:
        guard.struck["policy changed"] += 1
        guard.files.set_policy(guard.random.choice(POLICIES))
        guard.history.append((world.schedule.true_time(), guard.files.policy))
        yield guard.random.uniform(10, 2400)


def _released(world: World, guard: Guard) -> Happening:
    while not world.schedule.calm:
        if world.log.read(lambda view: view.switch("hold")).startswith(_OURS):
            guard.struck["released by hand"] += 1
            world.log.commit(release(actor={"kind": "operator"}))
        yield guard.random.uniform(300, 1800)


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
        yield from _outdated(world, records, world.guard.history)
        yield from _not_held(records, world.guard.breaker)
        for name, words in _NOTED.items():
            world.schedule.struck[name] += sum(
                words in str(fields.get("note")) for fields in records
            )


def _not_allowed(records: Sequence[Fields]) -> Iterator[str]:
    """Yield plans that the policy that they name does not allow; a run is less than 24 hours."""
    policies = {sha256_hex(text): read_policy(text) for text in POLICIES}
    jobs = Counter[str]()
    approved = set[tuple[str, str]]()
    for fields in records:
        said: Any = part(fields, "delivery")
        if fields["action"] == "delivery.approved":
            approved.add((said["subject"], said["digest"]))
            if part(fields, "actor").get("account") == AUTHOR:
                yield f"{said['subject']} is approved by its uploader"
        if fields["action"] != "delivery.planned":
            continue
        rules, origin = policies[said["policy"]].rules, _origin(fields)
        fit = (number for number, one in enumerate(rules, 1) if matches(one.source, origin))
        first, allowed, counted = next(fit, 0), rules[said["rule"] - 1], said.get("rule_source", "")
        jobs[counted] += said["jobs"]
        if allowed.kinds == () or said["rule"] != first:
            yield f"{said['subject']} is planned against rule {first}"
        if allowed.approval and (said["subject"], said["digest"]) not in approved:
            yield f"{said['subject']} is planned without an approval"
        if allowed.jobs_per_day and jobs[counted] > allowed.jobs_per_day:
            yield f"{jobs[counted]} jobs are planned under rule {said['rule']}"


def _origin(fields: Fields) -> Origin:
    """Return where a planned delivery came from, by its record."""
    source: Any = part(fields, "source")
    name = source.get("trigger_name") or source.get("key") or ""
    trigger = str(part(fields, "delivery")["trigger"])
    return Origin(trigger, "" if trigger == "direct" else name, source.get("bucket", ""))


def _outdated(
    world: World, records: Sequence[Fields], history: Sequence[tuple[datetime, bytes]]
) -> Iterator[str]:
    """Yield plans by a policy that was replaced before the invocation that made them began.

    An invocation is as long as it may run and was frozen; its clock and the log's are 5 s apart.
    """
    longest = world.seconds + world.schedule.hazards.longest_freeze * _MOST_FREEZES + 15
    ends = [at for at, _ in history[1:]] + [datetime.max.replace(tzinfo=timezone.utc)]
    for fields in records:
        if fields["action"] == "delivery.planned":
            at, digest = moment(str(fields["at"])), part(fields, "delivery")["policy"]
            since = at - timedelta(seconds=longest)
            current = {
                sha256_hex(text)
                for (began, text), end in zip(history, ends, strict=True)
                if began <= at + _SKEW and end >= since
            }
            if digest not in current:
                yield f"record {fields['seq']} plans by a policy that was replaced before"


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
