"""The charts of the overview: queries, and SVG drawn from their rows.

Stacked bars per day, and marks on a logarithmic scale. They contain no script and no inline style,
since the page's policy forbids both: colours are classes of the style sheet, tooltips are titles.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from handler.cli.audit.records.record_row import format_span

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    RunQuery = Callable[[str], Awaitable[Sequence[Any]]]

MOST_DAYS = 92
"""A chart shows at most this many days, the latest; the table `days` has all of them."""

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _BELOW, _ABOVE = 560, 210, 64, 16, 24, 8
_MOST_LABELS = 7
_MOST_TICKS = 5
_EMPTY = Markup('<p class="quiet">Nothing yet.</p>')
BAR = Markup('<rect class="fill-{}" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>')
_CIRCLE = Markup('<circle class="fill-{}" cx="{}" cy="{}" r="3.2"><title>{}</title></circle>')
_TEXT = Markup('<text x="{}" y="{}" text-anchor="{}">{}</text>')
_LINE = Markup('<line x1="{}" y1="{}" x2="{}" y2="{}"/>')
_SVG = Markup(
    '<ul class="legend">{}</ul><svg class="chart" viewBox="0 0 {} {}" role="img">{}</svg>'
)
_LEGEND = Markup('<li><svg viewBox="0 0 10 10">{}</svg>{}</li>')

_DELIVERIES = "SELECT day, state AS kind, count(*) AS times FROM deliveries GROUP BY day, state"
_JOBS = """
SELECT day,
       CASE WHEN state IN ('created', 'adopted') AND ended = 'Successful' THEN 'successful'
            WHEN state IN ('created', 'adopted') AND ended = 'deleted' THEN 'deleted'
            WHEN state IN ('created', 'adopted') AND ended <> '' THEN 'failed on the fleet'
            WHEN state IN ('refused', 'expired', 'abandoned', 'duplicated') THEN state
            ELSE 'open' END AS kind,
       count(*) AS times
FROM jobs GROUP BY day, kind"""
_TIMES = """
SELECT planned_at AS at, seconds, state AS kind, name FROM jobs
WHERE seconds > 0 ORDER BY planned_at DESC LIMIT 2000"""
_REASONS = """
SELECT reason, count(*) AS times FROM failures
GROUP BY reason ORDER BY times DESC, reason LIMIT 8"""

DELIVERY_KINDS = ("planned", "repeated", "ignored", "rejected", "received", "awaiting")
"""What the bars of deliveries count, each in a colour of its own."""

JOB_KINDS = (
    *("successful", "failed on the fleet", "deleted", "refused", "expired", "abandoned"),
    *("duplicated", "open"),
)
"""What the bars of jobs count."""

_REASONS_TABLE = Markup('<table class="reasons">{}</table>')
_REASON = Markup(
    '<tr><td>{}</td><td><svg viewBox="0 0 100 10" preserveAspectRatio="none">{}</svg></td>'
    "<td>{}</td></tr>"
)


@dataclass(frozen=True)
class Bar:
    """How often something of one kind happened on a day, such as `2026-11-23`."""

    day: str
    kind: str
    times: int


@dataclass(frozen=True)
class Mark:
    """How many seconds something took, when it started (a timestamp), its kind and its title."""

    at: str
    seconds: float
    kind: str
    title: str


def bars_of_days(bars: Sequence[Bar], kinds: Sequence[str]) -> Markup:
    """Draw a stack of bars for each day; `kinds` go from the bottom of a stack to its top."""
    days = _days([bar.day for bar in bars])
    if not days:
        return _EMPTY
    stacks = {day: {bar.kind: bar.times for bar in bars if bar.day == day} for day in days}
    highest = max(sum(stack.values()) for stack in stacks.values())
    step = _step(highest)
    top = step * math.ceil(highest / step)
    parts = _scale([f"{value:,}" for value in range(0, top + 1, step)])
    for day, stack in stacks.items():
        x, width = _band(days.index(day), len(days))
        total = 0
        for kind in kinds:
            times = stack.get(kind, 0)
            total += times
            if times:
                high, low = _y(total / top), _y((total - times) / top)
                title = f"{day}: {times:,} {kind}"
                parts.append(BAR.format(_class(kind), x, high, width, f"{low - high:.1f}", title))
    return _svg([*parts, *_labels(days)], kinds, {bar.kind for bar in bars})


def marks_over_time(marks: Sequence[Mark], kinds: Sequence[str]) -> Markup:
    """Draw marks on a logarithmic scale; `kinds` are in the order of the legend."""
    days = _days([mark.at[:10] for mark in marks])
    if not days:
        return _EMPTY
    low = math.floor(math.log10(min(mark.seconds for mark in marks)))
    high = max(low + 1, math.ceil(math.log10(max(mark.seconds for mark in marks))))
    parts = _scale([f"{10.0**power:,.10g} s" for power in range(low, high + 1)])
    for mark in marks:
        if mark.at[:10] in days:
            x, width = _band(days.index(mark.at[:10]), len(days))
            y = _y((math.log10(mark.seconds) - low) / (high - low))
            share_of_day = (int(mark.at[11:13]) * 60 + int(mark.at[14:16])) / 1440
            middle = f"{x + width * share_of_day:.1f}"
            parts.append(_CIRCLE.format(_class(mark.kind), middle, y, mark.title))
    return _svg([*parts, *_labels(days)], kinds, {mark.kind for mark in marks})


def _days(days: Sequence[str]) -> list[str]:
    """Return every day from the first to the last, at most `MOST_DAYS`."""
    if not days:
        return []
    last = date.fromisoformat(max(days))
    first = max(date.fromisoformat(min(days)), last - timedelta(MOST_DAYS - 1))
    return [(first + timedelta(n)).isoformat() for n in range((last - first).days + 1)]


def _step(most: int) -> int:
    """Return the distance between lines of a scale, so that at most five reach a number."""
    steps = (digit * int(10**power) for power in count() for digit in (1, 2, 5))
    return next(step for step in steps if most <= step * _MOST_TICKS)


def _band(index: int, days: int) -> tuple[float, float]:
    band = (_WIDTH - _LEFT - _RIGHT) / days
    width = min(band * 0.8, 40)
    return round(_LEFT + band * index + (band - width) / 2, 1), round(width, 1)


def _y(share: float) -> float:
    return round(_ABOVE + (_HEIGHT - _ABOVE - _BELOW) * (1 - share), 1)


def _scale(labels: Sequence[str]) -> list[Markup]:
    """Return evenly spaced lines from the bottom to the top, each with its label."""
    parts = []
    for index, text in enumerate(labels):
        y = _y(index / (len(labels) - 1))
        parts.append(_LINE.format(_LEFT, y, _WIDTH, y))
        parts.append(_TEXT.format(_LEFT - 6, y + 4, "end", text))
    return parts


def _labels(days: Sequence[str]) -> Iterator[Markup]:
    every = math.ceil(len(days) / _MOST_LABELS)
    for index in range(0, len(days), every):
        x, width = _band(index, len(days))
        text = f"{date.fromisoformat(days[index]):%d %b}"
        yield _TEXT.format(round(x + width / 2, 1), _HEIGHT - 6, "middle", text)


def _class(kind: str) -> str:
    return kind.replace(" ", "-")


def _svg(parts: Sequence[Markup], kinds: Sequence[str], present: set[str]) -> Markup:
    legend = Markup("").join(
        _LEGEND.format(BAR.format(_class(kind), 0, 0, 10, 10, kind), kind)
        for kind in kinds
        if kind in present
    )
    return _SVG.format(legend, _WIDTH, _HEIGHT, Markup("").join(parts))


async def draw_charts(run_query: RunQuery) -> list[tuple[str, Markup]]:
    """Return the title and the drawing of each chart, by queries on the page's copy of the log."""
    deliveries = [Bar(*row) for row in await run_query(_DELIVERIES)]
    jobs = [Bar(*row) for row in await run_query(_JOBS)]
    times = [
        Mark(at, seconds, kind, f"{name}: {format_span(seconds)}")
        for at, seconds, kind, name in await run_query(_TIMES)
    ]
    return [
        ("Deliveries per day", bars_of_days(deliveries, DELIVERY_KINDS)),
        ("Jobs per day, by result", bars_of_days(jobs, JOB_KINDS)),
        ("Time from the event to the API's answer", marks_over_time(times, ("created", "adopted"))),
        ("What went wrong, by reason", _draw_reasons(await run_query(_REASONS))),
    ]


def _draw_reasons(rows: Sequence[Any]) -> Markup:
    most = max((row["times"] for row in rows), default=1)
    lines = []
    for reason, times in rows:
        bar = BAR.format("rejected", 0, 0, f"{100 * times / most:.1f}", 10, reason)
        lines.append(_REASON.format(reason, bar, times))
    return _REASONS_TABLE.format(Markup("").join(lines))
