"""The charts of the overview: queries, and SVG drawn from their rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from handler.cli.audit.records.time_text import format_span
from handler.cli.audit.web.drawing import BAR, Bar, Mark, bars_of_days, marks_over_time

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    RunQuery = Callable[[str], Awaitable[Sequence[Any]]]

_DELIVERIES = "SELECT day, state AS kind, count(*) AS times FROM deliveries GROUP BY day, state"
_JOBS = """
SELECT day,
       CASE WHEN state IN ('created', 'adopted') AND ended = 'Successful' THEN 'successful'
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

_DELIVERY_KINDS = ("planned", "repeated", "ignored", "rejected", "received")
_JOB_KINDS = (
    *("successful", "failed on the fleet", "refused", "expired", "abandoned", "duplicated"),
    "open",
)
_REASONS_TABLE = Markup('<table class="reasons">{}</table>')
_REASON = Markup(
    '<tr><td>{}</td><td><svg viewBox="0 0 100 10" preserveAspectRatio="none">{}</svg></td>'
    "<td>{}</td></tr>"
)


async def draw_charts(run_query: RunQuery) -> list[tuple[str, Markup]]:
    """Return the title and the drawing of each chart of the overview.

    Args:
        run_query: Runs a query on the page's copy of the log.
    """
    deliveries = [Bar(*row) for row in await run_query(_DELIVERIES)]
    jobs = [Bar(*row) for row in await run_query(_JOBS)]
    times = [
        Mark(at, seconds, kind, f"{name}: {format_span(seconds)}")
        for at, seconds, kind, name in await run_query(_TIMES)
    ]
    return [
        ("Deliveries per day", bars_of_days(deliveries, _DELIVERY_KINDS)),
        ("Jobs per day, by result", bars_of_days(jobs, _JOB_KINDS)),
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
