"""Whether the services answer, and how late it is there."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from handler.cloud.http_transport import Transport
from handler.doctor.check_endpoints import (
    EndpointResult,
    ask_endpoint,
    clock_finding,
    endpoint_finding,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from handler.emulator.server import Emulator


@pytest.fixture
def transport() -> Iterator[Transport]:
    """Connections, closed after the test."""
    opened = Transport(timeout=5)
    yield opened
    opened.close()


@pytest.mark.parametrize("ahead", [0, 100, -400])
def test_a_service_tells_its_time_without_a_signature(
    emulator: Emulator, transport: Transport, ahead: int
) -> None:
    """In the date of any answer."""
    clock = lambda: datetime.now(timezone.utc) + timedelta(seconds=ahead)  # noqa: E731 - said once
    found = ask_endpoint("OBS", emulator.url, transport, clock)
    assert found.skew is not None
    assert abs(found.skew - ahead) < 5
    assert endpoint_finding(found).verdict == "ok"


def test_a_service_that_cannot_be_reached_is_a_fault(transport: Transport) -> None:
    """The message names the settings to look at."""
    found = ask_endpoint("IEF", "http://127.0.0.1:1", transport, lambda: datetime.now(timezone.utc))
    finding = endpoint_finding(found)
    assert finding.verdict == "fail"
    assert "NIGHTDROP_IEF_ENDPOINT" in finding.remedy


@pytest.mark.parametrize(
    ("skews", "verdict"),
    [([0.0, 29.0], "ok"), ([-31.0, 2.0], "warn"), ([301.0], "fail"), ([-301.0], "fail")],
)
def test_a_wrong_clock_is_found(skews: list[float], verdict: str) -> None:
    """Half a minute is worth a look; with 15 minutes no signature is accepted any more."""
    assert (
        clock_finding([EndpointResult("IEF", "h", skew=skew) for skew in skews]).verdict == verdict
    )


def test_the_clock_cannot_be_told_by_a_service_that_does_not_answer() -> None:
    """That is a doubt of its own."""
    assert (
        clock_finding([EndpointResult("IEF", "h", error="no"), EndpointResult("OBS", "h")]).verdict
        == "warn"
    )
