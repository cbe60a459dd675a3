"""A state that holds one job: what a decision about a job is tried on."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from handler.audit.confirmation import Confirmation
from handler.audit.log import Changes, FleetEnds, Notices, Open, ScanState
from handler.audit.record import Head

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handler.audit.job_state import JobState
    from handler.audit.log import Switch
    from handler.audit.record import Record
    from handler.audit.rollouts.state import Rollouts
    from handler.audit.state import DeliveryState

NOW = datetime(2026, 11, 24, 2, tzinfo=timezone.utc)
"""What its clock says, unless a test sets it."""


@dataclass(frozen=True)
class OneJobView:
    """A state with one job in it, and the switches that are on."""

    one: JobState | None
    now: datetime = NOW
    held: str = ""
    suspended: str = ""
    head: Head = field(default_factory=Head)
    first: Record | None = None
    confirmation: Confirmation = field(default_factory=Confirmation)
    cut_off: str = ""

    @property
    def rollouts(self) -> Rollouts:
        """Fail: its job is of no rollout."""
        raise NotImplementedError

    def job(self, _key: str) -> JobState | None:
        """Return the job."""
        return self.one

    def jobs_by_id(self, job_ids: Sequence[str]) -> tuple[JobState, ...]:
        """Return the job if its id is one of them."""
        return (self.one,) if self.one and self.one.job_id in job_ids else ()

    def delivery(self, _key: str) -> DeliveryState | None:
        """Return nothing."""
        return None

    def latest_run(self, _subject: str) -> DeliveryState | None:
        """Return nothing."""
        return None

    def latest_read(self, _subject: str) -> DeliveryState | None:
        """Return nothing."""
        return None

    def scan(self, _bucket: str) -> ScanState:
        """Return nothing."""
        return ScanState()

    def undecided(self, _subjects: Sequence[str]) -> tuple[DeliveryState, ...]:
        """Return nothing."""
        return ()

    def open(self, _limit: int, _buckets: object = None) -> Open:
        """Return nothing."""
        return Open((), (), (), ())

    def is_approved(self, _subject: str, _digest: str) -> bool:
        """Return that nothing is."""
        return False

    def awaiting(self, _digest: str = "") -> tuple[DeliveryState, ...]:
        """Return nothing."""
        return ()

    def find(self, _what: str) -> tuple[DeliveryState, ...]:
        """Return nothing."""
        return ()

    def latest_jobs(self, _limit: int) -> tuple[JobState, ...]:
        """Return nothing."""
        return ()

    def planned_since(self, _rule: str, _since: str, _most: int) -> tuple[tuple[str, int], ...]:
        """Return nothing: no rule counts."""
        return ()

    def fleet_ends(self, _since: str) -> FleetEnds:
        """Return that nothing has ended."""
        return FleetEnds(0, 0)

    def unnoticed(self, _limit: int) -> tuple[DeliveryState, ...]:
        """Return nothing."""
        return ()

    @property
    def notices(self) -> Notices:
        """There are none."""
        return Notices()

    def changes_since(self, _since: str, _limit: int) -> Changes:
        """Return nothing."""
        return Changes({}, {}, ())

    def has_closed_before(self, _before: str) -> bool:
        """Return False: nothing is old."""
        return False

    @property
    def forgotten(self) -> str:
        """Nothing is."""
        return ""

    def matches_record(self, _job: JobState) -> bool:
        """Return True: the state was not tampered with."""
        return True

    def is_contradicted(self, _note: str) -> bool:
        """Return False: the state was not tampered with."""
        return False

    @property
    def examined(self) -> str:
        """Return that the deployment was never examined."""
        return ""

    def switch(self, name: Switch) -> str:
        """Return why sending is held, or why absence may not be concluded."""
        return {"hold": self.held, "suspension": self.suspended}.get(name, "")
