"""The protocol of the audit log: one writing call, and what a decision may ask.

A decision is a pure function from the state to the records to append. The store runs it under
its own serialisation and runs it again when it lost a race, so it must not touch the world.
Claims, leases and de-duplication are ordinary decisions, and the same ones serve every store.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, TypeAlias, TypeVar, cast

from handler.values.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from datetime import datetime

    from handler.audit.confirmation import Confirmation
    from handler.audit.job_state import JobState
    from handler.audit.record import Draft, Head, Record
    from handler.audit.rollouts.state import Rollouts, RolloutState
    from handler.audit.state import DeliveryState

Switch: TypeAlias = Literal["hold", "suspension"]
"""What a person turns off again: `hold` stops all sending, `suspension` the conclusion that a job
is absent."""

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Decision(Generic[T_co]):
    """The result of a decision; not to be changed.

    Attributes:
        value: The answer for the caller: granted or not, new or seen before.
        drafts: What to append, in order; empty if there is nothing to record.
        then: Decides the rest, value included, on the state with the drafts in it. All of it is
            one append.
    """

    __slots__ = ("drafts", "then", "value")

    def __init__(
        self, value: T_co, drafts: tuple[Draft, ...] = (), then: Decide[T_co] | None = None
    ) -> None:
        self.value, self.drafts, self.then = value, drafts, then

    def value_in(self, view: View) -> T_co:
        """Return the value in a state that has the drafts in it, where `then` appends no others."""
        return self.then(view).value_in(view) if self.then else self.value


def followed_by(drafts: tuple[Draft, ...], then: Decide[T]) -> Decision[T]:
    """Return a decision that appends drafts and leaves its value to `then`."""
    return Decision(cast("T", None), drafts, then)


class Open(NamedTuple):
    """The open work, the longest untouched first.

    Attributes:
        deliveries: Received, but neither planned nor refused.
        jobs: Not final: to be settled, then to be sent or expired; of both at most the limit.
        followed: On the fleet, and not known to have ended.
        unreported: Deliveries of objects that changed since their result file was written; those
            first that it may be written for now.
        awaiting: Deliveries that a rule of the policy lets run only once they are approved.
        operations: Jobs with an operation that is claimed and not answered.
        rollouts: Rollouts that have not ended.
    """

    deliveries: tuple[DeliveryState, ...]
    jobs: tuple[JobState, ...]
    followed: tuple[JobState, ...]
    unreported: tuple[DeliveryState, ...]
    awaiting: tuple[DeliveryState, ...] = ()
    operations: tuple[JobState, ...] = ()
    rollouts: tuple[RolloutState, ...] = ()


class ScanState(NamedTuple):
    """The position of the bucket scan in a bucket.

    Attributes:
        position: The key after which the next scan continues; "" starts at the first.
        limit: The timestamp before which objects were last said not to be run; "" for never.
    """

    position: str = ""
    limit: str = ""


class FleetEnds(NamedTuple):
    """How many jobs ended on the fleet, and how many of them failed, wholly or in part.

    Jobs that somebody deleted there, or that exist twice, count as neither.
    """

    ended: int
    failed: int


class Changes(NamedTuple):
    """What changed since a moment, jobs of rollouts aside: there may be hundreds of them.

    Attributes:
        deliveries: How many deliveries are in which state.
        jobs: How many jobs are in which state, as `job_end.shown_state` has it.
        wrong: Those of the jobs that went wrong, the latest first, as many as were asked for.
    """

    deliveries: Mapping[str, int]
    jobs: Mapping[str, int]
    wrong: tuple[JobState, ...]


class Notices(NamedTuple):
    """The latest notices, as far as the next one depends on them.

    Attributes:
        dates: When the latest ones about deliveries were claimed, timestamps in order.
        summary: The time of the event whose summary was claimed last, a timestamp.
        summary_due: Until when its answer may still come, a timestamp; "" once it is recorded.
    """

    dates: tuple[str, ...] = ()
    summary: str = ""
    summary_due: str = ""


class View(Protocol):
    """The state a decision sees: everything recorded before it, nothing after."""

    @property
    def now(self) -> datetime:
        """The store's clock, aware: the same for every sender."""

    @property
    def head(self) -> Head:
        """The end of the chain."""

    @property
    def first(self) -> Record | None:
        """The first record, by whose hash a log is known, or None for an empty log."""

    @property
    def confirmation(self) -> Confirmation:
        """What the log says of the latest checkpoint."""

    def delivery(self, key: str) -> DeliveryState | None:
        """Return a delivery with its jobs, or None if it was never recorded."""

    def job(self, key: str) -> JobState | None:
        """Return a job, or None if it was never planned."""

    def jobs_by_id(self, job_ids: Sequence[str]) -> tuple[JobState, ...]:
        """Return the jobs that have one of these ids at the API."""

    def latest_run(self, subject: str) -> DeliveryState | None:
        """Return a subject's latest delivery, without its jobs, that created or still plans one."""

    def planned_since(self, rule: str, since: str, most: int) -> tuple[tuple[str, int], ...]:
        """Return when deliveries were planned under a rule, and for how many jobs each.

        Args:
            rule: The rule, as `record.rule_id` names it.
            since: Those that were planned until then, a timestamp, are left out.
            most: How many are returned at most, the latest first.
        """

    def fleet_ends(self, since: str) -> FleetEnds:
        """Return how jobs ended on the fleet after a timestamp and after the latest release."""

    def latest_read(self, subject: str) -> DeliveryState | None:
        """Return the subject's latest delivery that was read or rejected, without its jobs."""

    def undecided(self, subjects: Sequence[str]) -> tuple[DeliveryState, ...]:
        """Return the deliveries of these subjects that were received or await approval."""

    def scan(self, bucket: str) -> ScanState:
        """Return the position of the bucket scan in a bucket."""

    def open(self, limit: int, buckets: Sequence[str] | None = None) -> Open:
        """Return the open work, at most `limit` of each kind.

        Only objects in `buckets` count as unreported; None is all buckets.
        """

    def is_approved(self, subject: str, digest: str) -> bool:
        """Return whether a delivery of these bytes was approved and is to be planned yet."""

    def awaiting(self, digest: str = "") -> tuple[DeliveryState, ...]:
        """Return at most 100,000 deliveries that await approval, of any spec or one of a digest."""

    @property
    def rollouts(self) -> Rollouts:
        """The rollouts."""

    def unnoticed(self, limit: int) -> tuple[DeliveryState, ...]:
        """Return deliveries that a notice may be claimed for now, or whose claim has run out.

        Those first that have not been tried, the oldest first; without their jobs.
        """

    @property
    def notices(self) -> Notices:
        """The latest notices."""

    def changes_since(self, since: str, limit: int) -> Changes:
        """Return what changed after a timestamp, with at most `limit` jobs that went wrong."""

    def find(self, what: str) -> tuple[DeliveryState, ...]:
        """Return about 100 deliveries, by the beginning of a job's name, id or key, or theirs."""

    def latest_jobs(self, limit: int) -> tuple[JobState, ...]:
        """Return the jobs that were planned last, the latest first."""

    def has_closed_before(self, before: str) -> bool:
        """Return whether a delivery has been closed and untouched since before a timestamp.

        Closed is a decided delivery whose jobs have all ended, whether its result file is written
        or not.
        """

    @property
    def forgotten(self) -> str:
        """The moment up to which closed deliveries are forgotten, a timestamp; "" for none."""

    def matches_record(self, job: JobState) -> bool:
        """Return whether a job's state is the one that its latest record leads to."""

    @property
    def cut_off(self) -> str:
        """When the log was last found to have lost its end, a timestamp; "" for never."""

    def is_contradicted(self, note: str) -> bool:
        """Return whether a state was contradicted with this note since the last rebuild."""

    def switch(self, name: Switch) -> str:
        """Return why a switch is on, or "" if it is off."""

    @property
    def examined(self) -> str:
        """The time and the result of the latest examination of the deployment; "" for none."""


Decide: TypeAlias = "Callable[[View], Decision[T]]"


class Committed(Generic[T_co]):
    """A committed decision: its value and its records, which are durable; not to be changed."""

    __slots__ = ("records", "value")

    def __init__(self, value: T_co, records: tuple[Record, ...]) -> None:
        self.value, self.records = value, records


class Log(Protocol):
    """An append-only, hash-chained sequence of records, and the state folded from it."""

    def commit(self, decide: Decide[T]) -> Committed[T]:
        """Run one decision and append what it asks for, durably, before returning.

        Raises:
            LogBusyError: Other writers held the log for too long; nothing was appended.
        """

    def commit_all(self, decisions: Sequence[Decide[Any]]) -> tuple[Committed[Any], ...]:
        """Run several decisions in order, each seeing the ones before it, as one append."""

    def read(self, ask: Callable[[View], T], *, fresh: bool = True) -> T:
        """Return what `ask` finds in the state; nothing is appended.

        Args:
            ask: Asks the view.
            fresh: Whether everything that is recorded by now must be in it. If not, all that this
                log has recorded and read itself is in it, and what other instances have recorded
                since may not be. That is enough to report one's own work, and to choose what a
                commit then decides; in OBS it spares a request.
        """

    def bodies(self, keys: Sequence[str]) -> Mapping[str, str]:
        """Return what the outbox holds for jobs or deliveries, by their keys.

        What is settled has no body and is left out.
        """

    def records(self, after: int = 0) -> Iterator[Record]:
        """Yield the records with a larger number than `after`, in order."""

    def records_of(self, deliveries: Collection[str]) -> Iterator[Record]:
        """Yield the records about some deliveries, in order.

        Not all of the log is read for it, but for deliveries that were forgotten.
        """

    def close(self) -> None:
        """Close files and connections."""
