"""The tick: settle what is unknown, resume what waits, follow what runs, report what changed.

    1. sweep      files in the watched place that were never announced are delivered
    2. deliver    what was received and never decided starts over, from the outbox
    3. settle     unknown jobs are looked for in the API's list
    4. submit     planned, deferred and absent jobs are sent, or expire
    5. follow     jobs on the fleet are asked after until they have ended
    6. report     result files are written anew where something changed

A tick is bounded, may be cut anywhere, and may run beside another: every step is decided by the
log, as a delivery is. With retries of the platform set to zero, ticks alone complete everything.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from handler.deliveries.bucket_scan import cut_note, scan, scanned
from handler.deliveries.decisions import reject_exchanged
from handler.deliveries.pipeline import deliver, state_of, submit
from handler.deliveries.reporting import has_result, is_due, report, troubles
from handler.errors import CloudError, NightdropError
from handler.jobs.decisions import lease_over
from handler.jobs.settlement import following, settlement
from handler.runtime.response import Answered
from handler.triggers.delivery import Delivery
from handler.values.canonical_json import sha256_hex

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from handler.audit.log import Open, ScanState
    from handler.audit.state import JobState
    from handler.invocation.invocation import Services
    from handler.runtime.response import Result

LIMIT = 1000
"""How much of each kind one tick takes on."""


def reconcile(services: Services) -> Answered:
    """Run one tick and return what it came to.

    Raises:
        LogError: The log could not be read or written.
    """
    buckets = services.settings.buckets
    before, scans = services.log.read(
        lambda view: (view.open(LIMIT), [view.scan(bucket) for bucket in buckets])
    )
    errors: list[str] = []
    warnings: list[str] = []
    results: list[Result] = []
    for bucket, state in zip(buckets, scans, strict=True):
        results += _sweep(bucket, state, services, errors, warnings)
    results += _delivered(_undecided(services), services, errors)
    _settle(services, errors)
    submit(_open(services).jobs, services)
    _follow(services)
    _report(services)
    worked_on = {job.key for job in (*before.jobs, *before.followed)}
    jobs = services.log.read(lambda view: [view.job(key) for key in sorted(worked_on)], fresh=False)
    left = _open(services)
    unwritten = [run for run in left.unreported if has_result(run, services.settings)]
    return Answered(
        results=results,
        jobs=[job for job in jobs if job],
        errors=[*dict.fromkeys(errors), *troubles(unwritten)],
        warnings=warnings,
        left={
            "deliveries": len(left.deliveries),
            "jobs": len(left.jobs),
            "followed": len(left.followed),
            "results": len(unwritten),
        },
    )


def _open(services: Services) -> Open:
    """Return what is left to do: what others record during a tick is for them, or the next one."""
    return services.log.read(lambda view: view.open(LIMIT), fresh=False)


def _sweep(
    bucket: str, before: ScanState, services: Services, errors: list[str], warnings: list[str]
) -> Iterator[Result]:
    """Deliver what a scan of a bucket finds, and record where the next one goes on."""
    if not _time_left(services):
        errors.append(f"no time was left to look for missed files in bucket {bucket}")
        return
    try:
        seen = scan(bucket, before, services, lambda: _time_left(services))
    except CloudError as error:
        errors.append(f"objects that nobody told of could not be looked for: {error}")
        return
    position, done = seen.position, before.position
    for found in seen.found:
        if not _time_left(services):
            position = done
            errors.append(f"no time was left for all missed files in bucket {bucket}")
            break
        yield from _delivered([found], services, errors)
        done = str(found.source["key"])
    if position or before.position or seen.unsaid:
        decide = scanned(seen, position, function=services.function)
        warnings += services.log.commit(decide).value
    if position:
        errors.append(cut_note(bucket, position))


def _delivered(
    deliveries: Iterable[Delivery], services: Services, errors: list[str]
) -> Iterator[Result]:
    for delivery in deliveries:
        if not _time_left(services):
            return
        try:
            yield deliver(delivery, services)
        except NightdropError as error:
            if not error.retryable:
                raise
            errors.append(str(error))


def _undecided(services: Services) -> Iterator[Delivery]:
    received = _open(services).deliveries
    bodies = services.log.bodies([delivery.key for delivery in received])
    for delivery in received:
        body = bodies.get(delivery.key)
        if body is None:
            continue
        if delivery.body_digest in {"", sha256_hex(body)}:
            yield Delivery.from_json(body)
        else:
            services.log.commit(reject_exchanged(delivery, function=services.function))


def _settle(services: Services, errors: list[str]) -> None:
    jobs = services.log.read(
        lambda view: [
            job
            for job in view.open(LIMIT).jobs
            if job.state == "unknown" or (job.state == "sending" and lease_over(job, view.now))
        ],
        fresh=False,
    )
    for _, alike in groupby(sorted(jobs, key=_type), key=_type):
        if not _time_left(services):
            return
        try:
            services.driver.drive(settlement(list(alike), services.sender))
        except CloudError as error:
            errors.append(f"unknown jobs could not be looked for: {error}")


def _type(job: JobState) -> str:
    return job.type


def _follow(services: Services) -> None:
    followed, now = services.log.read(
        lambda view: (view.open(LIMIT).followed, view.now), fresh=False
    )
    services.driver.drive_all(
        [following(job, now, services.sender) for job in followed],
        senders=services.settings.senders,
    )


def _report(services: Services) -> None:
    due = services.log.read(
        lambda view: [run for run in view.open(LIMIT).unreported if is_due(run, view.now)],
        fresh=False,
    )
    for run in due:
        if _time_left(services):
            report(state_of(run.key, services), services)


def _time_left(services: Services) -> bool:
    return services.deadline.left() > services.sender.patience
