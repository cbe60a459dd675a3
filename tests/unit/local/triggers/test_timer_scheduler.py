"""Timers, on a clock that jumps to the time that is waited for."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from handler.local.triggers.clock import start_clock
from handler.local.triggers.schedule import Interval, parse_schedule
from handler.local.triggers.timer_scheduler import Timer, Timers, read_timer

if TYPE_CHECKING:
    from threading import Condition

    from handler.values.canonical_json import Json

UTC = timezone.utc
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
SHANGHAI = ZoneInfo("Asia/Shanghai")


class EnoughError(Exception):
    """The test has enough events."""


@dataclass
class JumpingClock:
    """A clock that jumps to the time that is waited for, or beyond it."""

    moment: datetime = NOON
    oversleep: list[timedelta] = field(default_factory=list)

    def now(self) -> datetime:
        """Return the moment it shows."""
        return self.moment

    def wait(self, condition: Condition, until: datetime | None) -> None:
        """Jump, a little further than asked."""
        assert condition is not None
        assert until is not None
        late = self.oversleep.pop(0) if self.oversleep else timedelta(milliseconds=300)
        self.moment = until + late


def fired(timers: list[Timer], count: int, *oversleep: timedelta) -> list[tuple[Any, Any]]:
    """Return name and time of the first events of timers."""
    events: list[tuple[Any, Any]] = []

    def submit(event: Json, trigger: str) -> None:
        assert isinstance(event, dict)
        assert trigger == "timer"
        events.append((event["trigger_name"], event["time"]))
        if len(events) == count:
            raise EnoughError

    clock = JumpingClock(oversleep=list(oversleep))
    with pytest.raises(EnoughError):
        Timers(timers, submit, clock, UTC).run()
    return events


def named(name: str, schedule: str) -> Timer:
    """Return a timer without an event of interest."""
    return Timer(name, parse_schedule(schedule), "")


def test_late_wakes_do_not_add_up() -> None:
    """Each tick is counted from the last one, not from the time of waking."""
    assert [time for _, time in fired([named("t", "@every 10s")], 4)] == [
        "2026-11-23T12:00:10+00:00",
        "2026-11-23T12:00:20+00:00",
        "2026-11-23T12:00:30+00:00",
        "2026-11-23T12:00:40+00:00",
    ]


def test_only_the_latest_of_several_missed_ticks_is_fired() -> None:
    """And the next one is on time again."""
    week = timedelta(days=7)
    assert [time for _, time in fired([named("t", "0 0 2 * * *")], 3, timedelta(0), week)] == [
        "2026-11-24T02:00:00+00:00",
        "2026-12-02T02:00:00+00:00",
        "2026-12-03T02:00:00+00:00",
    ]


def test_timers_share_a_thread_and_keep_their_order() -> None:
    """Missed ones come in the order of their ticks."""
    timers = [named("slow", "@every 45s"), named("fast", "@every 20s")]
    assert fired(timers, 6, timedelta(0), timedelta(0), timedelta(0), timedelta(seconds=31)) == [
        ("fast", "2026-11-23T12:00:20+00:00"),
        ("fast", "2026-11-23T12:00:40+00:00"),
        ("slow", "2026-11-23T12:00:45+00:00"),
        ("fast", "2026-11-23T12:01:20+00:00"),
        ("slow", "2026-11-23T12:01:30+00:00"),
        ("fast", "2026-11-23T12:01:40+00:00"),
    ]


def test_an_event_has_the_ticks_time_in_the_regions_zone() -> None:
    """And the user event as it was given."""
    events: SimpleQueue[Json] = SimpleQueue()
    clock = start_clock(datetime(2026, 11, 23, 17, 30, tzinfo=UTC), speed=3600)
    timer = Timer("nightly", parse_schedule("0 0 2 * * *", SHANGHAI), "kind: node_upgrade")
    timers = Timers([timer], lambda event, _: events.put(event), clock, SHANGHAI)
    timers.start()
    event = events.get(timeout=10)
    timers.stop()
    assert event == {
        "version": "v1.0",
        "time": "2026-11-24T02:00:00+08:00",
        "trigger_type": "TIMER",
        "trigger_name": "nightly",
        "user_event": "kind: node_upgrade",
    }


@pytest.mark.parametrize("timers", [[], [named("t", "30d")]])
def test_timers_stop_while_they_wait(timers: list[Timer]) -> None:
    """With nothing to wait for, too."""
    waiting = Timers(timers, lambda *_: None, start_clock(), UTC)
    before = threading.active_count()
    waiting.start()
    waiting.stop()
    assert threading.active_count() == before


def test_timers_that_never_started_can_be_stopped() -> None:
    """There is no thread to wait for."""
    before = threading.active_count()
    Timers([], lambda *_: None, start_clock(), UTC).stop()
    assert threading.active_count() == before


@pytest.mark.parametrize(
    ("text", "name", "user_event"),
    [
        ("tick=1m=", "tick", ""),
        ('tick=@every 1m={"a": "b=c"}', "tick", '{"a": "b=c"}'),
        ("n=CRON_TZ=Asia/Shanghai 0 0 2 * * *=kind: x\nname: y", "n", "kind: x\nname: y"),
        ("n= TZ=UTC * * * * * *=x", "n", "x"),
    ],
)
def test_a_timer_is_read_from_one_text(text: str, name: str, user_event: str) -> None:
    """Its zone and its event may hold equals signs."""
    timer = read_timer(text, UTC)
    assert (timer.name, timer.user_event) == (name, user_event)


def test_a_timer_without_a_zone_is_in_the_regions() -> None:
    """Which the caller names."""
    tick = read_timer("n=0 0 2 * * *=x", SHANGHAI).schedule.after(NOON)
    assert tick == datetime(2026, 11, 23, 18, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "tick", "tick=1m", "=1m=x"])
def test_a_timer_with_a_part_missing_is_refused(text: str) -> None:
    """The message shows one."""
    with pytest.raises(ValueError, match="NAME=SCHEDULE=USER_EVENT"):
        read_timer(text, UTC)


def test_a_long_user_event_is_refused() -> None:
    """The platform's limit is under 2 KB; the message says what to do instead."""
    assert Timer("t", Interval(60), "x" * 2047)
    with pytest.raises(ValueError, match="obs://bucket/key"):
        Timer("t", Interval(60), "ü" * 1024)
