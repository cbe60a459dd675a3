"""How the nodes in a job of a rollout ended, counted from the job's tasks.

`job.finished` makes every node of the job succeeded; a `node.failed` after it, in the same commit,
names each that did not. The counters of the API are swapped and are not read; a status that is
not known is no success.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from handler.audit.job_end import SUCCESSFUL
from handler.audit.log import Decision
from handler.audit.record import Draft
from handler.jobs.effects import Gone, TimeLeft, ask, commit, query_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from handler.audit.job_state import JobState
    from handler.audit.log import Decide, View
    from handler.audit.rollouts.state import NodeState, NodeWord
    from handler.cloud.ief.client import ShownJob
    from handler.jobs.effects import Asking, SendSettings

LATE_FOR = timedelta(minutes=30)
"""How long after its end a job is asked for again whose nodes may have succeeded late."""

MOST_LATE_JOBS = 20
"""How many such jobs one run of the reconciler asks for, the latest."""

_LONGEST_REASON = 200


def ended_nodes(
    view: View, job: JobState, finished: Draft, answer: ShownJob | Gone
) -> tuple[Draft, ...]:
    """Return a record for each node of a job that did not succeed; none if the job goes on.

    Of a job that exists twice a node has succeeded if it did in one of the copies.

    Args:
        view: The state.
        job: The job.
        finished: What is recorded of it.
        answer: What the API showed of it.
    """
    if finished.action != "job.finished" or (job.other_ids and isinstance(answer, Gone)):
        return ()
    if job.copy_end:
        return tuple(_late_successes(view, job, answer))
    return _failed_nodes(view, finished, answer)


def _failed_nodes(view: View, finished: Draft, answer: ShownJob | Gone) -> tuple[Draft, ...]:
    tasks, missing = _tasks(answer), ("", "IEF shows no task for it")
    if isinstance(answer, Gone):
        missing = ("", "its job was deleted on the fleet")
    elif not tasks and answer.status == SUCCESSFUL:
        return ()
    nodes = view.rollouts.nodes_of_job(str(finished.job["key"]))
    return tuple(
        node_record(finished, node, "failed", reason or f"its task is {status or 'unknown'}")
        for node in nodes
        for status, reason in [tasks.get(node.node_id, missing)]
        if status != SUCCESSFUL
    )


def node_record(about: Draft, node: NodeState, state: NodeWord, note: str = "") -> Draft:
    """Return the record that a node of a rollout is in another state.

    Args:
        about: A record about the rollout or a job of it.
        node: The node.
        state: `succeeded`, `failed` or `skipped`.
        note: Why.
    """
    return Draft(
        action=f"node.{state}",
        outcome="failure" if state == "failed" else "success",
        delivery={"key": about.delivery["key"]},
        rollout={"key": node.rollout, "node": node.node_id, "name": node.name},
        note=note[:_LONGEST_REASON],
    )


def late_results(job: JobState, sending: SendSettings) -> Asking[None]:
    """Yield the effects that learn whether nodes succeeded after their job had ended."""
    if (yield from ask(TimeLeft())) < sending.seconds_per_request:
        return
    answer = yield from ask(query_of(job))
    if answer is not None and not isinstance(answer, Gone):
        yield from commit(correct(job.key, answer))


def correct(job_key: str, answer: ShownJob) -> Decide[None]:
    """Decide to record the nodes of a job that failed, and that the API shows as successful now.

    Source: for a slow image the user guide says that an application fails and succeeds later.
    """

    def decide(view: View) -> Decision[None]:
        job = view.job(job_key)
        return Decision(None, tuple(_late_successes(view, job, answer)) if job else ())

    return decide


def _late_successes(view: View, job: JobState, answer: ShownJob | Gone) -> Iterator[Draft]:
    """Yield a record for each node of a job that failed, and that the API shows as successful."""
    tasks = _tasks(answer)
    about = Draft("job.", "success", delivery={"key": job.delivery})
    for node in view.rollouts.nodes_of_job(job.key):
        if node.state == "failed" and tasks.get(node.node_id, ("", ""))[0] == SUCCESSFUL:
            yield node_record(about, node, "succeeded", "it succeeded after its job had ended")


def _tasks(answer: ShownJob | Gone) -> Mapping[str, tuple[str, str]]:
    """Return status and reason of each task, by the id of its target."""
    if isinstance(answer, Gone):
        return {}
    return dict(zip(answer.target_ids, answer.tasks, strict=False))
