"""The tick: settle what is unknown, resume what waits, follow what runs, report what changed.

    1. sweep      objects in the watched place that the log has never seen are delivered
    2. deliver    what was received and never decided starts over, from the outbox
    3. settle     unknown jobs are looked for in the API's list
    4. submit     planned, deferred and absent jobs are sent, or expire
    5. follow     jobs on the fleet are asked after until they have ended
    6. report     result files are written anew where something changed

A tick is bounded, may be cut anywhere, and may run beside another: every step is decided by the
log, as a delivery is. With retries of the platform set to zero, ticks alone complete everything.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from itertools import groupby, islice
from typing import TYPE_CHECKING

from handler.errors import CloudError, NightdropError
from handler.pipeline import deliver, state_of, submit
from handler.reply import Answered
from handler.reporting import has_result, is_due, report, troubles
from handler.settlement import following, settlement
from handler.transitions import lease_over
from handler.triggers.delivery import Delivery
from handler.triggers.swept import swept

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from handler.audit.log import Open
    from handler.audit.state import JobState
    from handler.reply import Result
    from handler.services import Services

LIMIT = 1000
"""How much of each kind one tick takes on."""

MOST_OBJECTS = 10_000
"""How many objects of one bucket one tick looks at."""


def reconcile(services: Services) -> Answered:
    """Run one tick and return what it came to.

    Raises:
        LogError: The log could not be read or written.
    """
    before = _open(services, fresh=True)
    errors: list[str] = []
    results = [
        result
        for bucket in services.settings.buckets
        for result in _runs(services, errors, partial(_sweep, bucket))
    ]
    results += _runs(services, errors, _undecided)
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
        left={
            "deliveries": len(left.deliveries),
            "jobs": len(left.jobs),
            "followed": len(left.followed),
            "results": len(unwritten),
        },
    )


def _open(services: Services, *, fresh: bool = False) -> Open:
    """Return what is left to do: what others record during a tick is for them, or the next one."""
    return services.log.read(lambda view: view.open(LIMIT), fresh=fresh)


def _runs(
    services: Services, errors: list[str], find: Callable[[Services], Iterator[Delivery]]
) -> Iterator[Result]:
    try:
        for delivery in find(services):
            if not _time_left(services):
                return
            yield from _delivered(delivery, services, errors)
    except CloudError as error:
        errors.append(f"objects that nobody told of could not be looked for: {error}")


def _delivered(delivery: Delivery, services: Services, errors: list[str]) -> Iterator[Result]:
    try:
        yield deliver(delivery, services)
    except NightdropError as error:
        if not error.retryable:
            raise
        errors.append(str(error))


def _sweep(bucket: str, services: Services) -> Iterator[Delivery]:
    """Yield recent objects that no delivery has been decided for since they were written."""
    recent = services.obs.clock() - timedelta(seconds=services.settings.valid_for)
    listed = services.obs.list_objects(bucket, services.settings.prefix)
    for one in islice(listed, MOST_OBJECTS):
        found = swept(bucket, one.key, etag=one.etag, modified_at=one.modified_at)
        if one.modified_at > recent and not _seen(found, services):
            yield found


def _seen(found: Delivery, services: Services) -> bool:
    """Return whether these bytes were read before, or refused unread since they were written."""
    latest = services.log.read(lambda view: view.latest(found.subject), fresh=False)
    if latest is None or not latest.etag:
        return latest is not None and latest.touched_at >= str(found.source["time"])
    return latest.etag == found.source["etag"]


def _undecided(services: Services) -> Iterator[Delivery]:
    keys = [delivery.key for delivery in _open(services).deliveries]
    bodies = services.log.bodies(keys)
    yield from (Delivery.from_json(bodies[key]) for key in keys if key in bodies)


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
        lambda view: [run for run in view.open(LIMIT).unreported if is_due(run, view.now)]
    )
    for run in due:
        if _time_left(services):
            report(state_of(run.key, services), services)


def _time_left(services: Services) -> bool:
    return services.deadline.left() > services.sender.patience
