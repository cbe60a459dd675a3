"""Times in events."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handler.values.rfc3339 import parse_rfc3339

NOON = datetime(2026, 11, 23, 12, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-23T12:00:00Z",
        "2026-11-23t12:00:00z",
        "2026-11-23 12:00:00.000Z",
        "2026-11-23T12:00:00.000000000Z",
        "2026-11-23T20:00:00+08:00",
        "2026-11-23T04:30:00.0-07:30",
    ],
)
def test_spellings_of_one_moment_are_equal(text: str) -> None:
    """Offsets and fractions as the triggers write them."""
    assert parse_rfc3339(text) == NOON


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "noon",
        "2026-11-23T12:00:00",
        "2026-13-01T00:00:00Z",
        "2026-11-23T12:00:60Z",
        "0001-01-01T00:00:00+23:59",
        "2026-11-23T12:00:00+99:00",
        "٢٠٢٦-11-23T12:00:00Z",
    ],
)
def test_an_invalid_time_is_none(text: str | None) -> None:
    """No offset, no such day, beyond the calendar, or no time at all."""
    assert parse_rfc3339(text) is None


@given(
    st.datetimes(timezones=st.just(timezone(timedelta(hours=8))), min_value=datetime(2, 1, 1))  # noqa: DTZ001 - Hypothesis wants it naive
)
def test_every_moment_survives(time: datetime) -> None:
    """Microseconds and all."""
    assert parse_rfc3339(time.isoformat()) == time


@given(st.text())
def test_any_text_is_a_moment_or_none(text: str) -> None:
    """Nothing is raised."""
    found = parse_rfc3339(text)
    assert found is None or found.utcoffset() is not None
