"""The service's clock, learnt from whole seconds."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handler.cloud.obs.server_clock import ServerClock

START = datetime(2026, 11, 23, 2, 0, 0, 500_000, tzinfo=timezone.utc)
SECOND = timedelta(seconds=1)


class Here:
    """This machine's clock, some seconds wrong."""

    def __init__(self, wrong: float = 0.0) -> None:
        self.true = START
        self.wrong = timedelta(seconds=wrong)

    def now(self) -> datetime:
        """Return the time it shows."""
        return self.true + self.wrong


def ask(clock: ServerClock, local_now: Here, there: float, back: float) -> None:
    """Let a request take some seconds there and back."""
    asked = clock.local_now()
    local_now.true += timedelta(seconds=there)
    date = format_datetime(local_now.true, usegmt=True)
    local_now.true += timedelta(seconds=back)
    clock.observe(date, asked)


@pytest.mark.parametrize("wrong", [0.0, 0.3, -0.3])
def test_a_clock_that_is_not_contradicted_is_kept(wrong: float) -> None:
    """With its microseconds."""
    local_now = Here(wrong)
    clock = ServerClock(local_now.now)
    ask(clock, local_now, 0.1, 0.1)
    assert clock.now() == local_now.now()


@given(
    wrong=st.floats(-(10**6), 10**6),
    trips=st.lists(st.tuples(st.floats(0, 2), st.floats(0, 2)), min_size=1, max_size=5),
)
def test_a_wrong_clock_is_put_right(wrong: float, trips: list[tuple[float, float]]) -> None:
    """To within a second and the time that the request took."""
    local_now = Here(wrong)
    clock = ServerClock(local_now.now)
    for there, back in trips:
        ask(clock, local_now, there, back)
    longest = max(timedelta(seconds=there + back) for there, back in trips)
    assert abs(clock.now() - local_now.true) <= SECOND + longest


@pytest.mark.parametrize(
    "date",
    [
        "",
        "yesterday",
        "Mon, 99 Nov 2026 02:00:00 GMT",
        "Mon, 01 Jan 0001 00:00:00 GMT",
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "Fri, 31 Dec 9999 23:59:59 -2359",
        "Mon, 23 Nov 2026 02:00:00 +999999999",
        "Mon, 23 Nov 2027 02:00:00 GMT",
    ],
)
def test_a_date_that_cannot_be_read_says_nothing(date: str) -> None:
    """Nor one that no accepted request could have got; the clock stays as it was."""
    local_now = Here(5)
    clock = ServerClock(local_now.now)
    clock.observe(date, clock.local_now())
    assert clock.now() == local_now.now()


def test_a_date_without_a_zone_is_of_greenwich() -> None:
    """As HTTP has it."""
    local_now = Here()
    clock = ServerClock(local_now.now)
    clock.observe("Mon, 23 Nov 2026 03:00:00 -0000", clock.local_now())
    assert abs(clock.now() - START - timedelta(hours=1)) <= SECOND


@given(st.text() | st.from_regex(r"[A-Z][a-z]{2}, [0-9]{1,3} [A-Z][a-z]{2} [0-9]{1,6} .{0,20}"))
def test_any_date_can_be_told(date: str) -> None:
    """Nothing but the time comes of it."""
    local_now = Here()
    clock = ServerClock(local_now.now)
    clock.observe(date, clock.local_now())
    assert abs(clock.now() - local_now.now()) <= timedelta(days=31)
