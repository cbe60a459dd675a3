"""The story of one delivery: received, read, planned, submitted, reported."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from handler.canonical import shown
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
from handler.reply import Result, errors_of, outcome_of
from handler.results import CONTENT_TYPE, result_data, result_key
from handler.specs.plan import make_plan
from handler.submission import Sender, drive, submission
from handler.triggers.delivery import InlineSpec, Refused
from handler.triggers.recognise import screen

if TYPE_CHECKING:
    from handler.audit.log import Log
    from handler.audit.record import Part
    from handler.audit.state import DeliveryState
    from handler.cloud.ief import Ief
    from handler.cloud.obs import Obs
    from handler.deadline import Deadline
    from handler.settings import Settings
    from handler.triggers.delivery import Delivery

RECORDING_SECONDS = 2.0
"""What recording an answer may take, kept free at the end of an invocation."""


@dataclass(frozen=True)
class Services:
    """Everything an invocation may touch, passed in.

    Attributes:
        settings: What the operator set.
        log: The audit log.
        ief: The fleet's API, with this invocation's keys.
        obs: Object storage, with this invocation's keys.
        deadline: The end of the invocation.
        function: The function's name, version and request id, for the records.
    """

    settings: Settings
    log: Log
    ief: Ief
    obs: Obs
    deadline: Deadline
    function: Part

    @property
    def sender(self) -> Sender:
        """Who submits in this invocation."""
        return Sender(self.function, self.settings.request_timeout + RECORDING_SECONDS)


def deliver(delivery: Delivery | Refused, services: Services) -> Result:
    """Bring one delivery as far as it comes today and return what came of it.

    Raises:
        NightdropError: Nothing is promised yet and another try may succeed: the platform is to
            deliver the event again.
    """
    if isinstance(delivery, Refused):
        return refuse(delivery, services)
    seen = services.log.commit(receive(delivery, function=services.function)).value
    if seen and seen.state != "planned":
        return _as_decided(delivery, seen)
    result = _submit(delivery, seen, services) if seen else _first_run(delivery, services)
    if delivery.trigger == "object" and result.outcome != "ignored":
        _report(delivery, result, services)
    return result


def refuse(refused: Refused, services: Services) -> Result:
    """Record an entry of an event that cannot be used."""
    services.log.commit(
        reject_event(
            refused.key, [refused.problem], source=refused.source, function=services.function
        )
    )
    return Result(refused.key, "rejected", errors=(str(refused.problem),))


def _first_run(delivery: Delivery, services: Services) -> Result:
    spec: SpecSource | None = None
    try:
        ignored = _screen(delivery, services.settings)
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
        raise
    return _plan(Order(delivery, spec, plan), services)


def _screen(delivery: Delivery, settings: Settings) -> str:
    ignored = screen(
        delivery,
        buckets=settings.buckets,
        prefix=settings.prefix,
        results=settings.results,
    )
    return ignored.reason if ignored else ""


def _fetch(delivery: Delivery, services: Services) -> SpecSource:
    if isinstance(delivery.spec, InlineSpec):
        return SpecSource(delivery.spec.data, {})
    stored = delivery.spec
    found = services.obs.read(stored.bucket, stored.key, max_bytes=services.settings.max_spec_bytes)
    said: Part = {
        "read_version_id": found.version_id or None,
        "read_etag": found.etag or None,
        "read_size": len(found.data),
    }
    return SpecSource(found.data, said)


def _plan(order: Order, services: Services) -> Result:
    delivery = order.delivery
    rules = Rules(
        valid_for=timedelta(hours=6),
        window=timedelta(seconds=services.settings.timer_window),
    )
    seen = services.log.commit(plan_it(order, rules, function=services.function)).value
    if seen and seen.state != "planned":
        return _as_decided(delivery, seen)
    state = seen or services.log.read(lambda view: view.delivery(delivery.key))
    assert state is not None  # noqa: S101 - it was planned two statements above
    return _submit(delivery, state, services, tuple(map(str, order.plan.warnings)))


def _submit(
    delivery: Delivery, planned: DeliveryState, services: Services, warnings: tuple[str, ...] = ()
) -> Result:
    """Send what is left to send of a planned delivery; `planned` may be an earlier one's run."""
    if planned.final:
        return Result(delivery.key, "duplicate", planned.jobs, errors_of(planned.jobs))
    for job in planned.jobs:
        body = services.log.body(job.key)
        if body is not None and not job.final:
            drive(submission(job.key, body, services.sender), services)
    state = services.log.read(lambda view: view.delivery(planned.key)) or planned
    return Result(delivery.key, outcome_of(state.jobs), state.jobs, errors_of(state.jobs), warnings)


def _close(
    delivery: Delivery,
    action: str,
    problems: tuple[Problem, ...] | list[Problem],
    spec: SpecSource | None,
    services: Services,
) -> Result:
    errors = tuple(map(str, problems))
    services.log.commit(
        settle_without_jobs(
            delivery, action, "\n".join(errors), spec=spec, function=services.function
        )
    )
    if action == "delivery.ignored":
        return Result(delivery.key, "ignored")
    return Result(delivery.key, "rejected", errors=errors)


def _as_decided(delivery: Delivery, seen: DeliveryState) -> Result:
    """Answer a delivery that was decided before with what was decided."""
    if seen.state != "rejected":
        return Result(delivery.key, "ignored" if seen.state == "ignored" else "duplicate")
    again = f"delivery {shown(seen.key)} was rejected before: deliver what is mended as a new event"
    return Result(delivery.key, "rejected", errors=(again, *seen.note.splitlines()))


def _report(delivery: Delivery, result: Result, services: Services) -> None:
    """Write the result file beside the spec; that it cannot be written loses no delivery."""
    place, spec = services.settings.results, delivery.spec
    # A foreign bucket's object may have the key of one of ours, whose result file must stay.
    if (
        place is None
        or isinstance(spec, InlineSpec)
        or spec.bucket not in services.settings.buckets
    ):
        return
    # What another instance is sending, that instance reports: our word would come too late.
    if any(job.state == "sending" for job in result.jobs):
        return
    bucket, prefix = place
    key = result_key(spec.key, watched=services.settings.prefix, results=prefix)
    try:
        data = result_data(delivery.subject, result)
        services.obs.write(bucket, key, data, content_type=CONTENT_TYPE)
        error = ""
    except CloudError as failed:
        error = str(failed)
    services.log.commit(result_kept(delivery.key, error, function=services.function))


def _problems(error: RejectedError | ObjectError) -> tuple[Problem, ...]:
    return error.problems if isinstance(error, RejectedError) else (Problem(str(error)),)
