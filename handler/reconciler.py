"""The reconciler: settle what is unknown, resume what waits, follow what runs, report changes.

    0. compare    a log that has lost its end, by its checkpoints, sends nothing: see `log_end`
    1. settle     unknown jobs are looked for in the API's list, unknown operations at their job
    2. submit     planned, deferred and absent jobs are sent, or expire
    3. follow     jobs on the fleet are queried until they have ended
    4. roll out   the next jobs of rollouts are planned and sent, wave after wave
    5. scan       files in the watched place without a notification are delivered
    6. deliver    deliveries that were received but not planned start over, from the outbox
    7. expire     deliveries that were not approved while they were valid are rejected
    8. report     result files are updated where something changed
    9. forget     deliveries that were closed long ago leave the state; their records stay

What is planned already comes first: object storage that hangs must not take the time of jobs.

A run is bounded, may be killed at any point, and may run at the same time as another one: every
step is decided by the log. Without any retry of the platform, the reconciler completes all work.

The open work is read when the run begins, and once more to tell what is left. In between the jobs
are those that the commits answered, and each rollout is read again when its turn comes; what other
instances record meanwhile is left to the next run.
"""

from __future__ import annotations

from datetime import timedelta
from itertools import groupby
from typing import TYPE_CHECKING

from handler.audit.retention import forget
from handler.deliveries.bucket_scan import cut_note, scan, scanned
from handler.deliveries.decisions import reject_tampered
from handler.deliveries.pipeline import deliver
from handler.deliveries.reporting import has_result, is_due, report, troubles
from handler.errors import CloudError, NightdropError
from handler.jobs.decisions import is_unknown, lease_over
from handler.jobs.following import following
from handler.jobs.operation_submission import operation_settlement
from handler.jobs.settlement import settlement
from handler.jobs.submission import submit_all
from handler.runtime.response import Answered, Result
from handler.triggers.delivery import Delivery
from handler.values.canonical_json import sha256_hex
from handler.values.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from handler.audit.job_state import JobState
    from handler.audit.log import Open, ScanState
    from handler.audit.state import DeliveryState
    from handler.invocation.invocation import Invocation

LIMIT = 1000
"""How much of each kind one run handles."""


class StepResult(NamedTuple):
    """What one step of a run came to, for its reply."""

    results: tuple[Result, ...] = ()
    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def reconcile(invocation: Invocation) -> Answered:
    """Run the reconciler once and return its result.

    Raises:
        LogError: The log could not be read or written.
    """
    buckets = invocation.settings.buckets
    reported = buckets if invocation.settings.results else ()
    before, now, scans = invocation.log.read(
        lambda view: (
            view.open(LIMIT, reported),
            view.now,
            [view.scan(bucket) for bucket in buckets],
        )
    )
    cut_off = _cut_off(invocation)
    jobs, errors = _worked_on(before, now, invocation)
    steps = [_rolled_out(before, invocation)] if before.rollouts else []
    steps += [
        _scan_bucket(bucket, state, invocation)
        for bucket, state in zip(buckets, scans, strict=True)
    ]
    steps.append(_delivered(_undecided(before, invocation), invocation))
    if before.awaiting:
        from handler.deliveries.approval import expire

        expire(before.awaiting, now, invocation.log)
    left, now, held = invocation.log.read(
        lambda view: (view.open(LIMIT, reported), view.now, view.switch("hold")), fresh=False
    )
    runs = [_reported(run, now, invocation) for run in left.unreported]
    unwritten = [run for run in runs if has_result(run, invocation.settings)]
    forget(invocation.log, timedelta(seconds=invocation.settings.remember_for))
    errors += [error for step in steps for error in step.errors]
    return Answered(
        results=[result for step in steps for result in step.results],
        jobs=[job for job in jobs.values() if not job.rollout],
        errors=[*dict.fromkeys(errors), *troubles(unwritten)],
        warnings=[
            *cut_off,
            *(() if held in cut_off else _held_back(left, held)),
            *(warning for step in steps for warning in step.warnings),
        ],
        left=_counted(left, len(unwritten)),
    )


def _cut_off(invocation: Invocation) -> tuple[str, ...]:
    """Hold sending if the log has lost its end; return what a person must know of it."""
    if not invocation.settings.checkpoints:
        return ()
    from handler.invocation.log_end import hold_if_cut_off

    found = hold_if_cut_off(invocation)
    return (found,) if found else ()


def _held_back(left: Open, held: str) -> tuple[str, ...]:
    """Return that sending is held, for whatever reason, if there is something to send."""
    waits = held and (left.jobs or left.rollouts)
    return (f"sending is on hold ({held}); `nightdrop release` releases it",) if waits else ()


def _counted(left: Open, results: int) -> dict[str, int]:
    """Return how much work of each kind is left; of the rarer kinds only if there is some."""
    rarer = {
        "awaiting": len(left.awaiting),
        "operations": len(left.operations),
        "rollouts": len(left.rollouts),
    }
    return {
        "deliveries": len(left.deliveries),
        "jobs": len(left.jobs),
        "followed": len(left.followed),
        "results": results,
        **{kind: number for kind, number in rarer.items() if number},
    }


def _worked_on(
    before: Open, now: datetime, invocation: Invocation
) -> tuple[dict[str, JobState], list[str]]:
    """Settle, submit and follow jobs; return each as that leaves it, by its key, and errors."""
    runner, sending = invocation.runner, invocation.sending
    jobs = _by_key((*before.jobs, *before.operations, *before.followed))
    found, errors = _settle([job for job in before.jobs if is_unknown(job, now)], invocation)
    jobs |= _by_key(found)
    overdue = [job for job in before.operations if lease_over(job, now)]
    if overdue:
        settlements = [operation_settlement(job, now, sending) for job in overdue]
        settled = runner.drive_all(settlements, senders=sending.senders)
        jobs |= _by_key(one.job for one in settled if one and one.job)
    followed = [job for job in jobs.values() if job.followed and not job.operation]
    unsent = [job for job in jobs.values() if not job.final]
    jobs |= _by_key(submit_all(unsent, runner, sending))
    asked = [following(job, now, sending) for job in followed]
    jobs |= _by_key(runner.drive_all(asked, senders=sending.senders))
    return jobs, errors


def _rolled_out(before: Open, invocation: Invocation) -> StepResult:
    """Bring the open rollouts as far as they get now."""
    from handler.rollouts.continuation import continue_rollouts
    from handler.rollouts.standing import with_rollouts

    continued = continue_rollouts(before.rollouts, invocation)
    results = (
        with_rollouts(Result(one.rollout.delivery, "completed"), [one])
        for one in continued.standings
    )
    return StepResult(tuple(results), continued.errors)


def _by_key(jobs: Iterable[JobState]) -> dict[str, JobState]:
    return {job.key: job for job in jobs}


def _scan_bucket(bucket: str, before: ScanState, invocation: Invocation) -> StepResult:
    """Deliver what a scan of a bucket finds, and record where the next scan continues."""
    if not invocation.request_fits():
        return StepResult(errors=(f"no time was left to scan for missed files in bucket {bucket}",))
    try:
        seen = scan(bucket, before, invocation)
    except CloudError as error:
        return StepResult(errors=(f"could not scan the bucket for missed files: {error}",))
    delivered: list[StepResult] = []
    for found in seen.found:
        if not invocation.request_fits():
            break
        delivered.append(_delivered([found], invocation))
    is_cut = len(delivered) < len(seen.found)
    done = str(seen.found[len(delivered) - 1].source["key"]) if delivered else before.position
    position = done if is_cut else seen.position
    errors = [error for one in delivered for error in one.errors]
    if is_cut:
        errors.append(f"no time was left for all missed files in bucket {bucket}")
    warnings: tuple[str, ...] = ()
    if position or before.position or seen.unsaid:
        warnings = tuple(invocation.log.commit(scanned(seen, position)).value)
    if position:
        errors.append(cut_note(bucket, position))
    results = (result for one in delivered for result in one.results)
    return StepResult(tuple(results), tuple(errors), warnings)


def _delivered(deliveries: Iterable[Delivery], invocation: Invocation) -> StepResult:
    """Process deliveries as far as there is time."""
    results: list[Result] = []
    errors: list[str] = []
    for delivery in deliveries:
        if not invocation.request_fits():
            break
        try:
            results.append(deliver(delivery, invocation))
        except NightdropError as error:
            if not error.retryable:
                raise
            errors.append(str(error))
    return StepResult(tuple(results), tuple(errors))


def _undecided(before: Open, invocation: Invocation) -> Iterator[Delivery]:
    received = before.deliveries
    bodies = invocation.log.bodies([delivery.key for delivery in received])
    for delivery in received:
        body = bodies.get(delivery.key)
        if body is not None and delivery.body_digest in {"", sha256_hex(body)}:
            yield Delivery.from_json(body)
        else:
            invocation.log.commit(reject_tampered(delivery, is_gone=body is None))


def _settle(jobs: Sequence[JobState], invocation: Invocation) -> tuple[list[JobState], list[str]]:
    """Look for unknown jobs in the API's list; return them as that leaves them, and errors."""
    settled: list[JobState] = []
    errors: list[str] = []
    for _, alike in groupby(sorted(jobs, key=_type), key=_type):
        if not invocation.request_fits():
            break
        try:
            settled += invocation.runner.drive(settlement(list(alike), invocation.sending))
        except CloudError as error:
            errors.append(f"could not list jobs to settle unknown ones: {error}")
    errors += invocation.runner.incomplete_listings()
    return settled, errors


def _type(job: JobState) -> str:
    return job.type


def _reported(run: DeliveryState, now: datetime, invocation: Invocation) -> DeliveryState:
    """Return a run as it stands after its result file was written, if that is due."""
    due = is_due(run, now) and invocation.request_fits()
    return report(run, invocation) if due else run
