"""Jobs that run for a while in a simulated run, and people who operate on them.

A third of the runs have them; in the others every job has ended once it is asked about. Of each
operation that the API executed it is kept which claim it was signed for. After some of them a job
is still shown as it was before.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from random import Random
from typing import TYPE_CHECKING, TypeAlias

from handler.audit.record import part
from handler.cloud.ief.client import ShownJob
from handler.errors import ApiError
from handler.jobs.operations import OPERATIONS
from handler.reconciler import LIMIT
from handler.triggers.delivery import Action

if TYPE_CHECKING:
    from collections.abc import Iterator

    from handler.audit.job_state import JobState
    from handler.audit.record import Fields
    from handler.triggers.delivery import ActionName
    from tests.faults.simulation.simulated_time import Happening
    from tests.faults.simulation.simulated_world import World

OPERATOR = {"kind": "operator"}
_ACTIONS: dict[str, ActionName] = {
    "pause": "job.pause",
    "resume": "job.resume",
    "retry": "job.retry",
    "delete": "job.delete",
}
_LAG = 290.0
"""For how many seconds at most a job is shown as it was before an operation.

A request may be under way for as long as its signature lives, 900 s: both together are less than
the time after which the product believes what it sees.
"""

Executed: TypeAlias = tuple[str, str, str]
"""The API's operation, the job's id and the date of the signature."""

RETRIED = frozenset({"Failed", "Partially_successful", "Timed_out"})
_CLAIMS = {operation.claimed: operation for operation in OPERATIONS.values()}
_DONE = {operation.done: operation for operation in OPERATIONS.values()}
_NEEDED = {"StopBatchJob": "Running", "RestoreBatchJob": "Stopped", "RetryBatchJob": "Failed"}
_BECOMES = {"StopBatchJob": "Stopped", "RestoreBatchJob": "Running", "RetryBatchJob": "Running"}


@dataclass(frozen=True)
class Life:
    """How a job stands: its status since a time, and when and how it ends if it runs.

    Attributes:
        status: Its status as of `since`.
        since: Seconds since 1970.
        seconds: How long it then runs.
        end: How it ends.
    """

    status: str
    since: float
    seconds: float
    end: str

    def at(self, now: float) -> Life:
        """Return how it stands later."""
        if self.status == "Running" and now >= self.since + self.seconds:
            return replace(self, status=self.end, since=self.since + self.seconds)
        return self


@dataclass
class Fleet:
    """What the fleet does with the API's jobs.

    Attributes:
        random: Draws what happens by chance, beside what the rest of a run is drawn from.
        lags: Draws for how long a job is shown as it was before an operation.
        failing: How often a run of a job fails.
        struck: How often a job was shown so.
        executed: What the API executed.
    """

    random: Random
    lags: Random
    failing: float
    struck: Counter[str]
    executed: list[Executed] = field(default_factory=list)
    _lives: dict[str, Life] = field(default_factory=dict)
    _before: dict[str, tuple[Life, float]] = field(default_factory=dict)

    def life(self, job_id: str, created: float, now: float) -> Life:
        """Return how a job stands now."""
        if job_id not in self._lives:
            self._lives[job_id] = self._running(created)
        self._lives[job_id] = self._lives[job_id].at(now)
        return self._lives[job_id]

    def shown(self, job_id: str, created: float, now: float) -> ShownJob:
        """Return a job as the API shows it."""
        life = self.life(job_id, created, now)
        before, until = self._before.get(job_id, (life, 0.0))
        if now < until:
            self.struck["shown as it was before"] += life.status != before.status
            life = before
        return ShownJob(job_id, life.status, ((life.status, ""),), updated_at=int(life.since))

    def operate(self, call: str, job_id: str, date: str, created: float, now: float) -> None:
        """Execute an operation.

        Raises:
            ApiError: The job's status does not allow it.
        """
        life = self.life(job_id, created, now)
        if call in _NEEDED and life.status != _NEEDED[call]:
            raise ApiError(f"the job is {life.status}", status=400, code="IEF.100409")
        self.executed.append((call, job_id, date))
        if call in _BECOMES:
            lag = self.lags.choice((0.0, self.lags.uniform(1, _LAG)))
            self._before[job_id] = life, now + lag
            self._lives[job_id] = replace(self._running(now), status=_BECOMES[call])

    def _running(self, now: float) -> Life:
        end = "Failed" if self.random.random() < self.failing else "Successful"
        return Life("Running", now, self.random.uniform(1, 1200), end)


def operated(world: World, seed: int) -> World:
    """Return a world with a fleet and its operators, for a third of the seeds."""
    random = Random(f"fleet {seed}")  # noqa: S311 - to repeat runs
    if world.rollouts or random.random() < 2 / 3:
        return world
    lags = Random(f"lags {seed}")  # noqa: S311 - to repeat runs
    world.api.fleet = Fleet(random, lags, random.choice((0.3, 0.8)), world.schedule.struck)
    for _ in range(random.choice((1, 2))):
        world.schedule.start(operating(world, random), None, after=random.uniform(10, 900))
    return world


def operating(world: World, random: Random) -> Happening:
    """Ask for an operation on a job every now and then, at times twice at once."""
    while not world.schedule.calm:
        jobs = world.log.read(lambda view: view.latest_jobs(LIMIT))
        if jobs:
            job = random.choice(jobs)
            is_stopped = job.paused or job.finished == "Stopped"
            likely = "resume" if is_stopped else "retry" if job.finished in RETRIED else "pause"
            key, name = job.key, random.choice([*OPERATIONS, *[likely] * 6])
            action = Action(_ACTIONS[name], job=key, reason="a simulation", actor=OPERATOR)
            for _ in range(random.choice((1, 1, 2))):
                function = world.function()
                world.schedule.start(function.operate(action), function.instance)
        yield random.choice((1.0, random.uniform(10, 900)))


def misoperated(world: World) -> Iterator[str]:
    """Yield what is wrong about the operations on jobs: each claim is done once, or is not done."""
    if world.api.fleet is None:
        return
    executed = Counter(world.api.fleet.executed)
    claims: dict[str, Executed] = {}
    for record in world.log.records():
        fields = record.fields
        action, key = str(fields["action"]), str(part(fields, "job").get("key", ""))
        if action in _CLAIMS:
            if key in claims:
                yield f"record {record.seq} claims a job that has a claim"
            claims[key] = _claimed(world, fields)
        elif (action in _DONE or action == "job.unchanged") and "response" in fields:
            claim = claims.pop(key, None)
            done = executed.pop(claim, 0) if claim else None
            by_others = claim and claim[1] in world.api.deleted | world.api.stopped
            if done != (action in _DONE) and not by_others:
                yield f"record {record.seq} says {action}, and the API did it {done} times"
            world.schedule.struck[action] += 1
            world.schedule.struck[f"{action}, settled"] += "lost" in str(fields.get("note"))
    for claim, number in (executed - Counter(claims.values())).items():
        yield f"{claim} was executed {number} times without a claim for it"


def _claimed(world: World, fields: Fields) -> Executed:
    """Return what a claim lets the API execute."""
    key = str(part(fields, "job")["key"])
    job = world.log.read(lambda view: view.job(key))
    request = part(fields, "request")
    return str(request["operation"]), job.job_id if job else "", str(request["date"])


def unfinished(world: World) -> Iterator[str]:
    """Yield the jobs that are not known to be as they are, once everything has come to rest."""
    fleet = world.api.fleet
    if fleet is None:
        return
    left = world.log.read(lambda view: view.open(LIMIT))
    for job in left.operations:
        yield f"job {job.name} still has a claim: {job.operation}"
    for job in left.followed:
        if not job.paused:
            yield f"job {job.name} is still followed"
    for job in world.log.read(lambda view: view.latest_jobs(LIMIT)):
        yield from _differing(world, job)


def _differing(world: World, job: JobState) -> Iterator[str]:
    if not job.job_id or job.operation or job.job_id in world.api.deleted:
        return
    status = _status(world, job.job_id)
    expected = "Stopped" if job.paused else job.finished
    if status != expected:
        yield f"job {job.name} is {status}, and the log has {expected or 'no end'}"


def _status(world: World, job_id: str) -> str:
    """Return how a job stands, whatever the API shows of it."""
    created = next((job.created_at for _, job in world.api.jobs if job.job_id == job_id), None)
    fleet, now = world.api.fleet, world.schedule.true_time().timestamp()
    if created is None or fleet is None:
        return "deleted"
    if isinstance(fleet, Fleet):
        return fleet.life(job_id, created, now).status
    return fleet.shown(job_id, created, now).status
