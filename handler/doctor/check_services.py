"""Checks the keys, the project, that the services respond, and that IEF jobs can be listed.

The request to an endpoint is not signed: a response of any status has a date, which is compared
with our clock. The right to create a job cannot be tested.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from handler.cloud.http_transport import Request
from handler.cloud.ief.fleet import LIST_NODES
from handler.cloud.obs.prefix_store import date_of
from handler.doctor.finding import fail, ok, warn
from handler.errors import ApiError, CloudError, cloud_error_of
from handler.values.canonical_json import timestamp

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from handler.cloud.credentials import Credentials
    from handler.cloud.http_transport import Transport
    from handler.cloud.ief.client import Ief
    from handler.doctor.finding import Finding

_PROJECT = re.compile(r"[0-9a-f]{32}")

DOUBTFUL_SKEW, LARGEST_SKEW = 30, 300
"""Seconds of difference for a warning and for an error. Signatures are refused at 900, and their
dates decide how long a request can be under way."""

_CHECK_KEYS = "check that the keys belong to this account, and that the clock is right"
_RIGHTS = (
    "allow ief:batchjob:list, ief:batchjob:get and ief:batchjob:create in the agency's role "
    "(for `nightdrop jobs` also ief:batchjob:update and :delete), granted in the fleet's project"
)
_BY_CODE = {
    "IEF.011005": _CHECK_KEYS,
    "IEF.011002": "check NIGHTDROP_IEF_ENDPOINT and NIGHTDROP_REGION: the API does not exist there",
    "IEF.100001": "check NIGHTDROP_PROJECT_ID: IEF knows no such project in this region",
}
_BY_STATUS = {
    401: _CHECK_KEYS,
    403: _RIGHTS,
    404: "check NIGHTDROP_IEF_ENDPOINT, NIGHTDROP_PROJECT_ID and NIGHTDROP_IEF_INSTANCE",
}
_BUSY = 429


def keys_finding(keys: Credentials, *, in_cloud: bool) -> Finding:
    """Return the finding about the keys; their rights are checked elsewhere."""
    if keys.missing:
        reason, _, remedy = keys.missing.partition(": ")
        return fail("credentials", reason, remedy)
    if in_cloud and not keys.token:
        return warn(
            "credentials",
            "requests are signed with a permanent key from the function's environment",
            "give the function an execution agency (app_agency), and remove the key",
        )
    return ok("credentials", "temporary keys" if keys.token else "a permanent key")


def project_finding(project: str, own: str) -> Finding:
    """Return the finding about the fleet's project; `own` is the function's, "" if unknown."""
    if not _PROJECT.fullmatch(project):
        return warn(
            "project",
            "NIGHTDROP_PROJECT_ID does not look like a project's id, which is 32 hex digits",
            "copy the id, not the name, from My Credentials",
        )
    if own and own != project:
        return warn(
            "project",
            "the fleet's project differs from the function's",
            "check that the agency's role for IEF is granted in the fleet's project",
        )
    return ok("project", "the id has the right format")


@dataclass(frozen=True)
class EndpointResult:
    """The result of an unsigned request: an error, or none.

    `skew` are the seconds that our clock is ahead of the service's; None if it sent no date.
    """

    service: str
    host: str
    error: str = ""
    skew: float | None = None


def ask_endpoint(
    service: str, endpoint: str, transport: Transport, clock: Callable[[], datetime]
) -> EndpointResult:
    """Send an unsigned request to a service."""
    host = urlsplit(endpoint).hostname or ""
    before = clock()
    try:
        answer = transport.send(Request("GET", f"{endpoint}/", {}, b"", timestamp(before)))
    except CloudError as error:
        return EndpointResult(service, host, error=str(error))
    middle = before + (clock() - before) / 2
    date = date_of(answer.headers.get("date", ""))
    return EndpointResult(service, host, skew=(middle - date).total_seconds() if date else None)


def endpoint_finding(reached: EndpointResult) -> Finding:
    """Return the finding about an endpoint."""
    name = reached.service
    if reached.error:
        return fail(
            f"{name} endpoint",
            reached.error,
            f"check NIGHTDROP_REGION and NIGHTDROP_{name}_ENDPOINT; a function in a VPC needs a "
            "NAT gateway or a VPC endpoint",
        )
    return ok(f"{name} endpoint", f"{reached.host} responds")


def clock_finding(reached: Sequence[EndpointResult]) -> Finding:
    """Return the finding about our clock."""
    skews = [one.skew for one in reached if one.skew is not None]
    if not skews:
        return warn("clock", "no service sent its date", "compare the clock with a time server")
    skew = max(skews, key=abs)
    difference = f"{abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} the services' clocks"
    remedy = "synchronise this machine's clock with a time server (NTP)"
    if abs(skew) > LARGEST_SKEW:
        return fail("clock", difference, remedy)
    if abs(skew) > DOUBTFUL_SKEW:
        return warn("clock", difference, remedy)
    return ok("clock", f"within {DOUBTFUL_SKEW} s of the services' clocks")


def nodes_finding(error: CloudError | None) -> Finding:
    """Return the finding about listing nodes, which only some specs need."""
    if error is None:
        return ok("IEF nodes", "can be listed")
    text = f"{error}; specs that name nodes by their names, or select them, are not planned"
    is_right = isinstance(error, ApiError) and error.status in {401, 403}
    remedy = f"allow {LIST_NODES} in the agency's role" if is_right else "try again later"
    return warn("IEF nodes", text, remedy)


def list_error(ief: Ief) -> CloudError | None:
    """List one job and return the error, if any."""
    return cloud_error_of(lambda: ief.list_jobs("node_upgrade", limit=1, offset=0))


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
