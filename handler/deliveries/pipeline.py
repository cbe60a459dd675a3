"""Processes one delivery: received, read, planned, submitted, reported."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from handler.deliveries.decisions import (
    SpecSource,
    ignore_changed,
    interrupted,
    plan_it,
    reject_event,
    settle_without_jobs,
)
from handler.deliveries.planning import order_of, read_object, rules_of
from handler.deliveries.receiving import receive
from handler.deliveries.records import is_changed
from handler.errors import (
    LogBusyError,
    LogUnreachableError,
    NightdropError,
    ObjectError,
    Problem,
    RejectedError,
    SpecRejectedError,
)
from handler.jobs.decisions import claim
from handler.jobs.submission import Claimed, sign_ahead, submit_all
from handler.runtime.response import WORST_LAST, Result, delivered_again, result_of
from handler.triggers.delivery import InlineSpec
from handler.triggers.event_parser import Watched, filter_delivery

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handler.audit.job_state import JobState
    from handler.audit.state import DeliveryState
    from handler.deliveries.decisions import Decided, Order
    from handler.invocation.invocation import Invocation
    from handler.policy.verdict import PolicyDecision
    from handler.triggers.delivery import Delivery, InvalidEntry


_EMPTY = "the object is empty; what is written into it later is run then"


def deliver(delivery: Delivery, invocation: Invocation) -> Result:
    """Process one delivery and return its result.

    A spec that came with the event is received, planned, and its first job claimed in one commit;
    one in an object is received before it is read. If no time is left, the delivery stays
    received, and the reconciler continues it.

    Raises:
        NightdropError: Nothing is promised yet and another try may succeed: the platform is to
            deliver the event again.
    """
    order = None if invocation.out_of_time else _inline_order(delivery, invocation)
    if order:
        decided, claimed = _plan(order, invocation, received=False)
    else:
        decided, claimed = invocation.log.commit(receive(delivery)).value, None
    run = decided.run
    if decided.is_received:
        if invocation.out_of_time:
            return result_of(run.key, run, repeated=False)
        run, claimed = _read_and_plan(decided.delivery, invocation)
    again = decided.seen or run.key != decided.delivery.key
    repeated = again and all(job.final for job in run.jobs)
    result = result_of(decided.delivery.key, run, repeated=repeated)
    # From here on the log has the delivery: what is not done now is the reconciler's.
    with suppress(LogBusyError, LogUnreachableError):
        if run.state == "planned" and not run.final:
            jobs = submit_all(run.jobs, invocation.runner, invocation.sending, claimed)
            run = _with_jobs(run, jobs)
            result = result_of(decided.delivery.key, run, repeated=repeated)
        if run.rollouts_open:
            result = _with_rollouts(result, run, invocation)
        if run.trigger == "object" and not invocation.out_of_time:
            from handler.deliveries.reporting import report

            report(run, invocation)
    return delivered_again(result, decided.earlier) if decided.earlier else result


def _with_rollouts(result: Result, run: DeliveryState, invocation: Invocation) -> Result:
    """Bring the rollouts of a delivery as far as they get now; return its result with them.

    A repeated delivery that changes one of them is no duplicate.
    """
    # Loaded where it is needed: most deliveries have no rollout.
    from handler.rollouts.continuation import continue_rollouts
    from handler.rollouts.standing import with_rollouts

    rollouts = invocation.log.read(lambda view: view.rollouts.of_delivery(run.key), fresh=False)
    before = [one for one in rollouts if not one.ended]
    continued = continue_rollouts(before, invocation)
    if [one.rollout for one in continued.standings] != before:
        result = result_of(result.delivery, run, repeated=False)
    result = with_rollouts(result, continued.standings)
    if not continued.errors:
        return result
    outcome = max(result.outcome, "deferred", key=WORST_LAST.index)
    return result._replace(outcome=outcome, errors=(*result.errors, *continued.errors))


def _with_jobs(run: DeliveryState, jobs: Sequence[JobState]) -> DeliveryState:
    """Return a run with the states that sending has left of its jobs."""
    sent = {job.key: job for job in jobs}
    changed = max([run.changed, *(job.seq for job in jobs)])
    return run._replace(jobs=tuple(sent.get(job.key, job) for job in run.jobs), changed=changed)


def reject_entries(entries: Sequence[InvalidEntry], invocation: Invocation) -> list[Result]:
    """Record the invalid entries of an event in one commit and return their results."""
    decisions = [reject_event(one.key, [one.problem], source=one.source) for one in entries]
    if decisions:
        invocation.log.commit_all(decisions)
    return [Result(one.key, "rejected", errors=(str(one.problem),)) for one in entries]


def _inline_order(delivery: Delivery, invocation: Invocation) -> Order | None:
    """Return what a spec that came with the event asks for; None if it must be received first."""
    if not isinstance(delivery.spec, InlineSpec):
        return None
    try:
        order = _understood(delivery, _fetch(delivery, invocation), invocation)
    except NightdropError:
        return None
    return None if order.policy.approval else order


def _understood(delivery: Delivery, spec: SpecSource, invocation: Invocation) -> Order:
    """Return what a delivery asks for; what is wrong has a line only if its sender wrote lines."""
    if delivery.trigger != "direct":
        return order_of(delivery, spec, invocation)
    try:
        order = order_of(delivery, spec, invocation)
    except SpecRejectedError as error:
        raise SpecRejectedError(_without_lines(error.problems)) from error
    plan = order.plan._replace(warnings=_without_lines(order.plan.warnings))
    return order._replace(plan=plan, unknown=_without_lines(order.unknown))


def _without_lines(problems: Sequence[Problem]) -> tuple[Problem, ...]:
    return tuple(problem._replace(line=None) for problem in problems)


def _plan(
    order: Order, invocation: Invocation, *, received: bool
) -> tuple[Decided, Claimed | None]:
    """Plan a delivery and claim its first job in one commit; `received` had one of its own."""
    first = next(iter(order.plan.jobs), None)
    ahead = sign_ahead(first.body, invocation.sending) if first and order.may_run else None
    signed = invocation.runner.drive(ahead) if ahead else None
    claim_first = (
        claim(first.key, date=signed.request.date, lease=signed.lease) if first and signed else None
    )
    plan = plan_it(order, rules_of(invocation.settings), claim_first)
    decide = plan if received else receive(order.delivery, plan)
    decided = invocation.log.commit(decide).value
    if first is None or signed is None or not decided.attempt:
        return decided, None
    return decided, Claimed(first.key, signed.request, decided.attempt)


def _read_and_plan(
    delivery: Delivery, invocation: Invocation
) -> tuple[DeliveryState, Claimed | None]:
    """Read and plan a received delivery, or reject it; return its run, or the one it repeats."""
    spec: SpecSource | None = None
    try:
        closed = _close_what_is_no_spec(delivery, invocation)
        if closed:
            return closed, None
        spec = _fetch(delivery, invocation)
        changed = _changed(delivery, spec, invocation)
        if changed:
            decide = ignore_changed(delivery, spec.found, changed)
            return invocation.log.commit(decide).value, None
        if delivery.trigger == "object" and not spec.data:
            return _close(delivery, "delivery.ignored", [Problem(_EMPTY)], spec, invocation), None
        order = _understood(delivery, spec, invocation)
    except (RejectedError, ObjectError) as error:
        is_spec = isinstance(error, SpecRejectedError)
        action = "spec.rejected" if is_spec else "delivery.rejected"
        problems = error.problems if isinstance(error, RejectedError) else [Problem(str(error))]
        return _close(delivery, action, problems, spec, invocation), None
    except NightdropError as error:
        state = invocation.log.commit(interrupted(delivery, str(error))).value
        if invocation.out_of_time:
            return state, None
        raise
    decided, claimed = _plan(order, invocation, received=True)
    return decided.run, claimed


def _close_what_is_no_spec(delivery: Delivery, invocation: Invocation) -> DeliveryState | None:
    """Close a delivery that is ignored or approves others; return None for any other."""
    ignored = filter_delivery(delivery, Watched.of(invocation.settings))
    if ignored:
        return _close(delivery, "delivery.ignored", [Problem(ignored.reason)], None, invocation)
    if delivery.trigger != "object":
        return None
    from handler.triggers.object_event import is_approval_name

    if not is_approval_name(str(delivery.source.get("key", ""))):
        return None
    from handler.deliveries.approval import process_approval

    return process_approval(delivery, invocation)


def _changed(delivery: Delivery, spec: SpecSource, invocation: Invocation) -> PolicyDecision | None:
    if not is_changed(spec.found):
        return None
    from handler.deliveries.policy_check import check_unchanged

    return check_unchanged(delivery, spec.found, invocation)


def _fetch(delivery: Delivery, invocation: Invocation) -> SpecSource:
    if isinstance(delivery.spec, InlineSpec):
        return SpecSource(delivery.spec.data, {})
    return read_object(delivery, delivery.spec, invocation)


def _close(
    delivery: Delivery,
    action: str,
    problems: Sequence[Problem],
    spec: SpecSource | None,
    invocation: Invocation,
) -> DeliveryState:
    note = "\n".join(map(str, problems))
    decide = settle_without_jobs(delivery, action, note, spec=spec)
    return invocation.log.commit(decide).value
