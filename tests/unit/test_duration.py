"""Durations as people write them."""

from __future__ import annotations

import pytest

from handler.duration import seconds_of


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
