"""The state of a rollout, folded one record at a time; that of its nodes is in `projection`.

planned ──► running ──► finished      every node of the last wave has ended
             │  ▲ └───► stopped       by a person or a breach: what was not sent is not sent
             ▼  │
            paused                    by a person, or by a breach of the gate

A wave is started, and finished once each of its nodes has ended; in between it may be retried.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

from handler.audit.record import integer, part
from handler.values.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from handler.audit.job_state import JobState
    from handler.audit.record import Fields
    from handler.values.canonical_json import Json

RolloutWord: TypeAlias = Literal["planned", "running", "paused", "stopped", "finished"]
NodeWord: TypeAlias = Literal["pending", "running", "succeeded", "failed", "skipped"]

_ENDED: frozenset[RolloutWord] = frozenset({"stopped", "finished"})
"""States in which nothing more is planned for a rollout."""

_STATES: Mapping[str, RolloutWord] = {
    "rollout.breached": "paused",
    "rollout.paused": "paused",
    "rollout.resumed": "running",
    "rollout.retried": "running",
    "rollout.stopped": "stopped",
    "rollout.finished": "finished",
    "wave.started": "running",
}
"""The actions that lead to another state."""


class RolloutState(NamedTuple):
    """One rollout as its records leave it.

    Attributes:
        key: Its key.
        delivery: The key of the delivery that asked for it.
        document: The number of its document in the file, from 1.
        name: Its name.
        type: The `job_type` of its jobs.
        state: Where it stands.
        settings: Its settings as JSON text, as `schedule.rollout_settings` reads them.
        body_digest: SHA-256 of the template of its jobs in the outbox, as recorded.
        waves: How many of its nodes are in a wave up to each, as numbers with blanks between.
        wave: The number of the latest wave that was started; 0 for none.
        wave_at: When that wave was started or, later, finished, a timestamp.
        wave_done: Whether that wave has finished.
        approved: The number of the latest wave that was approved.
        awaited: The number of the latest wave that was recorded as awaiting an approval.
        breached: Whether too many of its nodes failed, and it was not resumed or retried since.
        jobs: How many jobs were planned for it.
        succeeded: How many nodes succeeded before it ended; their rows are gone.
        note: What a person should know, such as why it is paused.
        planned_at: When it was planned, a timestamp.
        changed_at: When a record last changed it, a timestamp; those of its jobs and nodes do not.
        seq: The number of that record.
    """

    key: str
    delivery: str
    document: int
    name: str
    type: str
    state: RolloutWord
    settings: str
    body_digest: str
    waves: str
    wave: int = 0
    wave_at: str = ""
    wave_done: bool = False
    approved: int = 0
    awaited: int = 0
    breached: bool = False
    jobs: int = 0
    succeeded: int = 0
    note: str = ""
    planned_at: str = ""
    changed_at: str = ""
    seq: int = 0

    @property
    def wave_ends(self) -> tuple[int, ...]:
        """How many of its nodes are in a wave up to each; the last number counts them all."""
        return tuple(map(int, self.waves.split()))

    @property
    def nodes(self) -> int:
        """How many nodes it has, without those that were skipped when it was planned."""
        return self.wave_ends[-1]

    @property
    def ended(self) -> bool:
        """Whether nothing more is planned for it."""
        return self.state in _ENDED


class NodeState(NamedTuple):
    """One node of a rollout.

    Attributes:
        key: The rollout's key, shortened, and the node's id.
        rollout: The rollout's key.
        node_id: Its id at IEF.
        name: Its name.
        place: Its place in the rollout, from 1; 0 if it was skipped when that was planned.
        state: Where it stands.
        round: In how many jobs it was.
        job: The key of the latest of them, or "".
        note: Why it failed or was skipped, or "".
        excused: 1 if it had ended when its rollout was last resumed, and was in no job since.
    """

    key: str
    rollout: str
    node_id: str
    name: str
    place: int
    state: NodeWord
    round: int = 0
    job: str = ""
    note: str = ""
    excused: int = 0


class NodeCounts(NamedTuple):
    """How many nodes are in which state."""

    pending: int = 0
    running: int = 0
    succeeded: int = 0
    failed: int = 0
    skipped: int = 0

    @property
    def finished(self) -> int:
        """How many have ended in a job."""
        return self.succeeded + self.failed


class Rollouts(Protocol):
    """What a decision may ask about rollouts."""

    def get(self, key: str) -> RolloutState | None:
        """Return a rollout, or None."""

    def of_delivery(self, delivery: str) -> tuple[RolloutState, ...]:
        """Return the rollouts of a delivery, in the order of its documents."""

    def latest(self, limit: int) -> tuple[RolloutState, ...]:
        """Return the rollouts that were planned last, those that have not ended first."""

    def counts(self, key: str, first: int = 1, last: int = 0) -> NodeCounts:
        """Return how many nodes of a rollout are in which state.

        Those that succeeded before it ended are not among them.

        Args:
            key: The rollout's key.
            first: The place of the first node that counts.
            last: The place of the last one; 0 is the last of all, and counts the skipped ones too.
        """

    def judged(self, key: str) -> NodeCounts:
        """Return how many nodes failed or succeeded since a rollout was last resumed."""

    def pending(self, key: str, last: int, limit: int, *, free: bool) -> tuple[NodeState, ...]:
        """Return nodes up to a place that are to be in a job next, in their order.

        Args:
            key: The rollout's key.
            last: The place of the last node that counts.
            limit: How many are returned at most.
            free: Whether they are in no running job of another rollout, or are in one.
        """

    def nodes_of_job(self, job: str) -> tuple[NodeState, ...]:
        """Return the nodes whose latest job this is."""

    def nodes_in_state(self, key: str, state: NodeWord, limit: int) -> tuple[NodeState, ...]:
        """Return nodes of a rollout in a state, in their order."""

    def reasons(self, key: str, state: NodeWord, limit: int) -> tuple[tuple[str, int], ...]:
        """Return why nodes are in a state and how many for each reason, the most first."""

    def retriable(self, key: str, first: int, most: int) -> int:
        """Return how many failed nodes from a place on were in at most so many jobs."""

    def known(self, key: str, node_ids: Collection[str]) -> frozenset[str]:
        """Return those ids that a rollout has a node of; not those it skipped when planned."""

    def open_jobs(self, key: str) -> tuple[JobState, ...]:
        """Return the jobs of a rollout that have not ended."""

    def failed_jobs(self, key: str, since: str) -> tuple[JobState, ...]:
        """Return the jobs of a rollout that ended without full success after a timestamp."""


def totals(rollouts: Rollouts, rollout: RolloutState) -> NodeCounts:
    """Return how many nodes of a rollout are in which state, in all of its waves."""
    counts = rollouts.counts(rollout.key)
    return counts._replace(succeeded=counts.succeeded + rollout.succeeded)


def fold_rollout(rollout: RolloutState | None, fields: Fields) -> RolloutState | None:
    """Return a rollout's state after one more record about it, one of its waves, or a new job.

    Args:
        rollout: Its state before; None before `rollout.planned`.
        fields: The record's fields; they have a part `rollout`.
    """
    action, said = str(fields["action"]), part(fields, "rollout")
    if rollout is None:
        return _planned(fields) if action == "rollout.planned" else None
    if action == "job.planned":
        return rollout._replace(jobs=rollout.jobs + 1)
    if action not in MOVES:
        return rollout
    return rollout._replace(
        state=_STATES.get(action, rollout.state),
        note=str(fields.get("note", "")),
        changed_at=str(fields["at"]),
        seq=integer(fields["seq"]),
        **MOVES[action](said, str(fields["at"])),
    )


def _ended(said: Mapping[str, Json], _at: str) -> Mapping[str, Any]:
    return {"succeeded": integer(said.get("succeeded", 0))}


MOVES: Mapping[str, Callable[[Mapping[str, Json], str], Mapping[str, Any]]] = {
    "rollout.joined": lambda said, _at: {"waves": str(said["waves"])},
    "rollout.breached": lambda _said, _at: {"breached": True},
    "rollout.paused": lambda _said, _at: {},
    "rollout.resumed": lambda _said, _at: {"breached": False},
    "rollout.retried": lambda _said, _at: {"wave_done": False, "breached": False},
    "rollout.stopped": _ended,
    "rollout.finished": _ended,
    "wave.awaiting": lambda said, _at: {"awaited": integer(said["wave"])},
    "wave.approved": lambda said, _at: {"approved": integer(said["wave"])},
    "wave.started": lambda said, at: {
        "wave": integer(said["wave"]),
        "wave_at": at,
        "wave_done": False,
    },
    "wave.retried": lambda _said, _at: {"wave_done": False},
    "wave.finished": lambda _said, at: {"wave_at": at, "wave_done": True},
}
"""The records that move a rollout, and what each changes beside its state."""


def _planned(fields: Fields) -> RolloutState:
    said = part(fields, "rollout")
    return RolloutState(
        key=str(said["key"]),
        delivery=str(part(fields, "delivery")["key"]),
        document=integer(said["document"]),
        name=str(said["name"]),
        type=str(said["type"]),
        state="planned",
        settings=str(said["settings"]),
        body_digest=str(part(fields, "request").get("digest", "")),
        waves=str(said["waves"]),
        planned_at=str(fields["at"]),
        changed_at=str(fields["at"]),
        seq=integer(fields["seq"]),
    )
