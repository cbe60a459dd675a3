"""The page's charts, as text."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from handler.audit.log import Decision
from handler.audit.record import Draft
from handler.audit.sql.sqlite import SqliteLog
from handler.cli.audit.web import charts
from handler.cli.audit.web.charts import (
    DELIVERY_KINDS,
    JOB_KINDS,
    MOST_DAYS,
    Bar,
    Mark,
    bars_of_days,
    draw_charts,
    marks_over_time,
)
from handler.cli.audit.web.report_tables import write_page_copy

if TYPE_CHECKING:
    from collections.abc import Sequence

KINDS = ("planned", "failed on the fleet")


def texts(drawing: str) -> list[str]:
    """Return the texts of a chart."""
    return re.findall(r"<text [^>]*>([^<]*)</text>", drawing)


def test_a_day_is_written_once_however_few_there_are() -> None:
    """Not one label for every few hours of it."""
    drawn = bars_of_days([Bar("2026-11-25", "planned", 3)], KINDS)
    assert [text for text in texts(drawn) if "Nov" in text] == ["25 Nov"]


def test_every_day_has_its_place_and_few_are_written() -> None:
    """Also those on which nothing happened; the latest ones where there are many."""
    bars = [Bar("2026-01-01", "planned", 1), Bar("2026-11-25", "planned", 12)]
    drawn = bars_of_days(bars, KINDS)
    days = [text for text in texts(drawn) if not text.isdecimal()]
    assert days[0] == "26 Aug"
    assert len(days) == len(set(days)) <= 7
    assert drawn.count("<rect") == 2  # one bar and one key to its colour
    assert MOST_DAYS == 92


def test_bars_are_stacked_in_the_order_of_their_kinds() -> None:
    """Each names its kind and value."""
    bars = [Bar("2026-11-25", "failed on the fleet", 1), Bar("2026-11-25", "planned", 4)]
    drawn = bars_of_days(bars, KINDS)
    titles = re.findall(r"<title>(2026[^<]*)</title>", drawn)
    assert titles == ["2026-11-25: 4 planned", "2026-11-25: 1 failed on the fleet"]
    assert 'class="fill-failed-on-the-fleet"' in drawn


def test_durations_are_marked_on_a_scale_of_powers() -> None:
    """From the quickest to the slowest."""
    marks = [
        Mark("2026-11-25T01:00:00.000000Z", 0.4, "created", "a: 0.4 s"),
        Mark("2026-11-25T23:00:00.000000Z", 5000, "created", "<b>: 1 h"),
    ]
    drawn = marks_over_time(marks, ("created", "adopted"))
    assert texts(drawn)[:-1] == ["0.1 s", "1 s", "10 s", "100 s", "1,000 s", "10,000 s"]
    assert "&lt;b&gt;: 1 h" in drawn
    assert drawn.count("<circle") == 2
    assert "adopted" not in drawn


def test_a_job_that_was_deleted_has_not_failed(tmp_path: Path) -> None:
    """It is a kind of its own, as `status` counts it as neither."""
    about = {"key": "d", "trigger": "direct", "subject": "s"}
    planned = Draft(
        "job.planned",
        "pending",
        {"key": "d"},
        job={"key": "j", "name": "n", "type": "node_upgrade", "document": 1},
    )
    steps = [
        planned._replace(action=f"job.{word}", response={"job_id": "i"})
        for word in ("created", "deleted")
    ]
    with closing(SqliteLog(tmp_path / "audit.db")) as log:
        drafts = (Draft("delivery.planned", "pending", about), planned, *steps)
        log.commit(lambda _view: Decision(None, drafts))
    write_page_copy(f"sqlite:///{tmp_path / 'audit.db'}", tmp_path / "page.db")
    with closing(sqlite3.connect(tmp_path / "page.db")) as copy:

        async def run_query(sql: str) -> Sequence[Any]:
            return copy.execute(sql).fetchall()

        drawings = dict(asyncio.run(draw_charts(run_query)))
    assert "1 deleted" in drawings["Jobs per day, by result"]


def test_an_empty_chart_says_so() -> None:
    """An empty log has no axes."""
    assert "Nothing yet" in bars_of_days([], KINDS)
    assert "Nothing yet" in marks_over_time([], KINDS)


def test_each_kind_of_a_bar_has_a_colour() -> None:
    """What the page's style does not name is black."""
    style = (Path(charts.__file__).parent / "static/page.css").read_text(encoding="utf-8")
    for kind in (*DELIVERY_KINDS, *JOB_KINDS):
        assert f".fill-{kind.replace(' ', '-')}" in style, kind
