"""Checks that IEF jobs can be listed; the right to create one cannot be tested."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handler.doctor.finding import fail, ok, warn
from handler.errors import ApiError, CloudError

if TYPE_CHECKING:
    from handler.cloud.ief.client import Ief
    from handler.doctor.finding import Finding

_KEYS = "check that the keys belong to this account, and that the clock is right"
_RIGHTS = (
    "allow ief:batchjob:list, ief:batchjob:get and ief:batchjob:create in the agency's role, "
    "granted in the fleet's project"
)
_BY_CODE = {
    "IEF.011005": _KEYS,
    "IEF.011002": "check NIGHTDROP_IEF_ENDPOINT and NIGHTDROP_REGION: the API does not exist there",
    "IEF.100001": "check NIGHTDROP_PROJECT_ID: IEF knows no such project in this region",
}
_BY_STATUS = {
    401: _KEYS,
    403: _RIGHTS,
    404: "check NIGHTDROP_IEF_ENDPOINT, NIGHTDROP_PROJECT_ID and NIGHTDROP_IEF_INSTANCE",
}
_BUSY = 429


def list_error(ief: Ief) -> CloudError | None:
    """List one job and return the error, if any."""
    try:
        ief.list_jobs("node_upgrade", limit=1, offset=0)
    except CloudError as error:
        return error
    return None


def fleet_finding(error: CloudError | None) -> Finding:
    """Return the finding about listing jobs."""
    if error is None:
        return ok(
            "IEF jobs",
            "can be listed; permission to create jobs can only be tested by creating one",
        )
    if isinstance(error, ApiError):
        if error.status == _BUSY:
            return warn("IEF jobs", str(error), "try again later: IEF limits the rate of calls")
        remedy = _BY_CODE.get(error.code) or _BY_STATUS.get(error.status)
        if remedy:
            return fail("IEF jobs", str(error), remedy)
    return fail("IEF jobs", str(error), "try again; if it persists, check the status of IEF")
