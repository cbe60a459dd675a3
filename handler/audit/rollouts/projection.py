"""Rollouts and their nodes as rows of SQL tables, and the queries over them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from handler.audit.record import integer, part
from handler.audit.rollouts import statements
from handler.audit.rollouts.state import NodeCounts, NodeState, RolloutState, fold_rollout
from handler.audit.sql.rows import job_from_row
from handler.audit.sql.statements import DELETE_BODY
from handler.audit.sql.value_list import rows_for
from handler.values.canonical_json import short_key

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from handler.audit.job_state import JobState
    from handler.audit.record import Fields
    from handler.audit.rollouts.state import NodeWord
    from handler.audit.sql.view import Execute

_FLAGS = ("wave_done", "breached")

ENDS_WITH: Mapping[str, NodeWord] = {
    "job.finished": "succeeded",
    "job.refused": "failed",
    "job.abandoned": "failed",
    "job.deleted": "failed",
}
"""The records of a job that move the nodes that run in it, and the state they lead to."""


@dataclass(frozen=True)
class SqlRollouts:
    """The queries over rollouts, in the current transaction of a database.

    Attributes:
        execute: Runs a statement over all that was changed.
    """

    execute: Execute

    def get(self, key: str) -> RolloutState | None:
        """Return a rollout, or None."""
        return next(iter(self._rollouts(statements.ROLLOUT, key)), None)

    def of_delivery(self, delivery: str) -> tuple[RolloutState, ...]:
        """Return the rollouts of a delivery, in the order of its documents."""
        return self._rollouts(statements.OF_DELIVERY, delivery)

    def open(self, limit: int) -> tuple[RolloutState, ...]:
        """Return the rollouts that have not ended, the longest untouched first.

        One that was stopped is among them until its paused jobs run again.
        """
        return self._rollouts(statements.OPEN_ROLLOUTS, limit)

    def latest(self, limit: int) -> tuple[RolloutState, ...]:
        """Return the rollouts that were planned last, those that have not ended first."""
        return self._rollouts(statements.LATEST_ROLLOUTS, limit)

    def counts(self, key: str, first: int = 1, last: int = 0) -> NodeCounts:
        """Return how many nodes of a rollout are in which state."""
        statement, between = (
            (statements.COUNTS, (first, last)) if last else (statements.ALL_COUNTS, ())
        )
        return NodeCounts(**dict(self.execute(statement, (key, *between))))

    def judged(self, key: str) -> NodeCounts:
        """Return how many nodes failed or succeeded since a rollout was last resumed."""
        return NodeCounts(**dict(self.execute(statements.JUDGED, (key,))))

    def pending(self, key: str, last: int, limit: int, *, free: bool) -> tuple[NodeState, ...]:
        """Return nodes up to a place that are to be in a job next, in their order."""
        statement = statements.PENDING_NODES if free else statements.BUSY
        return self._nodes(statement, key, last, limit)

    def nodes_of_job(self, job: str) -> tuple[NodeState, ...]:
        """Return the nodes whose latest job this is."""
        return self._nodes(statements.NODES_OF_JOB, job)

    def nodes_in_state(self, key: str, state: NodeWord, limit: int) -> tuple[NodeState, ...]:
        """Return nodes of a rollout in a state, in their order."""
        return self._nodes(statements.NODES_IN_STATE, key, state, limit)

    def reasons(self, key: str, state: NodeWord, limit: int) -> tuple[tuple[str, int], ...]:
        """Return why nodes are in a state and how many for each reason, the most first."""
        rows = self.execute(statements.REASONS, (key, state, limit))
        return tuple((str(note), int(count)) for note, count in rows)

    def retriable(self, key: str, first: int, most: int) -> int:
        """Return how many failed nodes from a place on were in at most so many jobs."""
        return int(self.execute(statements.RETRIABLE, (key, first, most))[0][0])

    def known(self, key: str, node_ids: Collection[str]) -> frozenset[str]:
        """Return those ids that a rollout has a node of; not those it skipped when planned."""
        keys = {_node_key(key, node_id): node_id for node_id in node_ids}
        rows = rows_for(self.execute, statements.KNOWN, list(keys))
        return frozenset(keys[found] for (found,) in rows)

    def open_jobs(self, key: str) -> tuple[JobState, ...]:
        """Return the jobs of a rollout that have not ended."""
        return tuple(map(job_from_row, self.execute(statements.OPEN_JOBS, (key,))))

    def failed_jobs(self, key: str, since: str) -> tuple[JobState, ...]:
        """Return the jobs of a rollout that ended without full success after a timestamp."""
        return tuple(map(job_from_row, self.execute(statements.FAILED_JOBS, (key, since))))

    def _rollouts(self, statement: str, value: object) -> tuple[RolloutState, ...]:
        return tuple(map(_rollout_from_row, self.execute(statement, (value,))))

    def _nodes(self, statement: str, *values: object) -> tuple[NodeState, ...]:
        return tuple(NodeState(*row) for row in self.execute(statement, values))


def move_rollout(execute: Execute, recorded: Fields) -> None:
    """Update the tables with one more record that has a part `rollout`."""
    action = str(recorded["action"])
    before = SqlRollouts(execute).get(str(part(recorded, "rollout")["key"]))
    rollout = fold_rollout(before, recorded)
    if rollout is None:
        return
    if rollout != before:
        execute(statements.PUT_ROLLOUT, rollout_row(rollout))
    if action in _PROJECTIONS:
        _PROJECTIONS[action](execute, rollout, recorded)


def closes_template(recorded: Fields) -> bool:
    """Return whether a record ends a rollout and leaves nothing that may be retried."""
    failed = part(recorded, "rollout").get("failed", 0)
    action = recorded["action"]
    return action == "rollout.stopped" or (action == "rollout.finished" and not failed)


def move_nodes(execute: Execute, job: str, recorded: Fields) -> None:
    """Update the nodes of a rollout's job with one more record of the job."""
    action, note = str(recorded["action"]), str(recorded.get("note", ""))
    if action == "job.expired":
        execute(statements.RELEASE, (job,))
    elif action in ENDS_WITH:
        state = ENDS_WITH[action]
        execute(statements.MOVE_ALL, (state, note if state == "failed" else "", job))


def rollout_row(rollout: RolloutState) -> tuple[Any, ...]:
    """Return the values of a rollout for `PUT_ROLLOUT`."""
    return tuple(int(value) if isinstance(value, bool) else value for value in rollout)


def _rollout_from_row(row: Sequence[Any]) -> RolloutState:
    values = dict(zip(statements.ROLLOUT_COLUMNS, row, strict=True))
    return RolloutState(**{**values, **{flag: bool(values[flag]) for flag in _FLAGS}})


def _node_key(rollout: str, node_id: str) -> str:
    return f"{short_key(rollout)}/{node_id}"


def _put_nodes(execute: Execute, rollout: RolloutState, recorded: Fields) -> None:
    said, note = part(recorded, "rollout"), str(recorded.get("note", ""))
    skipped = recorded["action"] == "rollout.skipped"
    first = 0 if skipped else integer(said["place"])
    listed: list[tuple[str, str]] = json.loads(str(said["nodes"]))
    for index, (node_id, name) in enumerate(listed):
        node = NodeState(
            key=_node_key(rollout.key, node_id),
            rollout=rollout.key,
            node_id=node_id,
            name=name,
            place=0 if skipped else first + index,
            state="skipped" if skipped else "pending",
            note=note if skipped else "",
        )
        execute(statements.PUT_NODE, node)


def _assign_nodes(execute: Execute, rollout: RolloutState, recorded: Fields) -> None:
    job = str(part(recorded, "job")["key"])
    for node_id in str(part(recorded, "rollout")["nodes"]).split():
        execute(statements.ASSIGN, (job, _node_key(rollout.key, node_id)))


def _move_node(execute: Execute, rollout: RolloutState, recorded: Fields) -> None:
    node_key = _node_key(rollout.key, str(part(recorded, "rollout")["node"]))
    state = str(recorded["action"]).removeprefix("node.")
    execute(statements.MOVE, (state, str(recorded.get("note", "")), node_key))


def _retry_nodes(execute: Execute, rollout: RolloutState, recorded: Fields) -> None:
    """Let the failed nodes from a place on be in another job that were in at most so many."""
    first, most = (integer(part(recorded, "rollout")[name]) for name in ("place", "round"))
    execute(statements.RETRY, (rollout.key, first, most))


def _excuse_nodes(execute: Execute, rollout: RolloutState, _recorded: Fields) -> None:
    execute(statements.EXCUSE, (rollout.key,))


def _end(execute: Execute, rollout: RolloutState, recorded: Fields) -> None:
    execute(statements.DELETE_SUCCEEDED, (rollout.key,))
    if closes_template(recorded):
        execute(DELETE_BODY, (rollout.key,))


_PROJECTIONS = {
    "rollout.selected": _put_nodes,
    "rollout.skipped": _put_nodes,
    "rollout.joined": _put_nodes,
    "job.planned": _assign_nodes,
    "node.failed": _move_node,
    "node.succeeded": _move_node,
    "node.skipped": _move_node,
    "wave.retried": _retry_nodes,
    "rollout.retried": _retry_nodes,
    "rollout.resumed": _excuse_nodes,
    "rollout.stopped": _end,
    "rollout.finished": _end,
}
"""What the records that move nodes or end a rollout change beside the row of the rollout."""
