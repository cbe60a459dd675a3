"""The check of where notices go: a topic is read, a webhook is not called."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import pytest

from handler.cloud.credentials import credentials
from handler.cloud.http_transport import Transport
from handler.doctor.check_notices import notices_findings
from handler.emulator.server import Emulator
from handler.invocation.invocation import ief_of
from handler.runtime.deadline import Deadline
from handler.settings import load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from handler.doctor.finding import Finding

KEY = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"
DETAILS = "ListTopicDetails"


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """An emulated cloud whose environment names the topic."""
    with Emulator(notices=True) as running:
        yield running


@pytest.fixture
def check(emulator: Emulator, tmp_path: Path) -> Iterator[Callable[..., list[Finding]]]:
    """Check an environment."""
    transport = Transport(timeout=5)

    def run(**changed: str) -> list[Finding]:
        environ = {**emulator.environment(), "NIGHTDROP_AUDIT": f"sqlite:///{tmp_path}/a.db"}
        environ |= {f"NIGHTDROP_{name.upper()}": value for name, value in changed.items()}
        settings = load(lambda _name: None, environ)
        keys = credentials(None, environ)
        deadline = Deadline(time.monotonic() + 60, time.monotonic)
        now = lambda: datetime.now(timezone.utc)  # noqa: E731 - a clock
        return list(notices_findings(settings, ief_of(settings, keys, transport, now), deadline))

    yield run
    transport.close()


def test_a_topic_that_can_be_read_is_well(
    emulator: Emulator, check: Callable[..., list[Finding]]
) -> None:
    """It says what it could not check, and publishes nothing."""
    (found,) = check()
    assert (found.verdict, found.check) == ("ok", "notices")
    assert "whether these keys may publish was not checked" in found.message
    assert emulator.state.messages == []


@pytest.mark.parametrize(
    ("status", "verdict", "part"),
    [(403, "warn", "may not read"), (404, "fail", "there is no"), (401, "fail", "cannot be read")],
)
def test_a_topic_that_cannot_be_read_is_reported(
    emulator: Emulator, check: Callable[..., list[Finding]], status: int, verdict: str, part: str
) -> None:
    """Reading is another right than publishing."""
    emulator.faults.set([{"operation": DETAILS, "fault": "status", "status": status}])
    (found,) = check()
    assert found.verdict == verdict
    assert part in found.message


def test_a_webhook_is_not_called(check: Callable[..., list[Finding]]) -> None:
    """Its receiver would take a test for a message."""
    (found,) = check(notify="https://hooks.example.com/canary", notify_key=KEY)
    expected = "they go to the webhook at hooks.example.com, which was not called"
    assert (found.verdict, found.message) == ("ok", expected)


def test_without_notices_there_is_no_finding(check: Callable[..., list[Finding]]) -> None:
    """Whoever wants none has nothing to correct."""
    assert check(notify="") == []
