"""Result files: announced in the log, written, recorded; retried with growing pauses.

    Commit(result.writing)   the state that the file will show, and until when it may still come
    PUT                      dated before that record: OBS refuses it 15 minutes later
    Commit(result.written)   done; or `result.failed`, recorded once

Only one instance at a time writes for a delivery, from the state it was granted. One that is
killed or frozen in between leaves its attempt open, perhaps with an old file over a newer one: so
an attempt that is not recorded as written is repeated once it can no longer arrive.

All deliveries of an object share one file, which shows the latest run: an earlier one whose job
ends later causes an update, but is not shown in it. The reports of its rollouts that have ended are
written with it, as one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from handler.audit.log import Decision, followed_by
from handler.audit.record import Draft
from handler.deliveries.result_file import result_files, result_key
from handler.errors import CloudError, NoAnswerError
from handler.triggers.event_parser import Watched, results_collide
from handler.values.canonical_json import moment, timestamp

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from handler.audit.log import Decide, View
    from handler.audit.record import Part
    from handler.audit.state import DeliveryState
    from handler.invocation.invocation import Invocation
    from handler.settings import Settings

LONGEST_PAUSE = timedelta(days=1)
"""The most that lies between two attempts to write a result file."""

GIVEN_UP = timedelta(days=7)
"""How long a result file that cannot be written is tried again."""

_MOST_TOLD = 3


def report(run: DeliveryState, invocation: Invocation) -> DeliveryState:
    """Write the result file of an object's run, if it changed; return the run as that leaves it.

    A failure is recorded and loses no delivery: the reconciler writes the file later.
    """
    place = invocation.settings.results
    if place is None or not has_result(run, invocation.settings) or not invocation.request_fits():
        return run
    dated = invocation.obs.clock()
    obs = invocation.obs._replace(clock=lambda: dated)
    pause = timedelta(seconds=invocation.settings.settle_after)
    started = invocation.log.commit(start_result(run.key, pause)).value
    if not isinstance(started, StartedResult):
        return started or run
    if not invocation.request_fits():
        return started.run
    bucket, prefix = place
    source, spec_key = _object_of(started.shown)
    settings = invocation.settings
    key = partial(
        result_key,
        spec_key,
        watched=settings.prefix,
        results=prefix,
        bucket="" if source == settings.buckets[0] else source,
    )
    try:
        for file in result_files(started.shown, invocation):
            obs.write(bucket, key(file.ending), file.data, content_type=file.content_type)
        error = None
    except CloudError as failed:
        error = failed
    decide = record_result(started, error, f"obs://{bucket}/{key()}")
    return invocation.log.commit(decide).value or run


def has_result(run: DeliveryState, settings: Settings) -> bool:
    """Return whether a run has a result file that does not show how it stands.

    A run that awaited an approval, and then was found to repeat another one, or its object to have
    been written again, has a file that says that it waits, or that may still come. A foreign
    bucket's object may have the key of one of ours, whose result file must stay; so may one in a
    folder with the name of another bucket.
    """
    shows = run.state in {"planned", "rejected", "awaiting"}
    was_written = run.reported > 0 or run.tries > 0
    shows = shows or (run.state in {"repeated", "ignored"} and was_written)
    changed = shows and run.changed > run.reported
    if settings.results is None or not changed or run.trigger != "object":
        return False
    bucket, key = _object_of(run)
    return bucket in settings.buckets and not results_collide(bucket, key, Watched.of(settings))


def is_due(run: DeliveryState, now: datetime) -> bool:
    """Return whether no other instance may be writing the result file and no pause is left."""
    return not run.due_at or moment(run.due_at) <= now


@dataclass(frozen=True)
class StartedResult:
    """A result file that may be written.

    Attributes:
        run: The delivery that it is written for.
        shown: The run that it shows: the latest of the object.
        until: Before this no other instance may write it, a timestamp; it identifies the attempt.
    """

    run: DeliveryState
    shown: DeliveryState
    until: str


def start_result(key: str, pause: timedelta) -> Decide[StartedResult | DeliveryState | None]:
    """Decide whether this instance may write a result file now, and what it shows.

    If it may not, the delivery is answered; None once it is forgotten.

    Args:
        key: The delivery's key.
        pause: How long no other instance may write it, doubled with each failed attempt.
    """

    def decide(view: View) -> Decision[StartedResult | DeliveryState | None]:
        run = view.delivery(key)
        if run is None or run.changed <= run.reported or not is_due(run, view.now):
            return Decision(run)
        shown = _latest(view, run)
        # What another instance is sending, that instance reports: our word would come too late.
        if any(job.state == "sending" for job in (*run.jobs, *shown.jobs)):
            return Decision(run)
        wait = min(pause * 2 ** min(run.tries, 20), max(pause, LONGEST_PAUSE))
        until = timestamp(view.now + wait)
        draft = Draft(
            action="result.writing",
            outcome="pending",
            delivery={"key": key, "shows": run.changed},
            request={"attempt": run.tries + 1, "lease_until": until},
        )
        return Decision(StartedResult(run, shown, until), (draft,))

    return decide


def _latest(view: View, run: DeliveryState) -> DeliveryState:
    """Return the latest decided run of a run's object.

    An empty object that was looked at since is ignored, and is no run.
    """
    latest = view.latest_read(run.subject)
    if latest and latest.state in {"planned", "rejected", "repeated", "awaiting"}:
        key = latest.repeats if latest.state == "repeated" else latest.key
        return view.delivery(key) or run
    alive = view.latest_run(run.subject)
    return (view.delivery(alive.key) if alive and alive.seq > run.seq else None) or run


def record_result(
    started: StartedResult, error: CloudError | None, address: str = ""
) -> Decide[DeliveryState | None]:
    """Decide to record that a result file was written for a run, or why it was not.

    The run is answered as it then stands; None once it is forgotten.

    A failure is recorded once, and once more when it is given up, a week after the delivery.
    After the first failure it may be tried again at once; without an answer it may still come.
    `address` is where it is, for whoever reads the log.
    """
    key = started.run.key
    shows: Part = {"key": key, "shows": started.run.changed}
    written = Draft("result.written", "success", shows, note=address)
    failed = Draft("result.failed", "failure", {"key": key}, note=str(error))

    def decide(view: View) -> Decision[DeliveryState | None]:
        return followed_by(drafts(view), lambda view: Decision(view.delivery(key)))

    def drafts(view: View) -> tuple[Draft, ...]:
        run = view.delivery(key)
        # A newer attempt has started meanwhile; it records the result.
        if run and run.tries and run.due_at != started.until:
            return ()
        if error is None:
            return (written, *_other_shown(view, started, written))
        if run is None:
            return (failed,)
        if view.now - moment(run.touched_at) > GIVEN_UP:
            return (failed._replace(delivery=shows, note=f"given up: {error}"),)
        if run.result_error:
            return ()
        pause: Part = {"lease_until": timestamp(view.now)}
        may_come = isinstance(error, NoAnswerError) and not error.over
        return (failed if may_come else failed._replace(request=pause),)

    return decide


def _other_shown(view: View, started: StartedResult, written: Draft) -> tuple[Draft, ...]:
    """Return the record of what the file now shows of the latest run, if it is another one.

    That may be less than another instance wrote meanwhile; then it is updated. An attempt
    for it that is open stays so: its file may still come.
    """
    latest = _latest(view, started.run)
    if latest.key == started.run.key or latest.tries:
        return ()
    shows = started.shown.changed if started.shown.key == latest.key else 0
    return (written._replace(delivery={"key": latest.key, "shows": shows}),)


def troubles(runs: Sequence[DeliveryState]) -> list[str]:
    """Return a sentence for each of the first runs whose result file could not be written."""
    failed = [run for run in runs if run.result_error]
    sentences = []
    for run in failed[:_MOST_TOLD]:
        again = f" (tried again after {run.due_at[:19]}Z)" if run.due_at else ""
        sentences.append(
            f"the result file of {run.subject} is not written{again}: {run.result_error}"
        )
    more = len(failed) - len(sentences)
    return [
        *sentences,
        *([f"the result files of {more} more deliveries are not written either"] if more else []),
    ]


def _object_of(run: DeliveryState) -> tuple[str, str]:
    """Return bucket and key of an object's run."""
    bucket, _, key = run.subject.removeprefix("obs://").partition("/")
    return bucket, key
