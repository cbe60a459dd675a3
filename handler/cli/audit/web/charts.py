"""The overview's charts: queries, and drawings made of their rows as SVG without any script."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from handler.cli.audit.records.delivery_timeline import format_span
from handler.cli.audit.web.drawing import BAR, Bar, Mark, bars_of_days, marks_over_time

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    Row = Mapping[str, Any]
    Ask = Callable[[str], Awaitable[Sequence[Row]]]

_DELIVERIES = "SELECT day, state AS kind, count(*) AS times FROM deliveries GROUP BY day, state"
_JOBS = """
SELECT day,
       CASE WHEN state IN ('created', 'adopted') AND ended = 'Successful' THEN 'successful'
            WHEN state IN ('created', 'adopted') AND ended <> '' THEN 'failed on the fleet'
            WHEN state IN ('refused', 'expired', 'abandoned', 'duplicated') THEN state
            ELSE 'open' END AS kind,
       count(*) AS times
FROM jobs GROUP BY day, kind"""
_TOOK = """
SELECT name, state AS kind, planned_at AS at, seconds FROM jobs
WHERE seconds > 0 ORDER BY planned_at DESC LIMIT 2000"""
_REASONS = """
SELECT reason, count(*) AS times FROM failures
GROUP BY reason ORDER BY times DESC, reason LIMIT 8"""

_DELIVERY_KINDS = ("planned", "repeated", "ignored", "rejected", "received")
_JOB_KINDS = (
    *("successful", "failed on the fleet", "refused", "expired", "abandoned", "duplicated"),
    "open",
)
_TOOK_KINDS = ("created", "adopted")


@dataclass(frozen=True)
class Chart:
    """One chart.

    Attributes:
        title: What it shows.
        drawing: The picture, as HTML.
    """

    title: str
    drawing: Markup


async def charts(ask: Ask) -> list[Chart]:
    """Return the overview's charts.

    Args:
        ask: Runs a query on the copy.
    """
    took = [
        Mark(
            row["at"], row["seconds"], row["kind"], f"{row['name']}: {format_span(row['seconds'])}"
        )
        for row in await ask(_TOOK)
    ]
    return [
        Chart("Deliveries per day", bars_of_days(_bars(await ask(_DELIVERIES)), _DELIVERY_KINDS)),
        Chart(
            "Jobs per day, by what became of them",
            bars_of_days(_bars(await ask(_JOBS)), _JOB_KINDS),
        ),
        Chart("Time from the event to the API's answer", marks_over_time(took, _TOOK_KINDS)),
        Chart("What went wrong, by reason", _reasons(await ask(_REASONS))),
    ]


def _bars(rows: Sequence[Row]) -> list[Bar]:
    return [Bar(row["day"], row["kind"], row["times"]) for row in rows]


def _reasons(rows: Sequence[Row]) -> Markup:
    most = max((row["times"] for row in rows), default=1)
    return Markup('<table class="reasons">{}</table>').format(
        Markup("").join(
            Markup(
                '<tr><td>{}</td><td><svg viewBox="0 0 100 10" preserveAspectRatio="none">{}</svg>'
                "</td><td>{}</td></tr>"
            ).format(
                row["reason"],
                BAR.format("rejected", 0, 0, f"{100 * row['times'] / most:.1f}", 10, row["reason"]),
                row["times"],
            )
            for row in rows
        )
    )
