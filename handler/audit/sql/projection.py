"""The state as rows of SQL tables, updated in the transaction that appends the records.

It is the same code for every store: each one passes in a function that runs one statement.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from handler.audit.actions import FORGOTTEN
from handler.audit.job_state import fold_job
from handler.audit.log import Committed, Decision
from handler.audit.record import Head, Record, part, seal
from handler.audit.sql import statements
from handler.audit.sql.switches import FORGOTTEN_UNTIL, project_switches
from handler.audit.sql.view import Execute, SqlView
from handler.audit.state import UNDECIDED, fold_delivery

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from handler.audit.job_state import JobState
    from handler.audit.log import Decide
    from handler.audit.record import Draft, Fields


WITH_BODY = {"job.planned": "job", "delivery.received": "delivery", "rollout.planned": "rollout"}
"""The actions that come with a body, and the part of the record that has its key."""


def run_decisions(
    decisions: Sequence[Decide[Any]], view: SqlView, commit: str
) -> tuple[Committed[Any], ...]:
    """Run decisions in the current transaction, in order, and append their records."""
    committed = tuple(_run_decision(decide, view, commit) for decide in decisions)
    view.rows.write()
    return committed


def _run_decision(decide: Decide[Any], view: SqlView, commit: str) -> Committed[Any]:
    decision: Decision[Any] = decide(view)
    records = [append(draft, view, commit) for draft in decision.drafts]
    while decision.then:
        decision = decision.then(view)
        records += [append(draft, view, commit) for draft in decision.drafts]
    return Committed(decision.value, tuple(records))


def append(draft: Draft, view: SqlView, commit: str) -> Record:
    """Append one record, update the state, and put its body into the outbox."""
    record = seal(draft, view.head, at=view.now, commit=commit)
    recorded = record.fields
    view.execute(statements.APPEND, (record.seq, record.hash, recorded["prev"], record.text))
    view.rows.head = Head(record.seq, record.hash)
    if draft.body is not None:
        view.execute(statements.PUT_BODY, (draft.key, draft.body))
    _fold(view, recorded)
    return record


def folding_view(execute: Execute) -> SqlView:
    """Return a view to fold records with; it has no clock, and folding asks for none."""
    return SqlView(execute, datetime.min.replace(tzinfo=timezone.utc))


def project(view: SqlView, recorded: Fields) -> None:
    """Update the tables with one more record."""
    _fold(view, recorded)
    view.rows.forget()


def _fold(view: SqlView, recorded: Fields) -> None:
    action = str(recorded["action"])
    if action == FORGOTTEN:
        date = str(part(recorded, "request")["date"])
        view.rows.forget()
        for statement in statements.FORGET:
            view.execute(statement, (date, date, date))
        view.execute(statements.PUT_SWITCH, (FORGOTTEN_UNTIL, date))
    elif action.startswith("job."):
        _project_job(view, recorded)
    elif "rollout" in recorded:
        project_rollout(view.execute, recorded)
    else:
        project_switches(view, action, recorded)
    if "delivery" in recorded:
        _project_delivery(view, recorded)


def rebuild_state(view: SqlView, records: Iterable[Record]) -> None:
    """Fold the state from the records; the outbox keeps the bodies that are still needed."""
    bodies = view.execute(statements.BODIES)
    for statement in statements.CLEAR:
        view.execute(statement)
    for record in records:
        project(view, record.fields)
    # Only now: an earlier run of the same order, forgotten since, would have settled its body.
    for key, body in bodies:
        view.execute(statements.PUT_BODY, (key, body))
    for statement in statements.DELETE_SETTLED_BODIES:
        view.execute(statement)


def _project_delivery(view: SqlView, recorded: Fields) -> None:
    key = str(part(recorded, "delivery")["key"])
    before = view.rows.delivery(key)
    delivery = fold_delivery(before, recorded)
    if delivery is None:
        return
    view.rows.put_delivery(delivery)
    if before and before.state in UNDECIDED and delivery.state not in UNDECIDED:
        view.execute(statements.DELETE_BODY, (key,))


def _project_job(view: SqlView, recorded: Fields) -> None:
    key = str(part(recorded, "job")["key"])
    before = view.rows.job(key)
    job = fold_job(before, recorded)
    if job is None:
        return
    view.rows.put_job(job)
    if before and job.final and not before.final:
        view.execute(statements.DELETE_BODY, (key,))
    project_nodes(view.execute, recorded, before, job)


def project_nodes(
    execute: Execute, recorded: Fields, before: JobState | None, job: JobState
) -> None:
    """Update the rollout of a job and its nodes with one more record of it, if it is of one.

    While another copy of the job runs, its nodes are in that. Those that are left when the last
    one has gone have succeeded in one that ended.
    """
    if not job.rollout or (before and before.other_ids):
        return
    gone = recorded["action"] == "job.deleted" and before and before.copy_end
    project_rollout(execute, {**recorded, "action": "job.finished"} if gone else recorded, job.key)


def project_rollout(execute: Execute, recorded: Fields, job: str = "") -> None:
    """Update a rollout and its nodes with one more record about them, or about a job of them."""
    # Loaded where it is needed: most events have no rollout.
    from handler.audit.rollouts.projection import move_nodes, move_rollout

    if job and recorded["action"] != "job.planned":
        move_nodes(execute, job, recorded)
    else:
        move_rollout(execute, recorded)
