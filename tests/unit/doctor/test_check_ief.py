"""Whether IEF lets us see its jobs."""

from __future__ import annotations

import pytest

from handler.doctor.check_ief import fleet_finding
from handler.errors import ApiError, CloudError, NoAnswerError


def test_a_listing_is_enough() -> None:
    """The right to create shows at the first job alone, and that is said."""
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
