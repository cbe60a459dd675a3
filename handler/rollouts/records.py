"""Records about a rollout: planned with its nodes, its waves and their jobs, its end."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from handler.audit.record import Draft
from handler.audit.rollouts.state import totals
from handler.jobs.decisions import SENDABLE, expired
from handler.jobs.gate import ROLLOUT_STOPPED
from handler.schedule.waves import wave_ends
from handler.specs.planner import rollout_job, rollout_job_name
from handler.values.canonical_json import key_of, sha256_hex, timestamp

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from handler.audit.log import View
    from handler.audit.record import Outcome, Part
    from handler.audit.rollouts.state import NodeCounts, NodeState, RolloutState
    from handler.specs.planner import NamedNodes
    from handler.specs.rollout_planner import PlannedRollout

NODES_PER_RECORD = 500
"""How many nodes one record names, so that no record is too large to be read or sent."""


def planned_rollout(delivery: Part, rollout: PlannedRollout) -> Iterator[Draft]:
    """Yield the records that a rollout is planned; the template of its jobs goes into the outbox.

    Only ids and names of nodes are recorded.

    Args:
        delivery: The part about the delivery: its key, and the policy that was relied on.
        rollout: What its document asks for.
    """
    ends = wave_ends(rollout.settings, len(rollout.nodes))
    skipped = sum(len(nodes) for _, nodes in rollout.skipped)
    yield Draft(
        action="rollout.planned",
        outcome="pending",
        delivery=delivery,
        rollout={
            "key": rollout.key,
            "name": rollout.name,
            "type": rollout.job_type,
            "document": rollout.document,
            "settings": rollout.settings.to_json(),
            "waves": " ".join(map(str, ends)),
            "selected": len(rollout.nodes),
            "skipped": skipped or None,
        },
        request={"digest": sha256_hex(rollout.template)},
        body=rollout.template,
    )
    about = Draft("rollout.", "success", {"key": delivery["key"]}, rollout={"key": rollout.key})
    yield from _listed(about, "rollout.selected", rollout.nodes)
    for reason, nodes in rollout.skipped:
        yield from _listed(about._replace(note=reason), "rollout.skipped", nodes)


def about_rollout(rollout: RolloutState) -> Draft:
    """Return a draft of a record about a rollout, without its action."""
    return Draft(
        action="rollout.",
        outcome="success",
        delivery={"key": rollout.delivery},
        rollout={"key": rollout.key, "name": rollout.name},
    )


def about_wave(rollout: RolloutState, action: str, number: int) -> Draft:
    """Return the record of something about a wave of a rollout."""
    draft = about_rollout(rollout)
    return draft._replace(action=action, rollout={**draft.rollout, "wave": number})


def counted(draft: Draft, counts: NodeCounts) -> Draft:
    """Return a record with how many nodes have ended, and how."""
    return draft._replace(
        rollout={
            **draft.rollout,
            "succeeded": counts.succeeded,
            "failed": counts.failed,
            "skipped": counts.skipped,
        }
    )


def joined(rollout: RolloutState, nodes: NamedNodes) -> tuple[Draft, ...]:
    """Return the records that nodes which match now are added to the last wave of a rollout."""
    *before, last = rollout.wave_ends
    drafts = _listed(about_rollout(rollout), "rollout.joined", nodes, last + 1)
    waves = {"waves": " ".join(map(str, (*before, last + len(nodes))))}
    return tuple(draft._replace(rollout={**draft.rollout, **waves}) for draft in drafts)


def job_of_rollout(
    rollout: RolloutState, template: str, number: int, nodes: Sequence[NodeState], until: datetime
) -> Draft:
    """Return the record that a job of a rollout is planned; its body goes into the outbox.

    Args:
        rollout: The rollout.
        template: The template of its jobs.
        number: Which of its jobs this is, from 1.
        nodes: Its nodes.
        until: Until when it may be sent.
    """
    key = key_of([rollout.key, number])
    name = rollout_job_name(rollout.name, key)
    body = rollout_job(template, name, key, tuple((node.node_id, node.name) for node in nodes))
    return Draft(
        action="job.planned",
        outcome="pending",
        delivery={"key": rollout.delivery},
        job={
            "key": key,
            "name": name,
            "type": rollout.type,
            "document": rollout.document,
            "valid_until": timestamp(until),
        },
        rollout={
            "key": rollout.key,
            "wave": rollout.wave,
            "nodes": " ".join(node.node_id for node in nodes),
        },
        request={"digest": sha256_hex(body)},
        body=body,
    )


def finished(view: View, rollout: RolloutState) -> Draft:
    """Return the record that all waves of a rollout have finished."""
    counts = totals(view.rollouts, rollout)
    note = f"{counts.failed} of {counts.finished} nodes failed" if counts.failed else ""
    draft = counted(about_rollout(rollout)._replace(action="rollout.finished", note=note), counts)
    return draft._replace(outcome="failure") if counts.failed else draft


def stopped(view: View, rollout: RolloutState, note: str, outcome: Outcome) -> tuple[Draft, ...]:
    """Return the records that end a rollout: its jobs that were not sent are not sent any more."""
    unsent = (job for job in view.rollouts.open_jobs(rollout.key) if job.state in SENDABLE)
    draft = about_rollout(rollout)._replace(action="rollout.stopped", outcome=outcome, note=note)
    return (
        *(expired(job, ROLLOUT_STOPPED) for job in unsent),
        counted(draft, totals(view.rollouts, rollout)),
    )


def _listed(draft: Draft, action: str, nodes: NamedNodes, first: int = 1) -> Iterator[Draft]:
    for begin in range(0, len(nodes), NODES_PER_RECORD):
        some = nodes[begin : begin + NODES_PER_RECORD]
        listed = json.dumps(some, ensure_ascii=False, separators=(",", ":"))
        place = {} if action == "rollout.skipped" else {"place": first + begin}
        yield draft._replace(action=action, rollout={**draft.rollout, "nodes": listed, **place})
