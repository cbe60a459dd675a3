"""What waits and why, what runs, what failed in the last day: from the state of the log."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from handler.audit.job_end import shown_state
from handler.values.canonical_json import moment, timestamp

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from handler.audit.job_state import JobState
    from handler.audit.log import View
    from handler.audit.state import DeliveryState
    from handler.cloud.ief.client import ListedJob

DAY = timedelta(days=1)
"""How far back failures and rejected files are shown."""

_MOST = 200
"""Entries of each kind that are read."""

_LATEST = 500
"""Jobs that are searched for the ticks of timers."""


class Entry(NamedTuple):
    """One thing that waits, runs or failed: its name, its state, why, and since when."""

    name: str
    state: str
    note: str
    since: str
    progress: str = ""
    job_id: str = ""


class Tick(NamedTuple):
    """A timer: its latest tick, and when the next one is due if the last two were one apart."""

    timer: str
    latest: str
    expected: str


@dataclass(frozen=True)
class Overview:
    """The state of a deployment, as its log has it.

    Attributes:
        at: The store's clock, a timestamp.
        records: How many records the log has.
        held: Why sending is held, or "".
        suspended: Why no job is declared absent, or "".
        waiting: Deliveries and jobs that are not sent or settled yet.
        running: Jobs on the fleet that have not ended.
        failed: Jobs of the last day that went wrong, the latest first.
        deliveries: How many deliveries of the last day are in which state.
        jobs: How many jobs that changed in the last day are in which state.
        ticks: Timers that have planned something.
        checkpoint: When the latest checkpoint was recorded, a timestamp; "" for never.
        unconfirmed: How many records are not in a checkpoint.
        examined: When the deployment was examined last, a timestamp, and the result; "" for never.
    """

    at: str
    records: int
    held: str
    suspended: str
    waiting: Sequence[Entry]
    running: Sequence[Entry]
    failed: Sequence[Entry]
    deliveries: Mapping[str, int]
    jobs: Mapping[str, int]
    ticks: Sequence[Tick]
    checkpoint: str
    unconfirmed: int
    examined: str

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        entries = {
            kind: [entry._asdict() for entry in getattr(self, kind)]
            for kind in ("waiting", "running", "failed", "ticks")
        }
        return {**asdict(self), **entries}


def overview_of(view: View) -> Overview:
    """Return the overview of a log's state."""
    opened, changes = view.open(_MOST), view.changes_since(timestamp(view.now - DAY), _MOST)
    confirmed = view.confirmation
    is_confirmed = confirmed.action == "log.checkpointed"
    return Overview(
        at=timestamp(view.now),
        records=view.head.seq,
        held=view.switch("hold"),
        suspended=view.switch("suspension"),
        waiting=(
            *map(_delivery, (*opened.deliveries, *opened.awaiting)),
            *map(_job, (*opened.jobs, *opened.operations)),
        ),
        running=tuple(map(_job, opened.followed)),
        failed=tuple(map(_job, changes.wrong)),
        deliveries=dict(changes.deliveries),
        jobs=dict(changes.jobs),
        ticks=tuple(_ticks(view)),
        checkpoint=confirmed.at if is_confirmed else "",
        unconfirmed=view.head.seq - (confirmed.seq if is_confirmed else 0),
        examined=view.switch("examined"),
    )


def with_progress(overview: Overview, listed: Mapping[str, ListedJob]) -> Overview:
    """Return an overview whose running jobs have the status and progress that IEF shows."""
    running = [
        entry._replace(
            state=one.status.lower().replace("_", " "),
            progress=f"{one.succeeded} of {one.tasks}" if one.tasks else "",
        )
        if (one := listed.get(entry.job_id))
        else entry
        for entry in overview.running
    ]
    return replace(overview, running=running)


def _job(job: JobState) -> Entry:
    state = f"{job.operation} is claimed" if job.operation else shown_state(job)
    progress = f"{job.succeeded} of {job.tasks}" if job.tasks else ""
    return Entry(job.name, state, job.note, job.changed_at, progress, job.job_id)


def _delivery(delivery: DeliveryState) -> Entry:
    is_awaiting = delivery.state == "awaiting"
    note = f"until {delivery.awaits_until[:19]}Z: {delivery.note}" if is_awaiting else delivery.note
    state = "awaiting approval" if is_awaiting else "not planned yet"
    return Entry(delivery.subject, state, note, delivery.touched_at)


def _ticks(view: View) -> Iterator[Tick]:
    """Yield each timer of the latest jobs with its latest tick."""
    fired: dict[str, set[str]] = {}
    for key in dict.fromkeys(job.delivery for job in view.latest_jobs(_LATEST)):
        delivery = view.delivery(key)
        if delivery and delivery.trigger == "timer" and delivery.fired_at:
            name = delivery.subject.removeprefix("timer:").rpartition(":")[0]
            fired.setdefault(name, set()).add(delivery.fired_at)
    for name, times in sorted(fired.items()):
        *_, before, latest = ("", *sorted(times))
        yield Tick(name, latest, _expected(before, latest, view.now) if before else "")


def _expected(before: str, latest: str, now: datetime) -> str:
    """Return when a timer is due next, if it goes on as between its last two ticks."""
    apart = moment(latest) - moment(before)
    due = moment(latest) + apart
    return timestamp(due) if due > now - apart else ""
