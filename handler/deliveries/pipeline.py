"""Processes one delivery: received, read, planned, submitted, reported."""

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
from handler.deliveries.policy_check import check_policy
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
from handler.triggers.event_parser import filter_delivery

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handler.audit.state import DeliveryState, JobState
    from handler.invocation.invocation import Invocation
    from handler.triggers.delivery import Delivery, InvalidEntry


_EMPTY = "the object is empty; what is written into it later is run then"


def deliver(delivery: Delivery, invocation: Invocation) -> Result:
    """Process one delivery and return its result.

    If no time is left, the delivery stays received, and the reconciler continues it.

    Raises:
        NightdropError: Nothing is promised yet and another try may succeed: the platform is to
            deliver the event again.
    """
    received = invocation.log.commit(receive(delivery)).value
    delivery, seen = received.delivery, received.seen
    if seen is None and invocation.out_of_time:
        return result_of(delivery.key, state_of(delivery.key, invocation), repeated=False)
    run = _run_of(seen, invocation) if seen else _decide(delivery, invocation)
    repeated = run.final and (seen is not None or run.key != delivery.key)
    if run.state == "planned" and not run.final:
        submit(run.jobs, invocation)
        run = state_of(run.key, invocation)
    if not invocation.out_of_time:
        report(run, invocation)
    result = result_of(delivery.key, run, repeated=repeated)
    return delivered_again(result, received.refused) if received.refused else result


def submit(jobs: Sequence[JobState], invocation: Invocation) -> None:
    """Send the jobs that can be sent, in threads; a failure of one stops no other.

    A job whose lease has expired becomes unknown.
    """
    claimable = SENDABLE | {"sending"}
    keys = [job.key for job in jobs if job.state in claimable]
    bodies = invocation.log.bodies(keys)
    invocation.runner.drive_all(
        [submission(key, bodies.get(key), invocation.sender) for key in keys],
        senders=invocation.settings.senders,
    )


def state_of(key: str, invocation: Invocation) -> DeliveryState:
    """Return the state of a delivery that this invocation has found or put in the log."""
    state = invocation.log.read(lambda view: view.delivery(key), fresh=False)
    if state is None:
        raise LookupError(f"delivery {key[:16]} was never received")
    return state


def _run_of(seen: DeliveryState, invocation: Invocation) -> DeliveryState:
    return state_of(seen.repeats, invocation) if seen.state == "repeated" else seen


def refuse(refused: Sequence[InvalidEntry], invocation: Invocation) -> list[Result]:
    """Record the invalid entries of an event in one commit and return their results."""
    decisions = [reject_event(one.key, [one.problem], source=one.source) for one in refused]
    if decisions:
        invocation.log.commit_all(decisions)
    return [Result(one.key, "rejected", errors=(str(one.problem),)) for one in refused]


def _decide(delivery: Delivery, invocation: Invocation) -> DeliveryState:
    """Read and plan a delivery, or reject it; return its run, or the run that it repeats."""
    spec: SpecSource | None = None
    try:
        ignored = _ignored(delivery, invocation)
        if ignored:
            return _close(delivery, "delivery.ignored", [Problem(ignored)], None, invocation)
        spec = _fetch(delivery, invocation)
        if delivery.trigger == "object" and not spec.data:
            return _close(delivery, "delivery.ignored", [Problem(_EMPTY)], spec, invocation)
        limits = Limits(max_bytes=invocation.settings.max_spec_bytes)
        plan = make_plan(delivery.key, read(spec.data, limits))
        policy = check_policy(delivery, spec.found, plan, invocation)
    except (EventRejectedError, ObjectError) as error:
        return _close(delivery, "delivery.rejected", _problems(error), spec, invocation)
    except SpecRejectedError as error:
        return _close(delivery, "spec.rejected", error.problems, spec, invocation)
    except NightdropError as error:
        invocation.log.commit(interrupted(delivery, str(error)))
        if invocation.out_of_time:
            return state_of(delivery.key, invocation)
        raise
    rules = Rules(
        valid_for=timedelta(seconds=invocation.settings.valid_for),
        window=timedelta(seconds=invocation.settings.timer_window),
    )
    order = Order(delivery, spec, plan, policy)
    run = invocation.log.commit(plan_it(order, rules)).value
    return run or state_of(delivery.key, invocation)


def _ignored(delivery: Delivery, invocation: Invocation) -> str:
    settings = invocation.settings
    ignored = filter_delivery(
        delivery, buckets=settings.buckets, prefix=settings.prefix, results=settings.results
    )
    return ignored.reason if ignored else ""


def _fetch(delivery: Delivery, invocation: Invocation) -> SpecSource:
    if isinstance(delivery.spec, InlineSpec):
        return SpecSource(delivery.spec.data, {})
    stored = delivery.spec
    most = invocation.settings.max_spec_bytes
    try:
        found = invocation.obs.read(stored.bucket, stored.key, max_bytes=most)
    except ObjectError as error:
        if error.code == "AccessDenied" and _may_wait(delivery, invocation):
            raise AccessPendingError(f"{error}; it is tried again") from error
        raise
    said: dict[str, str | int] = {"read_size": len(found.data)}
    said |= {"read_version_id": found.version_id} if found.version_id else {}
    said |= {"read_etag": found.etag} if found.etag else {}
    differs = differences(delivery.source, said)
    return SpecSource(found.data, said | ({"read_differs": differs} if differs else {}))


def _may_wait(delivery: Delivery, invocation: Invocation) -> bool:
    """Return whether the delivery is still valid; without a time it counts as not valid."""
    if delivery.fired_at is None:
        return False
    age = invocation.obs.clock() - delivery.fired_at
    return abs(age.total_seconds()) < invocation.settings.valid_for


def _close(
    delivery: Delivery,
    action: str,
    problems: Sequence[Problem],
    spec: SpecSource | None,
    invocation: Invocation,
) -> DeliveryState:
    note = "\n".join(map(str, problems))
    invocation.log.commit(settle_without_jobs(delivery, action, note, spec=spec))
    return state_of(delivery.key, invocation)


def _problems(error: RejectedError | ObjectError) -> Sequence[Problem]:
    return error.problems if isinstance(error, RejectedError) else (Problem(str(error)),)
