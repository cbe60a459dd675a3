"""When faults strike: before a request is executed, after it, or instead of the answer."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

import pytest

from handler.emulator.faults import ActiveFaults, FaultKind, FaultRule, Timers
from handler.emulator.http.messages import RefusedError, Response
from handler.emulator.http.router import perform
from handler.emulator.operation import Deviations, Execute, Operation


@dataclass
class Service:
    """An operation that notes when its halves run."""

    refuses: bool = False
    ran: list[str] = field(default_factory=list)
    deviations: Deviations | None = None
    checked_at: float = 0.0

    def operation(self) -> Operation:
        """Return the operation."""
        return Operation("CreateBatchJob", self.prepare, Response)

    def prepare(self, deviations: Deviations) -> Execute:
        """Check the request."""
        self.ran.append("checked")
        self.deviations = deviations
        self.checked_at = time.monotonic()
        if self.refuses:
            raise RefusedError(Response(400))
        return self.execute

    def execute(self) -> Response:
        """Carry the request out."""
        self.ran.append("committed")
        return Response(201)


def strike(
    service: Service, fault: FaultRule | None, timers: Timers | None = None
) -> Response | None:
    """Send one request that a fault ends."""
    return perform(service.operation(), ActiveFaults(ending=fault), timers or Timers())


def ending(
    kind: FaultKind, *, status: int = 503, seconds: float | None = None, after: bool = False
) -> FaultRule:
    """Build a fault that ends a request."""
    return FaultRule(
        operation="CreateBatchJob", fault=kind, status=status, seconds=seconds, after=after
    )


def wait_for(service: Service, event: str) -> bool:
    """Wait up to two seconds for one of the service's halves."""
    end = time.monotonic() + 2
    while event not in service.ran and time.monotonic() < end:
        time.sleep(0.01)
    return event in service.ran


def test_without_a_fault_the_request_is_executed() -> None:
    """Checked, committed, answered."""
    service = Service()
    assert strike(service, None) == Response(201)
    assert service.ran == ["checked", "committed"]


def test_a_refusal_is_answered_and_nothing_committed() -> None:
    """The answer is the service's own."""
    service = Service(refuses=True)
    assert strike(service, None) == Response(400)
    assert service.ran == ["checked"]


def test_a_request_with_a_lost_answer_is_executed() -> None:
    """The caller gets no answer."""
    service = Service()
    assert strike(service, ending("lost_answer")) is None
    assert service.ran == ["checked", "committed"]


def test_a_lost_refusal_is_lost_too() -> None:
    """The caller cannot tell it from a lost success."""
    assert strike(Service(refuses=True), ending("lost_answer")) is None


def test_a_cut_request_is_not_executed() -> None:
    """It may as well never have arrived."""
    service = Service()
    assert strike(service, ending("cut")) is None
    assert service.ran == []


def test_a_status_replaces_the_request() -> None:
    """Nothing is committed; seconds become Retry-After, rounded up."""
    service = Service()
    answer = strike(service, ending("status", status=429, seconds=1.5))
    assert answer == Response(429, headers={"Retry-After": "2"})
    assert service.ran == []


def test_a_status_afterwards_hides_a_success() -> None:
    """The worst answer: an error although the request was executed."""
    service = Service()
    assert strike(service, ending("status", status=502, after=True)) == Response(502)
    assert service.ran == ["checked", "committed"]


def test_a_late_commit_comes_after_the_cut() -> None:
    """The request is checked on arrival and executed when its client is gone."""
    service, timers = Service(), Timers()
    assert strike(service, ending("late_commit", seconds=0.05), timers) is None
    assert service.ran == ["checked"]
    assert wait_for(service, "committed")
    timers.stop()


def test_a_late_commit_that_was_refused_never_comes() -> None:
    """Its signature was bad on arrival."""
    service, timers = Service(refuses=True), Timers()
    assert strike(service, ending("late_commit", seconds=0), timers) is None
    pending = [one for one in threading.enumerate() if isinstance(one, threading.Timer)]
    for timer in pending:
        timer.join(10)
    timers.stop()
    assert pending == []
    assert service.ran == ["checked"]


@pytest.mark.parametrize("seconds", [0.0, 0.1])
def test_a_delay_passes_before_the_request_is_looked_at(seconds: float) -> None:
    """As on a slow network."""
    service = Service()
    started = time.monotonic()
    perform(service.operation(), ActiveFaults(delay=seconds), Timers())
    assert service.checked_at - started >= seconds
    assert service.ran == ["checked", "committed"]


def test_quirks_reach_the_service() -> None:
    """It decides by them."""
    service = Service()
    perform(service.operation(), ActiveFaults(deviations=Deviations(duplicate_name=True)), Timers())
    assert service.deviations == Deviations(duplicate_name=True)
