"""Drawings of rollouts: how many nodes have ended, and when each wave ran.

Without inline style or script, as in `charts`; their texts are HTML, readable on a narrow screen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from handler.cli.audit.records.record_row import format_minute, format_span
from handler.cli.audit.web.charts import BAR
from handler.values.canonical_json import moment
from handler.values.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_KINDS = {
    "succeeded": "successful",
    "failed": "failed-on-the-fleet",
    "skipped": "abandoned",
    "running": "planned",
}
_NODES = Markup(
    '<svg class="nodes" viewBox="0 0 100 10" preserveAspectRatio="none" role="img">{}</svg>'
)
_WAVES = Markup('<table class="waves">{}</table>')
_WAVE = Markup(
    "<tr><td>wave {}</td><td>{}</td>"
    '<td><svg viewBox="0 0 100 10" preserveAspectRatio="none">{}</svg></td><td>{}</td></tr>'
)


class WaveRun(NamedTuple):
    """A wave: its nodes, how many failed, and its times, "" for what did not happen yet."""

    number: int
    nodes: int
    failed: int = 0
    started_at: str = ""
    finished_at: str = ""


def nodes_bar(counts: Mapping[str, int]) -> Markup:
    """Draw how many of a rollout's nodes are in which state; the rest of the bar is pending."""
    return _NODES.format(Markup("").join(_stacked(counts)))


def wave_runs(ends: Sequence[int], found: Sequence[Any]) -> list[WaveRun]:
    """Return all waves of a rollout, also those that have not started.

    Args:
        ends: How many nodes are in a wave up to each.
        found: The rows of those that have started.
    """
    rows = {row["wave"]: row for row in found}
    runs = []
    for number, (before, end) in enumerate(zip((0, *ends), ends, strict=False), start=1):
        run = WaveRun(number, end - before)
        if number in rows:
            row = rows[number]
            times = (str(row[name] or "") for name in ("started_at", "finished_at"))
            run = WaveRun(number, end - before, int(str(row["failed"] or 0)), *times)
        runs.append(run)
    return runs


def waves_over_time(runs: Sequence[WaveRun], now: str, state: str) -> Markup:
    """Draw when each wave ran, on one scale from the first start to the last end.

    Args:
        runs: The waves.
        now: Until when a wave has run that has not ended, a timestamp.
        state: That of the rollout.
    """
    started = [run for run in runs if run.started_at]
    first = min((moment(run.started_at) for run in started), default=moment(now))
    last = max((moment(run.finished_at or now) for run in started), default=first)
    whole = max((last - first).total_seconds(), 1)
    rows = []
    for run in runs:
        nodes = f"{run.nodes:,} node{'s' * (run.nodes != 1)}"
        if not run.started_at:
            rows.append(_WAVE.format(run.number, nodes, "", "not started"))
            continue
        begin, end = moment(run.started_at), moment(run.finished_at or now)
        seconds = (end - begin).total_seconds()
        times = f"{format_minute(run.started_at)[5:]}, {format_span(seconds)}"
        if not run.finished_at:
            times += ", then stopped" if state == "stopped" else " so far"
        failed = f", {run.failed} failed" if run.failed else ""
        x = 100 * (begin - first).total_seconds() / whole
        width = max(100 * seconds / whole, 1)
        kind = _kind(run)
        bar = BAR.format(kind, f"{min(x, 99):.1f}", 0, f"{width:.1f}", 10, f"{times}{failed}")
        rows.append(_WAVE.format(run.number, f"{nodes}{failed}", bar, times))
    return _WAVES.format(Markup("").join(rows))


def _kind(run: WaveRun) -> str:
    if not run.finished_at:
        return "planned"
    return "failed-on-the-fleet" if run.failed else "successful"


def _stacked(counts: Mapping[str, int]) -> Iterator[Markup]:
    x = 0.0
    for state, kind in _KINDS.items():
        width = 100 * counts[state] / max(sum(counts.values()), 1)
        if width:
            yield BAR.format(kind, f"{x:.2f}", 0, f"{width:.2f}", 10, f"{counts[state]:,} {state}")
        x += width
