"""What waits and why, what runs, what failed in the last day: from the state of the log."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from handler.audit.job_end import FAILED, shown_state
from handler.cli.audit.records.record_row import format_span
from handler.cli.jobs.job_row import Progress, progress_of
from handler.cli.status.recent_rollouts import recent_rollouts
from handler.values.canonical_json import moment, short_key, timestamp
from handler.values.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from handler.audit.job_state import JobState
    from handler.audit.log import View
    from handler.audit.state import DeliveryState
    from handler.cli.status.recent_rollouts import RecentRollout
    from handler.rollouts.advance import JobTimes

DAY = timedelta(days=1)
"""How far back failures and rejected files are shown."""

_MOST = 200
"""Entries of each kind that are read."""

_LATEST = 500
"""Jobs that are searched for the ticks of timers."""


_AWAITING = "awaiting approval"

NO_PROGRESS = Progress("", 0, 0, 0)
"""Of what is not at IEF, or not known to have ended there."""


class Entry(NamedTuple):
    """A delivery or job that waits, runs or failed: its name, its state, why, and since when.

    `delivery` and `job` are its keys, `job` is "" for a delivery; `job_id` is the id at IEF.
    """

    name: str
    state: str
    note: str
    since: str
    delivery: str
    job: str = ""
    job_id: str = ""
    progress: Progress = NO_PROGRESS

    @property
    def command(self) -> str:
        """The command that a person lets it run with; "" if it waits for nobody's approval."""
        return f"nightdrop approve {short_key(self.delivery)}" if self.state == _AWAITING else ""


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
        running: Jobs on the fleet that have not ended, those of rollouts aside.
        rollouts: Rollouts that have not ended, or ended in the last day.
        failed: Jobs of the last day that went wrong, the latest first, those of rollouts aside.
        deliveries: How many deliveries of the last day are in which state.
        jobs: How many jobs that changed in that time are in which state, those of rollouts aside.
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
    rollouts: Sequence[RecentRollout]
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
            kind: [
                {**entry._asdict(), "progress": str(entry.progress)}
                for entry in getattr(self, kind)
            ]
            for kind in ("waiting", "running", "failed")
        }
        ticks = [tick._asdict() for tick in self.ticks]
        rollouts = [rollout.to_json() for rollout in self.rollouts]
        return {**asdict(self), **entries, "rollouts": rollouts, "ticks": ticks}

    @property
    def is_well(self) -> bool:
        """Whether nothing failed, and nothing is held or paused."""
        all_well = all(rollout.is_well for rollout in self.rollouts)
        failed = [*self.failed, *(job for job in self.ended if job.state in FAILED)]
        return all_well and not (failed or self.held or self.suspended)

    @property
    def ended(self) -> Sequence[Entry]:
        """The running jobs that IEF shows as ended: the reconciler has not recorded it yet."""
        return tuple(job for job in self.running if job.progress.is_over)

    @property
    def aside(self) -> str:
        """What the counts of jobs leave out, as text."""
        return ", those of rollouts aside" if self.rollouts else ""

    def ago(self, since: str) -> str:
        """Return how long ago a timestamp was, such as `35 min`."""
        return format_span((moment(self.at) - moment(since)).total_seconds())

    @property
    def last_day(self) -> str:
        """How many jobs and rejected deliveries of the last day there are, as text."""
        jobs = ", ".join(f"{count} {state}" for state, count in self.jobs.items()) or "no job"
        rejected = self.deliveries.get("rejected", 0)
        files = f"; {rejected} {'delivery' if rejected == 1 else 'deliveries'} rejected"
        return f"{jobs}{self.aside}{files if rejected else ''}"

    @property
    def last_checkpoint(self) -> str:
        """How long ago the latest checkpoint was recorded, and what came since, as text."""
        if not self.checkpoint:
            return "none: truncation cannot be ruled out"
        return f"{self.ago(self.checkpoint)} ago, {self.unconfirmed} records since"

    @property
    def last_examination(self) -> str:
        """How long ago the deployment was examined, and the result, as text."""
        if not self.examined:
            return 'none on record: invoke the function with {"action": "doctor"}'
        at, _, result = self.examined.partition(" ")
        return f"{self.ago(at)} ago: {result}"


def overview_of(view: View, times: JobTimes) -> Overview:
    """Return the overview of a log's state, with what the operator set for rollouts."""
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
        running=tuple(_job(job) for job in opened.followed if not job.rollout),
        rollouts=tuple(recent_rollouts(view, times, DAY)),
        failed=tuple(map(_job, changes.wrong)),
        deliveries=dict(changes.deliveries),
        jobs=dict(changes.jobs),
        ticks=tuple(_ticks(view)),
        checkpoint=confirmed.at if is_confirmed else "",
        unconfirmed=view.head.seq - (confirmed.seq if is_confirmed else 0),
        examined=view.examined,
    )


def _job(job: JobState) -> Entry:
    state = f"{job.operation} is claimed" if job.operation else shown_state(job)
    ids = (job.delivery, job.key, job.job_id)
    return Entry(job.name, state, job.note, job.changed_at, *ids, progress_of(job))


def _delivery(delivery: DeliveryState) -> Entry:
    is_awaiting = delivery.state == "awaiting"
    note = f"until {delivery.awaits_until[:19]}Z: {delivery.note}" if is_awaiting else delivery.note
    state = _AWAITING if is_awaiting else "not planned yet"
    return Entry(delivery.subject, state, note, delivery.touched_at, delivery.key)


def _ticks(view: View) -> Iterator[Tick]:
    """Yield each timer of the latest jobs with its latest tick."""
    fired: dict[str, set[str]] = {}
    for key in dict.fromkeys(job.delivery for job in view.latest_jobs(_LATEST)):
        delivery = view.delivery(key)
        if delivery and delivery.trigger == "timer" and delivery.fired_at:
            name = delivery.subject.removeprefix("timer:").rpartition(":")[0]
            fired.setdefault(name, set()).add(delivery.fired_at)
    now = timestamp(view.now)
    for name, times in sorted(fired.items()):
        # An event may say any time; a tick in the future says nothing about the next one.
        past = sorted(time for time in times if time <= now)
        due = _expected(past[-2], past[-1], view.now) if len(past) > 1 else ""
        yield Tick(name, past[-1] if past else max(times), due)


def _expected(before: str, latest: str, now: datetime) -> str:
    """Return when a timer is due next, if it goes on as between its last two ticks."""
    apart = moment(latest) - moment(before)
    due = moment(latest) + apart
    return timestamp(due) if due + apart > now else ""
