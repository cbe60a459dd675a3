"""The page's charts, as text."""

from __future__ import annotations

import re
from pathlib import Path

from handler.cli.audit.web import charts
from handler.cli.audit.web.charts import (
    DELIVERY_KINDS,
    JOB_KINDS,
    MOST_DAYS,
    Bar,
    Mark,
    bars_of_days,
    marks_over_time,
)

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


def test_an_empty_chart_says_so() -> None:
    """An empty log has no axes."""
    assert "Nothing yet" in bars_of_days([], KINDS)
    assert "Nothing yet" in marks_over_time([], KINDS)


def test_each_kind_of_a_bar_has_a_colour() -> None:
    """What the page's style does not name is black."""
    style = (Path(charts.__file__).parent / "static/page.css").read_text(encoding="utf-8")
    for kind in (*DELIVERY_KINDS, *JOB_KINDS):
        assert f".fill-{kind.replace(' ', '-')}" in style, kind
