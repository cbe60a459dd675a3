"""Durations as people write them."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from handler.values.duration import instant_of, seconds_of


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1m", 60), ("90m", 5400), ("6h", 21_600), ("2d", 172_800), ("30d", 2_592_000)],
)
def test_a_number_and_a_unit_are_seconds(text: str, seconds: int) -> None:
    """Minutes, hours and days are known."""
    assert seconds_of(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "6", "h", "0h", "06h", "6 h", "6H", "1.5h", "-1h", "6h\n", "٣h"]
)
def test_anything_else_is_no_duration(text: str) -> None:
    """The sentence shows what would be one."""
    with pytest.raises(ValueError, match="such as 90m, 6h or 2d"):
        seconds_of(text)


@pytest.mark.parametrize("text", ["31d", "999999h"])
def test_a_month_is_the_longest(text: str) -> None:
    """An order that stays valid for longer is a mistake."""
    with pytest.raises(ValueError, match="30 days at most"):
        seconds_of(text)


@pytest.mark.parametrize(
    ("text", "hour"),
    [
        ("2026-11-25T12:00:00Z", 12),
        ("2026-11-25T12:00:00z", 12),
        ("2026-11-25T12:00:00+08:00", 4),
        ("2026-11-25T12:00:00.5Z", 12),
        ("2026-11-25 12:00:00.250000+00:00", 12),
    ],
)
def test_a_time_has_an_offset_and_comes_out_in_utc(text: str, hour: int) -> None:
    """However it is written."""
    assert instant_of(text).replace(minute=0, second=0, microsecond=0) == datetime(
        2026, 11, 25, hour, tzinfo=timezone.utc
    )


@pytest.mark.parametrize(
    "text", ["", "now", "2026-11-25", "2026-11-25T12:00:00", "2026-13-01T00:00:00Z", "12:00Z",
             "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"]
)  # fmt: skip
def test_an_invalid_time_is_refused(text: str) -> None:
    """Without an offset it would be a guess."""
    with pytest.raises(ValueError, match="a time with its offset"):
        instant_of(text)
