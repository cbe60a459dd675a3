"""The story of one delivery: received, read, planned, submitted, reported."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from handler.deliveries.decisions import (
    Order,
    Rules,
    SpecSource,
    interrupted,
    plan_it,
    reject_event,
    settle_without_jobs,
)
from handler.deliveries.provenance import differences
from handler.deliveries.receiving import receive
from handler.deliveries.reporting import report
from handler.errors import (
    AccessPendingError,
    EventRejectedError,
    NightdropError,
    ObjectError,
    Problem,
    RejectedError,
    SpecRejectedError,
)
from handler.jobs.decisions import SENDABLE
from handler.jobs.submission import submission
from handler.parsing import Limits, read
from handler.runtime.response import Result, delivered_again, result_of
from handler.specs.planner import make_plan
from handler.triggers.delivery import InlineSpec
from handler.triggers.event_parser import screen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handler.audit.state import DeliveryState, JobState
    from handler.invocation.invocation import Services
    from handler.triggers.delivery import Delivery, Refused


_EMPTY = "the object is empty; what is written into it later is run then"


def deliver(delivery: Delivery, services: Services) -> Result:
    """Bring one delivery as far as it comes today and return what came of it.

    One for which no time is left stands in the log as received, and the tick goes on with it.

    Raises:
        NightdropError: Nothing is promised yet and another try may succeed: the platform is to
            deliver the event again.
    """
    received = services.log.commit(receive(delivery, function=services.function)).value
    delivery, seen = received.delivery, received.seen
    if seen is None and services.out_of_time:
        return result_of(delivery.key, state_of(delivery.key, services), repeated=False)
    run = _run_of(seen, services) if seen else _decide(delivery, services)
    repeated = run.final and (seen is not None or run.key != delivery.key)
    if run.state == "planned" and not run.final:
        submit(run.jobs, services)
        run = state_of(run.key, services)
    if not services.out_of_time:
        report(run, services)
    result = result_of(delivery.key, run, repeated=repeated)
    return delivered_again(result, received.refused) if received.refused else result


def submit(jobs: Sequence[JobState], services: Services) -> None:
    """Send what can be sent of some jobs, side by side; one's failure stops no other.

    A job whose instance has gone silent becomes unknown on the way.
    """
    claimable = SENDABLE | {"sending"}
    keys = [job.key for job in jobs if job.state in claimable]
    bodies = services.log.bodies(keys)
    services.driver.drive_all(
        [submission(key, bodies.get(key), services.sender) for key in keys],
        senders=services.settings.senders,
    )


def state_of(key: str, services: Services) -> DeliveryState:
    """Return the state of a delivery that this invocation has found or put in the log."""
    state = services.log.read(lambda view: view.delivery(key), fresh=False)
    if state is None:
        raise LookupError(f"delivery {key[:16]} was never received")
    return state


def _run_of(seen: DeliveryState, services: Services) -> DeliveryState:
    return state_of(seen.repeats, services) if seen.state == "repeated" else seen


def refuse(refused: Sequence[Refused], services: Services) -> list[Result]:
    """Record entries of an event that cannot be used, all at once, and return what is answered."""
    decisions = [
        reject_event(one.key, [one.problem], source=one.source, function=services.function)
        for one in refused
    ]
    if decisions:
        services.log.commit_all(decisions)
    return [Result(one.key, "rejected", errors=(str(one.problem),)) for one in refused]


def _decide(delivery: Delivery, services: Services) -> DeliveryState:
    """Read and plan a delivery, or refuse it; answers its run, or the one it repeats."""
    spec: SpecSource | None = None
    try:
        ignored = _ignored(delivery, services)
        if ignored:
            return _close(delivery, "delivery.ignored", [Problem(ignored)], None, services)
        spec = _fetch(delivery, services)
        if delivery.trigger == "object" and not spec.data:
            return _close(delivery, "delivery.ignored", [Problem(_EMPTY)], spec, services)
        limits = Limits(max_bytes=services.settings.max_spec_bytes)
        plan = make_plan(delivery.key, read(spec.data, limits))
    except (EventRejectedError, ObjectError) as error:
        return _close(delivery, "delivery.rejected", _problems(error), spec, services)
    except SpecRejectedError as error:
        return _close(delivery, "spec.rejected", error.problems, spec, services)
    except NightdropError as error:
        services.log.commit(interrupted(delivery, str(error), function=services.function))
        if services.out_of_time:
            return state_of(delivery.key, services)
        raise
    rules = Rules(
        valid_for=timedelta(seconds=services.settings.valid_for),
        window=timedelta(seconds=services.settings.timer_window),
    )
    order = Order(delivery, spec, plan)
    run = services.log.commit(plan_it(order, rules, function=services.function)).value
    return run or state_of(delivery.key, services)


def _ignored(delivery: Delivery, services: Services) -> str:
    settings = services.settings
    ignored = screen(
        delivery, buckets=settings.buckets, prefix=settings.prefix, results=settings.results
    )
    return ignored.reason if ignored else ""


def _fetch(delivery: Delivery, services: Services) -> SpecSource:
    if isinstance(delivery.spec, InlineSpec):
        return SpecSource(delivery.spec.data, {})
    stored = delivery.spec
    most = services.settings.max_spec_bytes
    try:
        found = services.obs.read(stored.bucket, stored.key, max_bytes=most)
    except ObjectError as error:
        if error.code == "AccessDenied" and _may_wait(delivery, services):
            raise AccessPendingError(f"{error}; it is tried again") from error
        raise
    said: dict[str, str | int] = {"read_size": len(found.data)}
    said |= {"read_version_id": found.version_id} if found.version_id else {}
    said |= {"read_etag": found.etag} if found.etag else {}
    differs = differences(delivery.source, said)
    return SpecSource(found.data, said | ({"read_differs": differs} if differs else {}))


def _may_wait(delivery: Delivery, services: Services) -> bool:
    """Return whether what is asked for may still be run later; without a time nobody can tell."""
    if delivery.fired_at is None:
        return False
    age = services.obs.clock() - delivery.fired_at
    return abs(age.total_seconds()) < services.settings.valid_for


def _close(
    delivery: Delivery,
    action: str,
    problems: Sequence[Problem],
    spec: SpecSource | None,
    services: Services,
) -> DeliveryState:
    note = "\n".join(map(str, problems))
    services.log.commit(
        settle_without_jobs(delivery, action, note, spec=spec, function=services.function)
    )
    return state_of(delivery.key, services)


def _problems(error: RejectedError | ObjectError) -> Sequence[Problem]:
    return error.problems if isinstance(error, RejectedError) else (Problem(str(error)),)
