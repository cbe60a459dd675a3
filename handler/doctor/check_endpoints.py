"""Checks that the services respond, and that their clocks agree with ours.

The request is not signed: a response of any status has a date.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from handler.cloud.http_transport import Request
from handler.cloud.obs.server_clock import date_of
from handler.doctor.finding import fail, ok, warn
from handler.errors import CloudError
from handler.values.canonical_json import timestamp

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from handler.cloud.http_transport import Transport
    from handler.doctor.finding import Finding

DOUBTFUL_SKEW, LARGEST_SKEW = 30, 300
"""Seconds of difference for a warning and for an error. Signatures are refused at 900, and their
dates decide how long a request can be under way."""


@dataclass(frozen=True)
class EndpointResult:
    """The result of an unsigned request.

    Attributes:
        service: The service's name.
        host: Its host name.
        error: Why there is no response; "" if there is.
        skew: Seconds that our clock is ahead of the service's; None if it sent no date.
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
