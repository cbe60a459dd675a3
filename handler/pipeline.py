"""The story of one delivery: received, read, planned, submitted, reported."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from handler.errors import (
    CloudError,
    EventRejectedError,
    NightdropError,
    ObjectError,
    Problem,
    RejectedError,
    SpecRejectedError,
)
from handler.intake import (
    Order,
    Rules,
    SpecSource,
    interrupted,
    plan_it,
    receive,
    reject_event,
    result_kept,
    settle_without_jobs,
)
from handler.reading import Limits, read
from handler.reply import Result, result_of
from handler.results import CONTENT_TYPE, result_data, result_key
from handler.specs.plan import make_plan
from handler.submission import submission
from handler.transitions import SENDABLE
from handler.triggers.delivery import InlineSpec, Refused
from handler.triggers.recognise import screen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handler.audit.record import Part
    from handler.audit.state import DeliveryState, JobState
    from handler.services import Services
    from handler.triggers.delivery import Delivery


def deliver(delivery: Delivery | Refused, services: Services) -> Result:
    """Bring one delivery as far as it comes today and return what came of it.

    One for which no time is left stands in the log as received, and the tick goes on with it.

    Raises:
        NightdropError: Nothing is promised yet and another try may succeed: the platform is to
            deliver the event again.
    """
    if isinstance(delivery, Refused):
        return _refuse(delivery, services)
    seen = services.log.commit(receive(delivery, function=services.function)).value
    if seen is None and services.out_of_time:
        return result_of(delivery.key, state_of(delivery.key, services), repeated=False)
    run = _run_of(seen, services) if seen else _decide(delivery, services)
    repeated = run.final and (seen is not None or run.key != delivery.key)
    if run.state == "planned" and not run.final:
        submit(run.jobs, services)
        run = state_of(run.key, services)
    if not services.out_of_time:
        report(run, services)
    return result_of(delivery.key, run, repeated=repeated)


def submit(jobs: Sequence[JobState], services: Services) -> None:
    """Send what can be sent of some jobs, side by side; one's failure stops no other.

    A job whose instance has gone silent becomes unknown on the way.
    """
    claimable = SENDABLE | {"sending"}
    services.driver.drive_all(
        [
            submission(job.key, services.log.body(job.key), services.sender)
            for job in jobs
            if job.state in claimable
        ],
        senders=services.settings.senders,
    )


def report(run: DeliveryState, services: Services) -> None:
    """Write the result file of an object's run, if it changed since the last one.

    That it cannot be written is recorded and loses no delivery: the tick makes up for it.
    """
    place = services.settings.results
    due = run.changed > run.reported and run.state in {"planned", "rejected"}
    # What another instance is sending, that instance reports: our word would come too late.
    in_flight = any(job.state == "sending" for job in run.jobs)
    spec_bucket, _, spec_key = run.subject.removeprefix("obs://").partition("/")
    # A foreign bucket's object may have the key of one of ours, whose result file must stay.
    ours = run.trigger == "object" and spec_bucket in services.settings.buckets
    if place is None or not due or in_flight or not ours:
        return
    bucket, prefix = place
    key = result_key(spec_key, watched=services.settings.prefix, results=prefix)
    data = result_data(run.subject, result_of(run.key, run, repeated=False))
    try:
        services.obs.write(bucket, key, data, content_type=CONTENT_TYPE)
        error = ""
    except CloudError as failed:
        error = str(failed)
    services.log.commit(result_kept(run, error, function=services.function))


def state_of(key: str, services: Services) -> DeliveryState:
    """Return the state of a delivery that stands in the log."""
    state = services.log.read(lambda view: view.delivery(key))
    if state is None:
        raise LookupError(f"delivery {key[:16]} was never received")
    return state


def _run_of(seen: DeliveryState, services: Services) -> DeliveryState:
    return state_of(seen.repeats, services) if seen.state == "repeated" else seen


def _refuse(refused: Refused, services: Services) -> Result:
    services.log.commit(
        reject_event(
            refused.key, [refused.problem], source=refused.source, function=services.function
        )
    )
    return Result(refused.key, "rejected", errors=(str(refused.problem),))


def _decide(delivery: Delivery, services: Services) -> DeliveryState:
    """Read and plan a delivery, or refuse it; answers its run, or the one it repeats."""
    spec: SpecSource | None = None
    try:
        ignored = _ignored(delivery, services)
        if ignored:
            return _close(delivery, "delivery.ignored", [Problem(ignored)], None, services)
        spec = _fetch(delivery, services)
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
    found = services.obs.read(stored.bucket, stored.key, max_bytes=most)
    said: Part = {
        "read_version_id": found.version_id or None,
        "read_etag": found.etag or None,
        "read_size": len(found.data),
    }
    return SpecSource(found.data, said)


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
