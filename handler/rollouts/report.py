"""The final report of a rollout: what happened when, to which nodes, and who did it.

Nodes are counted as they stand, so that a late success counts; times and persons are those of the
records.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from handler.audit.record import actor_words, integer, part
from handler.audit.rollouts.state import totals
from handler.rollouts.progress import node_reasons, wave_progress
from handler.values.canonical_json import short_key
from handler.values.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from handler.audit.log import Log, View
    from handler.audit.record import Fields
    from handler.audit.rollouts.state import NodeCounts, RolloutState
    from handler.rollouts.progress import NodeReason
    from handler.values.canonical_json import Json

MOST_NAMED = 50
"""How many nodes are named for one reason; all of them are counted."""

_MOST = {"most": 100, "named": MOST_NAMED}

_WAVES = frozenset({"wave.started", "wave.finished"})
_STEPS = frozenset(
    {
        *("rollout.breached", "rollout.paused", "rollout.resumed", "rollout.joined"),
        *("rollout.retried", "rollout.stopped", "rollout.finished"),
        *("wave.awaiting", "wave.approved", "wave.retried"),
    }
)


class WaveReport(NamedTuple):
    """One wave: its number, its nodes by their state, and its times, "" for what never was."""

    number: int
    nodes: int
    succeeded: int
    failed: int
    skipped: int
    started_at: str
    finished_at: str


class RolloutStep(NamedTuple):
    """Something beside the waves: when, the record's action, the wave (0: none), who, why."""

    at: str
    action: str
    wave: int
    by: str
    note: str


class RolloutReport(NamedTuple):
    """A rollout that has ended.

    Attributes:
        rollout: The rollout.
        counts: Its nodes by their state.
        asked_by: Who asked for it.
        waves: Its waves, also those that were never started.
        failed: Why nodes failed.
        skipped: Why nodes were skipped.
        steps: Breaches, pauses, approvals, retries and the end, in order.
    """

    rollout: RolloutState
    counts: NodeCounts
    asked_by: str
    waves: tuple[WaveReport, ...]
    failed: tuple[NodeReason, ...]
    skipped: tuple[NodeReason, ...]
    steps: tuple[RolloutStep, ...]


def rollout_reports(delivery: str, log: Log) -> tuple[RolloutReport, ...]:
    """Return the reports of those rollouts of a delivery that have ended.

    Args:
        delivery: The delivery's key.
        log: The log; the records of the delivery are read.
    """
    rollouts = log.read(lambda view: view.rollouts.of_delivery(delivery), fresh=False)
    if not any(rollout.ended for rollout in rollouts):
        return ()
    found: dict[str, list[Fields]] = {rollout.key: [] for rollout in rollouts}
    asked_by = ""
    for record in log.records_of([delivery]):
        fields = record.fields
        asked_by = asked_by or actor_words(part(fields, "actor"))
        if fields["action"] in _WAVES | _STEPS:
            found[str(part(fields, "rollout")["key"])].append(fields)
    return log.read(
        lambda view: tuple(
            _report(view, rollout, found[rollout.key], asked_by)
            for rollout in rollouts
            if rollout.ended
        ),
        fresh=False,
    )


def report_json(report: RolloutReport) -> dict[str, Json]:
    """Return a report as JSON values."""
    rollout = report.rollout
    return {
        "name": rollout.name,
        "rollout": short_key(rollout.key),
        "document": rollout.document,
        "type": rollout.type,
        "settings": json.loads(rollout.settings),
        "state": rollout.state,
        "note": rollout.note,
        "asked_by": report.asked_by,
        "planned_at": rollout.planned_at,
        "ended_at": rollout.changed_at,
        "nodes": {"total": rollout.nodes, **report.counts._asdict()},
        "jobs": rollout.jobs,
        "waves": [wave._asdict() for wave in report.waves],
        "failed": _json(report.failed),
        "skipped": _json(report.skipped),
        "steps": [step._asdict() for step in report.steps],
    }


def _json(reasons: Sequence[NodeReason]) -> list[Json]:
    return [{**one._asdict(), "names": list(one.names)} for one in reasons]


def _report(
    view: View, rollout: RolloutState, records: Sequence[Fields], asked_by: str
) -> RolloutReport:
    return RolloutReport(
        rollout=rollout,
        counts=totals(view.rollouts, rollout),
        asked_by=asked_by,
        waves=tuple(_waves(view, rollout, records)),
        failed=tuple(node_reasons(view, rollout.key, "failed", **_MOST)),
        skipped=tuple(node_reasons(view, rollout.key, "skipped", **_MOST)),
        steps=tuple(_step(fields) for fields in records if fields["action"] in _STEPS),
    )


def _waves(view: View, rollout: RolloutState, records: Sequence[Fields]) -> Iterator[WaveReport]:
    times = {
        (fields["action"], part(fields, "rollout").get("wave")): str(fields["at"])
        for fields in records
    }
    for number, nodes, counts in wave_progress(view, rollout):
        yield WaveReport(
            number=number,
            nodes=nodes,
            succeeded=counts.succeeded,
            failed=counts.failed,
            skipped=counts.skipped,
            started_at=times.get(("wave.started", number), ""),
            finished_at=times.get(("wave.finished", number), ""),
        )


def _step(fields: Fields) -> RolloutStep:
    said = part(fields, "rollout")
    action, note = str(fields["action"]), str(fields.get("note", ""))
    if action.endswith(".retried"):
        again = f"{said['selected']} failed nodes are tried again"
        note = f"{again}: {note}" if note else again
    return RolloutStep(
        at=str(fields["at"]),
        action=action,
        wave=integer(said.get("wave", 0)),
        by=actor_words(part(fields, "actor")),
        note=note,
    )
