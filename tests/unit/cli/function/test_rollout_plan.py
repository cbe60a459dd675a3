"""The waves of a rollout on a time line."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from handler.cli.function.rollout_plan import time_line

BEGIN = datetime(2026, 11, 26, 1, tzinfo=timezone.utc)


def minutes(*numbers: int) -> tuple[datetime, ...]:
    """Return times some minutes after the begin."""
    return tuple(BEGIN + timedelta(minutes=number) for number in numbers)


def test_waves_follow_one_another_on_one_scale() -> None:
    """A cell is a twentieth of the time until the last wave has ended at the latest."""
    bars = [*time_line([minutes(0, 0, 10), minutes(0, 10, 20), minutes(10, 30, 40)])]
    assert bars == ["█" * 5, "░" * 5 + "█" * 5, " " * 5 + "░" * 10 + "█" * 5]


def test_a_short_wave_is_seen_in_a_long_rollout() -> None:
    """Minutes of several days, at the begin and at the end."""
    bars = [*time_line([minutes(0, 0, 1), minutes(9_998, 9_999, 10_000)])]
    assert bars == ["█", " " * 19 + "█"]
