"""Result files: begun on record, written, recorded; tried again ever more rarely where they fail.

    Commit(result.writing)   the state that the file will show, and until when it may still come
    PUT                      dated before that record: refused 15 minutes later
    Commit(result.written)   it stands; or `result.failed`, told once

Only one instance at a time writes a delivery's file, from the state it was granted. One that is
killed or frozen in between leaves its attempt open, perhaps with an old file over a newer one: so
what is begun and not recorded as written is written anew, once nothing of it can come any more.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from handler.audit.index import GIVEN_UP
from handler.audit.log import Decision
from handler.audit.record import Draft
from handler.canonical import moment, timestamp
from handler.errors import CloudError, NoAnswerError
from handler.reply import result_of
from handler.results import CONTENT_TYPE, result_data, result_key

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from handler.audit.log import Decide, View
    from handler.audit.record import Part
    from handler.audit.state import DeliveryState
    from handler.services import Services
    from handler.settings import Settings

LONGEST_PAUSE = timedelta(days=1)
"""The most that lies between two attempts to write a result file."""

_MOST_TOLD = 3


def report(run: DeliveryState, services: Services) -> None:
    """Write the result file of an object's run, if it changed since the last one.

    That it cannot be written is recorded and loses no delivery: the tick makes up for it.
    """
    place = services.settings.results
    if place is None or not has_result(run, services.settings) or not _time_left(services):
        return
    dated = services.obs.clock()
    obs = replace(services.obs, clock=lambda: dated)
    pause = timedelta(seconds=services.settings.settle_after)
    begun = services.log.commit(begin_result(run.key, pause, function=services.function)).value
    if begun is None or not _time_left(services):
        return
    bucket, prefix = place
    key = result_key(_object_of(begun)[1], watched=services.settings.prefix, results=prefix)
    data = result_data(begun.subject, result_of(begun.key, begun, repeated=False))
    try:
        obs.write(bucket, key, data, content_type=CONTENT_TYPE)
        error = None
    except CloudError as failed:
        error = failed
    services.log.commit(result_kept(begun, error, function=services.function))


def has_result(run: DeliveryState, settings: Settings) -> bool:
    """Return whether a run has a result file that does not show how it stands.

    A foreign bucket's object may have the key of one of ours, whose result file must stay.
    """
    changed = run.changed > run.reported and run.state in {"planned", "rejected"}
    ours = run.trigger == "object" and _object_of(run)[0] in settings.buckets
    return settings.results is not None and changed and ours


def is_due(run: DeliveryState, now: datetime) -> bool:
    """Return whether nobody may be writing a run's result file, and no pause is left."""
    return not run.due_at or moment(run.due_at) <= now


def begin_result(key: str, pause: timedelta, *, function: Part) -> Decide[DeliveryState | None]:
    """Decide whether this instance may write a result file now; the state is what it shows.

    Args:
        key: The delivery's key.
        pause: How long nobody else may write it, doubled with each attempt that came to nothing.
        function: Who writes.
    """

    def decide(view: View) -> Decision[DeliveryState | None]:
        run = view.delivery(key)
        # What another instance is sending, that instance reports: our word would come too late.
        in_flight = run is None or any(job.state == "sending" for job in run.jobs)
        if run is None or in_flight or run.changed <= run.reported or not is_due(run, view.now):
            return Decision(None)
        until = view.now + min(pause * 2 ** min(run.tries, 20), max(pause, LONGEST_PAUSE))
        draft = Draft(
            action="result.writing",
            outcome="pending",
            delivery={"key": key, "shows": run.changed},
            request={"attempt": run.tries + 1, "lease_until": timestamp(until)},
            function=function,
        )
        return Decision(run, (draft,))

    return decide


def result_kept(begun: DeliveryState, error: CloudError | None, *, function: Part) -> Decide[None]:
    """Decide to record that a result file was written for a run as it stood, or why it was not.

    That it was not is told once, and once more when it is given up, a week after the delivery.
    After the first refusal it may be tried again at once; without an answer it may still come.

    Args:
        begun: The run as the file shows it.
        error: Why it could not be written; None if it was.
        function: Who writes.
    """
    written = Draft(
        action="result.written",
        outcome="success",
        delivery={"key": begun.key, "shows": begun.changed},
        function=function,
    )
    failed = Draft(
        action="result.failed",
        outcome="failure",
        delivery={"key": begun.key},
        function=function,
        note=str(error),
    )

    def decide(view: View) -> Decision[None]:
        run = view.delivery(begun.key)
        if error is None or run is None:
            return Decision(None, (written,))
        if view.now - moment(run.touched_at) > GIVEN_UP:
            given_up = replace(failed, delivery=written.delivery, note=f"given up: {error}")
            return Decision(None, (given_up,))
        if run.result_error:
            return Decision(None)
        pause: Part = {"lease_until": timestamp(view.now)}
        may_come = isinstance(error, NoAnswerError)
        return Decision(None, (failed if may_come else replace(failed, request=pause),))

    return decide


def troubles(runs: Sequence[DeliveryState]) -> list[str]:
    """Return a sentence for each of the first runs whose result file could not be written."""
    failed = [run for run in runs if run.result_error]
    told = []
    for run in failed[:_MOST_TOLD]:
        again = f" (tried again after {run.due_at[:19]}Z)" if run.due_at else ""
        told.append(f"the result file of {run.subject} is not written{again}: {run.result_error}")
    more = len(failed) - len(told)
    return [*told, *([f"nor could those of {more} more deliveries"] if more else [])]


def _object_of(run: DeliveryState) -> tuple[str, str]:
    """Return bucket and key of an object's run."""
    bucket, _, key = run.subject.removeprefix("obs://").partition("/")
    return bucket, key


def _time_left(services: Services) -> bool:
    return services.deadline.left() > services.sender.patience
