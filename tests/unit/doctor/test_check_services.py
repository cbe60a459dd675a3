"""The checks of the function's keys and of the services' answers."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from handler.cloud.credentials import Credentials, credentials
from handler.cloud.http_transport import Transport
from handler.doctor.check_services import (
    EndpointResult,
    ask_endpoint,
    clock_finding,
    endpoint_finding,
    fleet_finding,
    keys_finding,
    project_finding,
)
from handler.errors import ApiError, CloudError, CredentialsError, NoAnswerError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from handler.emulator.server import Emulator


def test_missing_keys_are_a_fault_that_names_the_agency() -> None:
    """With the message of the code that reads them."""
    with pytest.raises(CredentialsError) as caught:
        credentials(None, {})
    found = keys_finding(Credentials("", "", missing=str(caught.value)), in_cloud=True)
    assert (found.verdict, found.message) == ("fail", "no credentials")
    assert "app_agency" in found.remedy


def test_a_permanent_key_does_not_belong_into_the_cloud() -> None:
    """A local run has no other."""
    keys = Credentials("canary", "canary")
    assert keys_finding(keys, in_cloud=False).verdict == "ok"
    found = keys_finding(keys, in_cloud=True)
    assert found.verdict == "warn"
    assert "canary" not in str(found)


def test_temporary_keys_are_fine_everywhere() -> None:
    """An agency's are."""
    assert keys_finding(Credentials("a", "s", "token"), in_cloud=True).verdict == "ok"


def test_a_projects_name_is_not_its_id() -> None:
    """The one is shown next to the other."""
    assert project_finding("cn-north-4", "").verdict == "warn"
    assert project_finding("0" * 32, "").verdict == "ok"


def test_a_fleet_may_be_in_another_project_than_the_function() -> None:
    """If the agency's role is granted there."""
    assert project_finding("0" * 32, "1" * 32).verdict == "warn"
    assert project_finding("0" * 32, "0" * 32).verdict == "ok"


@pytest.fixture
def transport() -> Iterator[Transport]:
    """Connections, closed after the test."""
    opened = Transport(timeout=5)
    yield opened
    opened.close()


@pytest.mark.parametrize("ahead", [0, 100, -400])
def test_a_service_shows_its_time_without_a_signature(
    emulator: Emulator, transport: Transport, ahead: int
) -> None:
    """In the date of any answer."""
    clock = lambda: datetime.now(timezone.utc) + timedelta(seconds=ahead)  # noqa: E731 - kept short
    found = ask_endpoint("OBS", emulator.url, transport, clock)
    assert found.skew is not None
    assert abs(found.skew - ahead) < 5
    assert endpoint_finding(found).verdict == "ok"


def test_an_unreachable_service_is_an_error(transport: Transport) -> None:
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


def test_the_clock_cannot_be_checked_against_a_silent_service() -> None:
    """That is a warning of its own."""
    assert (
        clock_finding([EndpointResult("IEF", "h", error="no"), EndpointResult("OBS", "h")]).verdict
        == "warn"
    )


def test_a_listing_is_enough() -> None:
    """The right to create is only seen at the first job; the finding says so."""
    found = fleet_finding(None)
    assert found.verdict == "ok"
    assert "create" in found.message


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (ApiError("no", status=400, code="IEF.011005"), "keys belong"),
        (ApiError("no", status=401), "keys belong"),
        (ApiError("no", status=400, code="IEF.100001"), "NIGHTDROP_PROJECT_ID"),
        (ApiError("no", status=400, code="IEF.011002"), "NIGHTDROP_IEF_ENDPOINT"),
        (ApiError("no", status=403), "ief:batchjob:create"),
        (ApiError("no", status=404), "NIGHTDROP_IEF_INSTANCE"),
        (ApiError("no", status=503), "try again"),
        (NoAnswerError("no"), "try again"),
    ],
)
def test_every_refusal_has_its_remedy(error: CloudError, remedy: str) -> None:
    """IEF's codes say more than its statuses."""
    found = fleet_finding(error)
    assert found.verdict == "fail"
    assert remedy in found.remedy


def test_a_limit_of_calls_passes() -> None:
    """It is no fault of the deployment."""
    assert fleet_finding(ApiError("no", status=429)).verdict == "warn"
