"""All that the log has of one rollout: its waves as bars, its gate, why nodes failed, its jobs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from handler.cli.console import printable
from handler.cli.rollouts.rollout_row import nodes_done, waits_for
from handler.rollouts.advance import known_rollout, rollout_standing
from handler.rollouts.progress import NodeReason, WaveProgress, node_reasons, wave_progress
from handler.rollouts.standing import standing_json
from handler.rollouts.waiting import settings_of
from handler.values.canonical_json import short_key
from handler.values.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from handler.audit.job_state import JobState
    from handler.audit.log import View
    from handler.audit.rollouts.state import NodeCounts
    from handler.rollouts.advance import JobTimes
    from handler.rollouts.standing import Standing

_MOST_REASONS = 20
_MOST_NAMED = 10
_BAR_WIDTH = 30
_PARTS: Mapping[str, tuple[str, str]] = {
    "succeeded": ("█", "green"),
    "failed": ("✗", "red"),
    "running": ("▒", "yellow"),
    "skipped": ("-", "dim"),
    "pending": ("░", "dim"),
}
"""The sign of each state of nodes in a bar, and its style."""


class RolloutDetails(NamedTuple):
    """A rollout as the log has it.

    Attributes:
        standing: How it stands.
        judged: How many of its nodes its gate judges; of one that has ended, all that succeeded.
        waves: How far each wave is.
        failed: Why nodes failed.
        skipped: Why nodes were skipped.
        jobs: Its jobs that have not ended.
    """

    standing: Standing
    judged: NodeCounts
    waves: Sequence[WaveProgress]
    failed: Sequence[NodeReason]
    skipped: Sequence[NodeReason]
    jobs: Sequence[JobState]

    @property
    def gate(self) -> str:
        """How many nodes failed of those that its gate judges, and how many may."""
        rollout, counts, _ = self.standing
        settings = settings_of(rollout)
        failed, finished = self.judged.failed, self.judged.finished
        since = " since it was resumed" if finished < counts.finished else ""
        allowed = f"more than {settings.max_failed}" if settings.max_failed else "no number"
        return f"{failed} of {finished} failed{since}; {allowed} {settings.on_breach}s it"

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values, without its jobs."""
        rollout = self.standing.rollout
        failed, finished = self.judged.failed, self.judged.finished
        settings: dict[str, Any] = json.loads(rollout.settings)
        waves = [
            {"wave": one.number, "state": self.state_of(one), "nodes": one.nodes}
            | one.counts._asdict()
            for one in self.waves
        ]
        return {
            **standing_json(self.standing),
            "type": rollout.type,
            "delivery": short_key(rollout.delivery),
            "planned_at": rollout.planned_at,
            "changed_at": rollout.changed_at,
            "settings": settings,
            "gate": {"failed": failed, "finished": finished},
            "progress": waves,
            "failures": [one._asdict() for one in self.failed],
            "skipped": [one._asdict() for one in self.skipped],
        }

    def state_of(self, wave: WaveProgress) -> str:
        """Return where a wave stands, in one word."""
        rollout = self.standing.rollout
        if wave.number < rollout.wave or (wave.number == rollout.wave and rollout.wave_done):
            return "finished"
        if wave.number == rollout.wave:
            return rollout.state
        is_next = wave.number == rollout.wave + 1 and not rollout.ended
        return "next" if is_next else "not started"


def details_of(view: View, key: str, times: JobTimes) -> RolloutDetails:
    """Return all that the log has of a rollout.

    Raises:
        LookupError: There is no such rollout.
    """
    rollout = known_rollout(view, key)
    judged = view.rollouts.judged(key)
    most = {"most": _MOST_REASONS, "named": _MOST_NAMED}
    return RolloutDetails(
        standing=rollout_standing(view, rollout, times),
        judged=judged._replace(succeeded=judged.succeeded + rollout.succeeded),
        waves=tuple(wave_progress(view, rollout)),
        failed=tuple(node_reasons(view, key, "failed", **most)),
        skipped=tuple(node_reasons(view, key, "skipped", **most)),
        jobs=view.rollouts.open_jobs(key),
    )


def headline(details: RolloutDetails) -> Text:
    """Return a line of how far a rollout is, and what it waits for."""
    said: Mapping[str, Any] = standing_json(details.standing)
    waits = waits_for(said)
    words = (
        f"{said['state']}, wave {said['wave']} of {said['waves']}",
        f"{nodes_done(said['nodes'])} nodes",
        *((f"waits for {waits}",) if waits else ()),
    )
    return Text.assemble((printable(said["name"]), "bold"), f"  {', '.join(words)}")


def wave_grid(details: RolloutDetails) -> Table:
    """Return a row with a bar for each wave."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    for _ in range(4):
        grid.add_column(no_wrap=True)
    for wave in details.waves:
        counted = ", ".join(
            f"{count} {word}" for word, count in _in_order(wave.counts).items() if count
        )
        state = details.state_of(wave)
        grid.add_row(
            Text(f"wave {wave.number}"), bar(wave.counts, wave.nodes), Text(state), Text(counted)
        )
    return grid


def bar(counts: NodeCounts, nodes: int) -> Text:
    """Return a bar of the nodes of a wave by their states; each state that has some is seen."""
    parts = {word: count for word, count in _in_order(counts).items() if count}
    drawn = Text()
    left, cells = nodes, _BAR_WIDTH
    for number, (word, count) in enumerate(parts.items(), start=1):
        others = len(parts) - number
        size = min(max(1, round(cells * count / left)), cells - others)
        sign, style = _PARTS[word]
        drawn.append(sign * size, style)
        left, cells = left - count, cells - size
    return drawn


def _in_order(counts: NodeCounts) -> dict[str, int]:
    return {word: getattr(counts, word) for word in _PARTS}
