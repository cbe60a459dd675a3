"""Each alarm is delivered at most once, and none stays undelivered without a record of it."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from handler.audit.log import Decision
from handler.audit.record import Draft, part
from handler.errors import ApiError, CloudError, NoAnswerError, NotSentError
from handler.notices.decisions import MOST_PER_HOUR, claim_notice, record_answer
from tests.faults.simulation.memory_log import MemoryLog
from tests.support.clock import Clock
from tests.support.depth import examples

if TYPE_CHECKING:
    from handler.notices.decisions import Notice

START = datetime(2026, 11, 26, 2, tzinfo=timezone.utc)
LEASE = timedelta(minutes=2)
UNSENT = (NotSentError("no connection"), ApiError("no", status=403), ApiError("", status=429))
STEPS = 120


@dataclass
class World:
    """Some deliveries, instances that send notices and may be killed, and a service.

    Attributes:
        chance: Decides what happens.
        delivered: What the service has delivered: deliveries with the record that alarmed.
        lost: What an instance makes of an answer that was lost.
        held: Notices that frozen instances have claimed, each with its answer, if it was sent.
        claims: When notices were claimed.
    """

    chance: random.Random
    clock: Clock = field(default_factory=lambda: Clock(START))
    lost: CloudError = field(default_factory=lambda: NoAnswerError("no answer"))
    delivered: Counter[tuple[str, int]] = field(default_factory=Counter)
    held: list[tuple[Notice, str | CloudError | None]] = field(default_factory=list)
    claims: list[datetime] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.log = MemoryLog(self.clock)

    def alarm(self) -> None:
        """Let a delivery be rejected, or be doubted."""
        key = f"d{self.chance.randrange(30)}"
        about = {"key": key, "trigger": "object", "subject": f"obs://b/{key}"}
        first = self.log.read(lambda view: view.delivery(key)) is None
        job = {"key": "j", "name": "hall", "type": "node_upgrade"}
        draft = (
            Draft("spec.rejected", "failure", delivery=about)
            if first
            else Draft("job.doubted", "failure", delivery={"key": key}, job=job)
        )
        self.log.commit(lambda _view: Decision(None, (draft,)))

    def notify(self, *, healthy: bool) -> None:
        """Let an instance send a notice; it may be killed or frozen at every step."""
        notice = self.log.commit(claim_notice(LEASE)).value
        if notice is None:
            return
        self.claims.append(self.clock.now)
        if not healthy and self.chance.random() < 0.2:
            self.held.append((notice, None))
            return
        answer = self.send(notice, healthy=healthy)
        if not healthy and self.chance.random() < 0.2:
            self.held.append((notice, answer))
            return
        self.log.commit(record_answer(notice, answer))

    def send(self, notice: Notice, *, healthy: bool) -> str | CloudError:
        """Let the service take a notice, refuse it, or lose the answer."""
        happens = "taken" if healthy else self.chance.choice(["taken", "unsent", "lost", "cut"])
        if happens in {"taken", "lost"}:
            self.delivered.update(notice.shows.items())
        if happens == "taken":
            return "message"
        return self.chance.choice(UNSENT) if happens == "unsent" else self.lost

    def thaw(self) -> None:
        """Let a frozen instance go on; or it was killed, and does not."""
        notice, answer = self.held.pop(self.chance.randrange(len(self.held)))
        if self.chance.random() < 0.5:
            answer = self.send(notice, healthy=False) if answer is None else answer
            self.log.commit(record_answer(notice, answer))

    def step(self) -> None:
        """Let something happen."""
        match self.chance.choice(["alarm", "notify", "notify", "thaw", "wait"]):
            case "alarm":
                self.alarm()
            case "notify":
                self.notify(healthy=False)
            case "thaw" if self.held:
                self.thaw()
            case _:
                self.clock.now += timedelta(seconds=self.chance.choice([1, 60, 600, 3600]))


@pytest.mark.parametrize("seed", range(examples(240)))
def test_every_alarm_is_delivered_at_most_once_and_none_is_forgotten(seed: int) -> None:
    """Whatever instances and the service do in between."""
    world = World(random.Random(seed))  # noqa: S311 - the same every time
    for _ in range(STEPS):
        world.step()
    for _ in range(40):
        world.clock.now += timedelta(hours=1)
        world.notify(healthy=True)
    left = world.log.read(lambda view: view.unnoticed(1000))
    assert left == ()
    assert set(world.delivered.values()) <= {1}
    on_record = {
        (part(fields, "delivery")["key"], part(fields, "delivery")["shows"])
        for fields in (record.fields for record in world.log.records())
        if fields["action"] in {"notice.sent", "notice.failed"}
    }
    keys = {str(part(record.fields, "delivery")["key"]) for record in world.log.records()}
    runs = world.log.read(lambda view: [view.delivery(key) for key in keys])
    assert {(run.key, run.alarmed) for run in runs if run} <= on_record | world.delivered.keys()
    for claimed in world.claims:
        within = [one for one in world.claims if claimed <= one < claimed + timedelta(hours=1)]
        assert len(within) <= MOST_PER_HOUR


def test_a_lost_answer_that_is_taken_for_a_refusal_is_found() -> None:
    """The check above can fail: such a notice is sent again, and delivered twice."""
    world = World(random.Random(0), lost=NotSentError("no answer"))  # noqa: S311 - the same every time
    for _ in range(STEPS):
        world.step()
    assert max(world.delivered.values()) > 1
