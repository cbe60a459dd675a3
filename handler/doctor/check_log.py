"""Whether the log can be used, its end is whole, and the work in it goes on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from handler.audit.record import part
from handler.audit.state import UNSETTLED
from handler.doctor.finding import fail, ok, warn
from handler.errors import LogError
from handler.values.canonical_json import moment, sha256_hex, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from handler.audit.log import Log, Open, View
    from handler.audit.record import Head, Record
    from handler.doctor.finding import Finding
    from handler.settings import Settings

LAST = 1000
"""How many records of the chain's end are looked at."""

MOST = 1000
"""How much open work of each kind is looked at."""

_DOUBTFUL_SKEW = 30
_FOLLOWED_FOR = 3600  # seconds; a job ends after 10 minutes at the latest, and a tick learns of it
_UNTOUCHED_FOR = 3600  # seconds; longer than any sensible pause between two ticks
_LATELY = timedelta(days=1)
_TICKS = (
    'see that a timer with the user event {"action": "reconcile"} is active, and what its runs '
    "answer; `nightdrop reconcile` runs one now"
)


@dataclass(frozen=True)
class LogStatus:
    """What a look at the log found.

    Attributes:
        head: The end of the chain.
        broken: The number of the first record that does not follow the one before; 0 for none.
        hold: Why sending is held, or "".
        suspension: Why settling is suspended, or "".
        open: What is left to do.
        now: The store's clock, and `own` ours.
        failed: Jobs that failed on the fleet in the last day, each with the reason, the latest
            last; as far as the records at the end of the chain that are looked at reach back.
    """

    head: Head
    broken: int
    hold: str
    suspension: str
    open: Open
    now: datetime
    own: datetime
    failed: tuple[str, ...] = ()


def read_log_status(log: Log, own: datetime) -> LogStatus:
    """Return what stands in a log.

    Args:
        log: The log.
        own: The time by our clock.

    Raises:
        LogError: It cannot be read.
    """

    def ask(view: View) -> tuple[Head, str, str, Open, datetime]:
        hold, suspension = view.switch("hold"), view.switch("suspension")
        return view.head, hold, suspension, view.open(MOST), view.now

    head, hold, suspension, left, now = log.read(ask)
    records = list(log.records(after=max(0, head.seq - LAST)))
    broken = first_invalid(records)
    failed = () if broken else tuple(_failed(records, now - _LATELY))
    return LogStatus(head, broken, hold, suspension, left, now, own, failed)


def first_invalid(records: Sequence[Record]) -> int:
    """Return the number of the first record whose hash or link is wrong; 0 if none is."""
    before: Record | None = None
    for record in records:
        linked = before is None or (
            record.seq == before.seq + 1 and record.fields.get("prev") == before.hash
        )
        if not linked or sha256_hex(record.text) != record.hash:
            return record.seq
        before = record
    return 0


def _failed(records: Sequence[Record], since: datetime) -> Iterator[str]:
    for record in records:
        fields = record.fields
        late = moment(str(fields["at"])) >= since
        if fields["action"] == "job.finished" and fields["outcome"] == "failure" and late:
            final, note = part(fields, "response").get("final"), fields.get("note", "")
            yield f"{part(fields, 'job').get('name')} ended {final}" + (f": {note}" if note else "")


def log_findings(seen: LogStatus | LogError, settings: Settings) -> Iterator[Finding]:
    """Yield what is to be said of a log and of the work in it."""
    if isinstance(seen, LogError):
        yield fail(
            "log", str(seen), "see that NIGHTDROP_AUDIT names the log, and that it can be reached"
        )
        return
    yield _chain_finding(seen)
    skew = abs((seen.own - seen.now).total_seconds())
    if skew > _DOUBTFUL_SKEW:
        yield warn(
            "log's clock",
            f"it is {skew:.0f} s from this one's, and leases are counted by it",
            "set both clocks by a time server (NTP)",
        )
    yield from _switch_findings(seen)
    if seen.failed:
        yield warn(
            "fleet's jobs",
            f"{len(seen.failed)} jobs failed on the fleet in the last day; {seen.failed[-1]}",
            "`nightdrop audit list --action job.finished --outcome failure --since 1d` lists them; "
            "deliver anew what is still wanted",
        )
    stale = list(_stale(seen, settings))
    yield from stale
    if not stale:
        yield ok("work", _told(seen.open))


def _chain_finding(seen: LogStatus) -> Finding:
    if seen.broken:
        return fail(
            "log",
            f"the chain is broken at record {seen.broken}: something was changed or is missing",
            "run `nightdrop audit verify`, keep a copy of the log as it is, and find out who can "
            "write to it",
        )
    if not seen.head.seq:
        return ok("log", "it is empty")
    looked = min(LAST, seen.head.seq)
    return ok(
        "log",
        f"{seen.head.seq} records, the last {looked} whole, head {shown(seen.head.hash)}",
    )


def _switch_findings(seen: LogStatus) -> Iterator[Finding]:
    for said, reason in (
        ("sending is held", seen.hold),
        ("settling is suspended", seen.suspension),
    ):
        if reason:
            yield warn(
                "brake", f"{said}: {reason}", "`nightdrop release` lifts it, once that is over"
            )


def _stale(seen: LogStatus, settings: Settings) -> Iterator[Finding]:
    """Yield what lies longer than any tick would let it."""
    oldest = min((one.touched_at for one in seen.open.deliveries), default="")
    if _age(oldest, seen) > _UNTOUCHED_FOR:
        yield warn(
            "work",
            f"{len(seen.open.deliveries)} deliveries are undecided, the oldest since {oldest}",
            "look at it with `nightdrop audit show`; drop its file again if its event is lost",
        )
    unwritten = [run for run in seen.open.unreported if run.result_error]
    if unwritten:
        yield warn(
            "work",
            f"the result files of {len(unwritten)} deliveries could not be written; "
            f"{unwritten[0].subject}: {unwritten[0].result_error}",
            "see that NIGHTDROP_RESULTS names a bucket that this function may write to",
        )
    if not seen.hold:
        yield from _waiting(seen, max(_UNTOUCHED_FOR, 2 * settings.settle_after))
    oldest = min((job.changed_at for job in seen.open.followed), default="")
    if _age(oldest, seen) > _FOLLOWED_FOR:
        yield warn(
            "work",
            f"how {len(seen.open.followed)} jobs ended is not known, of one since {oldest}",
            _TICKS,
        )


def _waiting(seen: LogStatus, longest: float) -> Iterator[Finding]:
    jobs = seen.open.jobs
    oldest = min(jobs, key=lambda job: job.changed_at, default=None)
    if oldest and _age(oldest.changed_at, seen) > longest:
        why = f" ({oldest.note})" if oldest.note else ""
        yield warn(
            "work",
            f"{len(jobs)} jobs wait, {_unknown(seen.open)} of them unknown; {oldest.name} is "
            f"{oldest.state} since {oldest.changed_at}{why}",
            _TICKS,
        )


def _unknown(left: Open) -> int:
    return sum(job.state in UNSETTLED for job in left.jobs)


def _age(timestamp: str, seen: LogStatus) -> float:
    return (seen.now - moment(timestamp)) / timedelta(seconds=1) if timestamp else 0.0


def _told(left: Open) -> str:
    return (
        f"{len(left.deliveries)} deliveries undecided, {len(left.jobs)} jobs to send or settle "
        f"({_unknown(left)} unknown), {len(left.followed)} on the fleet"
    )
