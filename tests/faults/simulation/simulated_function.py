"""The function in simulated time: its real decisions and generators, one effect after the other.

The order of the steps is that of `pipeline.deliver` and `reconciler.reconcile`; what is decided in
each of them is the product's own code.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING, Any, TypeVar, cast

from handler.cloud.http_transport import TOO_MANY, Request
from handler.deliveries.approval import expire
from handler.deliveries.decisions import Order, Rules, SpecSource, plan_it
from handler.deliveries.receiving import receive
from handler.errors import (
    ApiError,
    CloudError,
    LogBusyError,
    NightdropError,
    NoAnswerError,
    NotSentError,
)
from handler.jobs.decisions import SENDABLE, Created, Done, claim, is_unknown, lease_over
from handler.jobs.effect_runner import list_jobs
from handler.jobs.effects import (
    AwaitTurn,
    Commit,
    ListJobs,
    Send,
    SendOperation,
    SendSettings,
    ShowJob,
    Sign,
    SignOperation,
    TimeLeft,
)
from handler.jobs.following import following
from handler.jobs.operation_submission import operation_settlement, operation_submission
from handler.jobs.operations import OPERATIONS, OperationRequest
from handler.jobs.settlement import settlement
from handler.jobs.submission import Claimed, answer_of, sign_ahead, submission
from handler.parsing import Limits, read
from handler.policy.verdict import ALLOWED
from handler.runtime.deadline import Deadline
from handler.specs.planner import make_plan
from handler.triggers.delivery import Delivery, InlineSpec, StoredSpec
from tests.faults.simulation.simulated_api import OPERATE
from tests.faults.simulation.simulated_rollouts import roll_out

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Sequence
    from datetime import datetime

    from handler.audit.job_state import JobState
    from handler.audit.log import Decide, Log, Open, View
    from handler.audit.rollouts.state import RolloutState
    from handler.cloud.ief.client import Ief, ListedJob
    from handler.deliveries.decisions import Decided
    from handler.jobs.decisions import Answer, Claim
    from handler.jobs.effects import Asking, Effect, Listing
    from handler.specs.planner import Plan
    from tests.faults.simulation.simulated_api import SimulatedApi
    from tests.faults.simulation.simulated_guard import Guard
    from tests.faults.simulation.simulated_rollouts import Rollouts
    from tests.faults.simulation.simulated_time import Instance, Schedule, Steps

T = TypeVar("T")

LIMIT = 1000
TIMEOUT = 10.0


@dataclass(frozen=True)
class Network:
    """What happens on the way to the API.

    Attributes:
        lost: How often a request or an answer is lost.
        late: How often a request is under way for long.
        longest: For how many seconds at most.
        log_busy: How often the log cannot be written.
    """

    lost: float
    late: float
    longest: float
    log_busy: float


@dataclass(frozen=True)
class Strategy:
    """How jobs whose outcome is not known are dealt with.

    Attributes:
        name: What it is called.
        settle_after: Seconds after a signature's date from which a complete list is believed.
        settle: The effects that settle jobs of one type.
    """

    name: str
    settle_after: float = 1200.0
    settle: Callable[[Sequence[JobState], SendSettings], Asking[object]] = settlement


@dataclass(frozen=True)
class Function:
    """One invocation at work.

    Attributes:
        schedule: The invented time.
        api: The fleet's API.
        log: The audit log.
        network: What lies between.
        instance: The invocation.
        rules: What the operator set for planning.
        strategy: How unknown outcomes are settled.
        guard: The policy and the circuit breaker; None for neither.
        rollouts: The fleet that rollouts are for; None for no rollouts.
        listings: What was listed already, by type.
    """

    schedule: Schedule
    api: SimulatedApi
    log: Log
    network: Network
    instance: Instance
    rules: Rules
    strategy: Strategy
    guard: Guard | None = None
    rollouts: Rollouts | None = None
    listings: dict[str, tuple[datetime, Listing]] = field(default_factory=dict)

    @property
    def sending(self) -> SendSettings:
        """Who submits."""
        breaker = self.guard.breaker if self.guard else None
        return SendSettings(TIMEOUT + 2, self.strategy.settle_after, breaker=breaker)

    def deliver(self, delivery: Delivery) -> Steps:
        """Bring one delivery as far as it comes."""
        try:
            yield self.pause()
            decided, claimed = yield from self._received(delivery)
            yield self.pause()
            if decided.earlier:
                self.count("delivered again after a refusal")
            if decided.is_received and self._closed(decided.delivery):
                return
            if decided.is_received:
                decided, claimed = yield from self._planned(self._order(decided.delivery), plan_it)
                yield self.pause()
            run = decided.run
            if run and run.state == "planned":
                self.submit(run.jobs, claimed)
            if run and run.rollouts_open:
                yield from self._rolled_out(run.key)
        except LogBusyError:
            self.count("log busy")

    def _received(
        self, delivery: Delivery
    ) -> Generator[float, None, tuple[Decided, Claimed | None]]:
        """Receive a delivery: half of them have a spec that is still to be read."""
        if int(delivery.key[:1], 36) % 2 or isinstance(delivery.spec, StoredSpec):
            return self.commit(receive(delivery)), None

        def at_once(order: Order, rules: Rules, claimed: Decide[Claim] | None) -> Decide[Decided]:
            return receive(delivery, plan_it(order, rules, claimed))

        order = self._order(delivery)
        if order.policy.approval:
            return self.commit(receive(delivery)), None
        return (yield from self._planned(order, at_once))

    def _closed(self, delivery: Delivery) -> bool:
        """Return whether a delivery of a file is closed before it is planned."""
        if not (self.guard and isinstance(delivery.spec, StoredSpec)):
            return False
        if self.schedule.happens(self.network.log_busy):
            raise LogBusyError("the log is held by others")
        return self.guard.files.close(delivery, self.log)

    def _rolled_out(self, delivery: str) -> Steps:
        """Bring the rollouts of a delivery as far as they get."""

        def ask(view: View) -> Sequence[RolloutState]:
            return view.rollouts.of_delivery(delivery)

        rollouts = self.log.read(ask, fresh=False)
        yield from roll_out(self, [one for one in rollouts if not one.ended])

    def _order(self, delivery: Delivery) -> Order:
        """Return what a delivery asks for, and what the policy says now."""
        if self.guard and isinstance(delivery.spec, StoredSpec):
            spec = self.guard.files.source(delivery)
        else:
            spec = SpecSource(cast("InlineSpec", delivery.spec).data, {})
        if self.rollouts:
            plan, problems = self.rollouts.plan(delivery.key, spec.data)
            return Order(delivery, spec, plan, ALLOWED, problems)
        plan = _planned(delivery.key, spec.data)
        return Order(
            delivery, spec, plan, self.guard.decide(delivery, plan) if self.guard else ALLOWED
        )

    def _planned(
        self, order: Order, plan: Callable[[Order, Rules, Decide[Claim] | None], Decide[Decided]]
    ) -> Generator[float, None, tuple[Decided, Claimed | None]]:
        first = next(iter(order.plan.jobs), None)
        signed = None
        if first and not (order.policy.problems or order.policy.approval):
            signed = yield from self._returned(sign_ahead(first.body, self.sending))
        yield self.pause()
        claimed = (
            claim(first.key, date=signed.request.date, lease=signed.lease)
            if first and signed
            else None
        )
        decided = self.commit(plan(order, self.rules, claimed))
        if first is None or signed is None or not decided.attempt:
            return decided, None
        self.count("claimed with its plan")
        return decided, Claimed(first.key, signed.request, decided.attempt)

    def tick(self) -> Steps:
        """Settle, submit, follow, roll out, start over what was never planned."""
        yield self.pause()
        before, now = self.log.read(lambda view: (view.open(LIMIT), view.now))
        unknown = [job for job in before.jobs if is_unknown(job, now)]
        for _, alike in groupby(sorted(unknown, key=_type), key=_type):
            if self.left() <= self.sending.seconds_per_request:
                break
            yield from self.driven(self.strategy.settle(list(alike), self.sending))
        over = [job for job in before.operations if lease_over(job, now)]
        self._side_by_side(operation_settlement(job, now, self.sending) for job in over)
        yield self.pause()
        left = self._open()
        self.submit(left.jobs)
        self._side_by_side(following(job, now, self.sending) for job in left.followed)
        if before.rollouts:
            yield self.schedule.random.uniform(0, TIMEOUT)
            yield from roll_out(self, before.rollouts)
        keys = [delivery.key for delivery in before.deliveries]
        for body in self.log.bodies(keys).values():
            yield from self.deliver(Delivery.from_json(body))
        expire(before.awaiting, now, self.log)

    def operate(self, key: str, name: str) -> Steps:
        """Do what a person asks for with one job."""
        yield self.pause()
        request = OperationRequest(OPERATIONS[name], {"kind": "operator"}, "a simulation")
        try:
            result = yield from self._returned(operation_submission(key, request, self.sending))
            self.count(f"operation {result.outcome}")
        except NightdropError:
            self.count("log busy")

    def _open(self) -> Open:
        return self.log.read(lambda view: view.open(LIMIT), fresh=False)

    def submit(self, jobs: Sequence[JobState], claimed: Claimed | None = None) -> None:
        """Send the jobs that can be sent, side by side."""
        claims = {claimed.key: claimed} if claimed else {}
        keys = [job.key for job in jobs if job.state in SENDABLE or job.key in claims]
        bodies = self.log.bodies(keys)
        self._side_by_side(
            submission(key, bodies.get(key), self.sending, claims.get(key)) for key in keys
        )

    def _side_by_side(self, all_effects: Iterable[Asking[object]]) -> None:
        for effects in all_effects:
            self.schedule.start(self.driven(effects), self.instance)

    def _returned(self, effects: Generator[Effect, Any, T]) -> Generator[float, None, T]:
        try:
            effect = next(effects)
            while True:
                yield self.pause()
                effect = effects.send((yield from self._carried_out(effect)))
        except StopIteration as done:
            returned: T = done.value
            return returned

    def driven(self, effects: Asking[object]) -> Steps:
        """Carry effects out, one after the other, and count it if they fail."""
        try:
            yield from self._returned(effects)
        except NightdropError as error:
            self.count("list not had" if isinstance(error, CloudError) else "log busy")

    def _carried_out(self, effect: Effect) -> Generator[float, None, object]:  # noqa: PLR0911 - one line per effect
        if isinstance(effect, TimeLeft):
            return self.left()
        if isinstance(effect, AwaitTurn):
            return (yield from self._turn(effect.spare))
        if isinstance(effect, Sign):
            return self._signed(effect.body)
        if isinstance(effect, SignOperation):
            return self._signed("", OPERATE, f"{effect.operation}/{effect.job_id}")
        if isinstance(effect, Commit):
            return self.commit(effect.decide)
        if isinstance(effect, ListJobs):
            return (yield from self._listed(effect))
        if isinstance(effect, ShowJob):
            return self.api.show_job(effect.job_id)
        return (yield from self._sent(effect))

    def _turn(self, spare: float) -> Generator[float, None, float]:
        while (pause := self.instance.slowed_until - self.schedule.now) > 0:
            if pause > self.left() - spare:
                return 0.0
            yield pause
        return self.left()

    def _signed(self, body: str, method: str = "POST", url: str = "") -> Request:
        dated = self.schedule.clock().isoformat(timespec="microseconds").replace("+00:00", "Z")
        return Request(method, url, {}, body.encode(), dated)

    def commit(self, decide: Decide[T]) -> T:
        """Commit a decision, and return its value.

        Raises:
            LogBusyError: The log is held by others.
        """
        if self.schedule.happens(self.network.log_busy):
            raise LogBusyError("the log is held by others")
        return self.log.commit(decide).value

    def _listed(self, look: ListJobs) -> Generator[float, None, Listing]:
        since, listing = self.listings.get(look.job_type, (None, None))
        if since is None or listing is None or look.since < since:
            # What is answered stands still while the answer is under way: the worst it can do.
            cut = self.schedule.happens(self.network.lost)
            pages = cast("Ief", _Pages(self.schedule.clock, self.api.list_jobs))
            listing = list_jobs(pages, look, Deadline(0.0 if cut else 1.0, lambda: 0.0))
            self.count("list incomplete", struck=not listing.complete)
            self.listings[look.job_type] = (look.since, listing)
            yield self.schedule.random.uniform(0.05, TIMEOUT)
        return listing

    def _sent(self, effect: Send | SendOperation) -> Generator[float, None, Answer | Done]:
        try:
            job_id = yield from self._answer(effect.request)
            return Done() if isinstance(effect, SendOperation) else Created(job_id)
        except CloudError as error:
            if isinstance(error, ApiError) and error.status == TOO_MANY:
                until = self.schedule.now + (error.retry_after or 1.0)
                self.instance.slowed_until = max(self.instance.slowed_until, until)
            return answer_of(error)

    def _answer(self, request: Request) -> Generator[float, None, str]:
        if self._strikes("no connection", self.network.lost / 2):
            yield self.schedule.random.uniform(0, 3)
            raise NotSentError("no connection")
        if self._strikes("request lost", self.network.lost):
            yield TIMEOUT
            raise NoAnswerError("no answer")
        came: list[str | ApiError] = []
        transit, carrying = self._under_way()
        self.schedule.start(self._flight(request, transit, carrying, came), None)
        yield min(TIMEOUT, transit + carrying + self.schedule.random.uniform(0.01, 0.5))
        if not came or self._strikes("answer lost", self.network.lost):
            raise NoAnswerError("no answer")
        if isinstance(came[0], ApiError):
            raise came[0]
        return came[0]

    def _under_way(self) -> tuple[float, float]:
        draw = self.schedule.random.uniform
        transit = draw(0.01, 1.0)
        if self._strikes("request late", self.network.late):
            transit = draw(1.0, self.network.longest)
        carrying = draw(1.0, 20.0) if self._strikes("commit late", self.network.late) else 0.1
        return transit, carrying

    def _flight(
        self, request: Request, transit: float, carrying: float, came: list[str | ApiError]
    ) -> Steps:
        yield transit
        try:
            self.api.arrived(request)
            yield carrying
            came.append(self.api.carried_out(request))
        except ApiError as error:
            came.append(error)

    def _strikes(self, name: str, probability: float) -> bool:
        struck = self.schedule.happens(probability)
        self.count(name, struck=struck)
        return struck

    def count(self, name: str, *, struck: bool = True) -> None:
        """Count something that happened."""
        if struck:
            self.schedule.struck[name] += 1

    def left(self) -> float:
        """Return the seconds that the invocation believes are left."""
        return self.instance.left(self.schedule.now)

    def pause(self) -> float:
        """Return how long a step takes."""
        return self.schedule.random.expovariate(20.0)


@dataclass(frozen=True)
class _Pages:
    """What `list_jobs` uses of the API's client."""

    clock: Callable[[], datetime]
    list_jobs: Callable[..., tuple[ListedJob, ...]]


def _type(job: JobState) -> str:
    return job.type


@cache
def _planned(key: str, data: bytes) -> Plan:
    """Plans are the same in every run, and slow to make."""
    return make_plan(key, read(data, Limits()))
