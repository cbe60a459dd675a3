"""Checks the log, the end of its chain, and the open work in it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from handler.audit.job_end import FAILED, failure_sentence, shown_state
from handler.audit.job_state import UNSETTLED
from handler.doctor.finding import fail, ok, warn
from handler.errors import LogError
from handler.values.canonical_json import moment, sha256_hex, short_key, timestamp
from handler.values.display import quantity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from handler.audit.job_state import JobState
    from handler.audit.log import Log, Open, View
    from handler.audit.record import Head, Record
    from handler.doctor.finding import Finding
    from handler.settings import Settings

LAST = 1000
"""How many records at the end of the chain are checked."""

_MOST = 1000
"""How many items of each kind of open work are checked."""

_DOUBTFUL_SKEW = 30
_FOLLOWED_FOR = 3600  # seconds; a job ends within 10 minutes, and the reconciler records that
_UNTOUCHED_FOR = 3600  # seconds; longer than a usual pause between two reconciler runs
_RECENT = timedelta(days=1)
_RECONCILER = (
    'check that a timer with the user event {"action": "reconcile"} is active, and what its runs '
    "return; `nightdrop reconcile` runs one now"
)


@dataclass(frozen=True)
class LogStatus:
    """The state of a log; `hold` and `suspension` are the reasons, or "".

    `invalid` is the number of the first record that does not match the one before, or 0. `now` is
    by the store's clock, `own` by ours. `failed` are jobs that failed on the fleet in the last day,
    the latest first; not those of rollouts, whose gate judges them.
    """

    head: Head
    invalid: int
    hold: str
    suspension: str
    open: Open
    now: datetime
    own: datetime
    failed: tuple[JobState, ...] = ()


def read_log_status(log: Log, own: datetime) -> LogStatus:
    """Read the state of a log; `own` is the time by our clock.

    Raises:
        LogError: The log cannot be read.
    """

    def ask(view: View) -> LogStatus:
        wrong = view.changes_since(timestamp(view.now - _RECENT), _MOST).wrong
        return LogStatus(
            head=view.head,
            invalid=0,
            hold=view.switch("hold"),
            suspension=view.switch("suspension"),
            open=view.open(_MOST),
            now=view.now,
            own=own,
            failed=tuple(job for job in wrong if shown_state(job) in FAILED),
        )

    seen = log.read(ask)
    records = list(log.records(after=max(0, seen.head.seq - LAST)))
    return replace(seen, invalid=first_invalid(records))


def first_invalid(records: Sequence[Record]) -> int:
    """Return the number of the first record with a wrong hash or link; 0 for none."""
    before: Record | None = None
    for record in records:
        linked = before is None or (
            record.seq == before.seq + 1 and record.fields.get("prev") == before.hash
        )
        if not linked or sha256_hex(record.text) != record.hash:
            return record.seq
        before = record
    return 0


def log_findings(seen: LogStatus | LogError, settings: Settings) -> Iterator[Finding]:
    """Yield findings about a log and its open work."""
    if isinstance(seen, LogError):
        yield fail(
            "log", str(seen), "check that NIGHTDROP_AUDIT names the log, and that it is reachable"
        )
        return
    yield _chain_finding(seen)
    skew = abs((seen.own - seen.now).total_seconds())
    if skew > _DOUBTFUL_SKEW:
        yield warn(
            "log's clock",
            f"it differs by {skew:.0f} s from this machine's; leases depend on it",
            "synchronise both clocks with a time server (NTP)",
        )
    yield from _switch_findings(seen)
    if seen.failed:
        yield warn(
            "fleet's jobs",
            f"{quantity(len(seen.failed), 'job')} failed on the fleet in the last day; "
            f"{failure_sentence(seen.failed[0])}",
            "`nightdrop audit list --action job.finished --outcome failure --since 1d` lists them; "
            "deliver again what is still needed",
        )
    overdue = list(_overdue(seen, settings))
    yield from overdue
    if not overdue:
        yield ok("work", _open_work(seen.open))


def _chain_finding(seen: LogStatus) -> Finding:
    if seen.invalid:
        return fail(
            "log",
            f"the chain is invalid at record {seen.invalid}: a record was changed or is missing",
            "run `nightdrop audit verify`, keep a copy of the log, and find who can write to it",
        )
    if not seen.head.seq:
        return ok("log", "it is empty")
    checked = min(LAST, seen.head.seq)
    return ok(
        "log",
        f"{seen.head.seq} records, the last {checked} valid, head {short_key(seen.head.hash)}",
    )


def _switch_findings(seen: LogStatus) -> Iterator[Finding]:
    for state, reason in (
        ("sending is on hold", seen.hold),
        ("settling is suspended", seen.suspension),
    ):
        if reason:
            yield warn(
                "hold", f"{state}: {reason}", "run `nightdrop release` when the reason is gone"
            )


def _overdue(seen: LogStatus, settings: Settings) -> Iterator[Finding]:
    """Yield findings about work that is open for longer than the reconciler should need."""
    oldest = min((one.touched_at for one in seen.open.deliveries), default="")
    if _age(oldest, seen) > _UNTOUCHED_FOR:
        yield warn(
            "work",
            f"{quantity(len(seen.open.deliveries), 'delivery')} undecided, the oldest since "
            f"{oldest}",
            "`nightdrop audit list --action delivery.received` lists them; deliver again what is "
            "still wanted",
        )
    unwritten = [run for run in seen.open.unreported if run.result_error]
    if unwritten:
        yield warn(
            "work",
            f"the result files of {quantity(len(unwritten), 'delivery')} could not be written; "
            f"{unwritten[0].subject}: {unwritten[0].result_error}",
            "check that NIGHTDROP_RESULTS names a bucket that this function may write to",
        )
    if not seen.hold:
        yield from _waiting(seen, max(_UNTOUCHED_FOR, 2 * settings.settle_after))
    since = [job.changed_at for job in seen.open.followed if not job.paused]
    overdue = [at for at in since if _age(at, seen) > _FOLLOWED_FOR]
    if overdue:
        yield warn(
            "work",
            f"{quantity(len(overdue), 'job')} should have ended on the fleet by now, the oldest "
            f"was created at {min(overdue)}",
            _RECONCILER,
        )


def _waiting(seen: LogStatus, longest: float) -> Iterator[Finding]:
    jobs = seen.open.jobs
    oldest = min(jobs, key=lambda job: job.changed_at, default=None)
    if oldest and _age(oldest.changed_at, seen) > longest:
        why = f" ({oldest.note})" if oldest.note else ""
        yield warn(
            "work",
            f"{quantity(len(jobs), 'job')} to send or settle, {_unknown(seen.open)} of them "
            f"unknown; {oldest.name} has been {oldest.state} since {oldest.changed_at}{why}",
            _RECONCILER,
        )


def _unknown(left: Open) -> int:
    return sum(job.state in UNSETTLED for job in left.jobs)


def _age(timestamp: str, seen: LogStatus) -> float:
    return (seen.now - moment(timestamp)) / timedelta(seconds=1) if timestamp else 0.0


def _open_work(left: Open) -> str:
    return (
        f"{quantity(len(left.deliveries), 'delivery')} undecided, "
        f"{quantity(len(left.jobs), 'job')} to send or settle "
        f"({_unknown(left)} unknown), {len(left.followed)} on the fleet"
        + (f", {quantity(len(left.awaiting), 'file')} to approve" if left.awaiting else "")
        + (f", {quantity(len(left.operations), 'operation')} to settle" if left.operations else "")
    )
