"""Timer triggers: submit an event at each tick of their schedules."""

from __future__ import annotations

import re
from dataclasses import dataclass
from threading import Condition, Thread
from typing import TYPE_CHECKING

from handler.local.triggers.event_factory import timer_event
from handler.local.triggers.schedule import parse_schedule

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime, tzinfo

    from handler.local.triggers.clock import Clock
    from handler.local.triggers.schedule import Schedule
    from handler.values.canonical_json import Json

_TIMER = re.compile(
    r"(?P<name>[^=]+)=(?P<schedule>\s*(?:(?:CRON_)?TZ=\S*)?[^=]*)=(?P<user_event>.*)", re.DOTALL
)
_LARGEST_USER_EVENT = 2048  # bytes; the platform's limit is below 2 KB


@dataclass(frozen=True)
class Timer:
    """A timer trigger: its schedule, and the text in each of its events, a spec or an action."""

    name: str
    schedule: Schedule
    user_event: str

    def __post_init__(self) -> None:
        """Check the platform's limit.

        Raises:
            ValueError: The user event is too long.
        """
        if len(self.user_event.encode()) >= _LARGEST_USER_EVENT:
            raise ValueError(
                "a timer's user event must be under 2 KB; upload the spec to a bucket and name it: "
                '{"spec": "obs://bucket/key"}'
            )


def read_timer(text: str, zone: tzinfo) -> Timer:
    """Return the timer that `NAME=SCHEDULE=USER_EVENT` describes.

    The schedule may start with `CRON_TZ=…`, otherwise it is in the given zone; the event may
    contain `=`.

    Raises:
        ValueError: A part is missing or wrong.
    """
    found = _TIMER.fullmatch(text)
    if found is None:
        raise ValueError(
            "a timer must be NAME=SCHEDULE=USER_EVENT, such as "
            '\'tick=@every 5m={"action": "reconcile"}\''
        )
    return Timer(
        found["name"].strip(), parse_schedule(found["schedule"], zone), found["user_event"]
    )


class Timers:
    """Timers that share a thread.

    Each tick is computed from the previous one, not from the current time, so timers do not drift.
    After a sleep over several ticks only the latest fires: FunctionGraph's behaviour is not
    documented, and a nightly upgrade should not run seven times after a week.
    """

    def __init__(
        self,
        timers: Sequence[Timer],
        submit: Callable[[Json, str], object],
        clock: Clock,
        zone: tzinfo,
    ) -> None:
        """Create timers that tick from `start` on.

        `submit` accepts each event, and `timer` as the kind of trigger. Times in events are in the
        given zone; on the platform, in its region's.
        """
        self._timers = tuple(timers)
        self._submit = submit
        self._clock = clock
        self._zone = zone
        self._changed = Condition()
        self._stopped = False
        self._thread = Thread(target=self.run, name="timers")

    def start(self) -> None:
        """Start to tick, in a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Stop, and return when the thread has ended."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        if self._thread.ident is not None:
            self._thread.join()

    def run(self) -> None:
        """Tick until `stop` is called."""
        started = self._clock.now()
        due = [timer.schedule.after(started) for timer in self._timers]
        while self._wait(min(due, default=None)):
            now = self._clock.now()
            ticks = sorted(
                (timer.schedule.latest(tick, now), index)
                for index, (timer, tick) in enumerate(zip(self._timers, due, strict=True))
                if tick <= now
            )
            for tick, index in ticks:
                self._fire(self._timers[index], tick)
                due[index] = self._timers[index].schedule.after(tick)

    def _fire(self, timer: Timer, tick: datetime) -> None:
        at = tick.astimezone(self._zone)
        self._submit(timer_event(timer.name, timer.user_event, at), "timer")

    def _wait(self, until: datetime | None) -> bool:
        """Return True when the time has come, False after `stop`."""
        with self._changed:
            while not self._stopped:
                if until is not None and until <= self._clock.now():
                    return True
                self._clock.wait(self._changed, until)
        return False
