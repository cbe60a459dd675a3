"""Whether the services answer at all, and whether their clocks agree with ours.

The question is a plain request without a signature: whatever its status, the answer bears a date.
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
"""Seconds of difference that are worth a look, and that will not do: signatures are refused at 900,
and until when a job's request can be under way is counted from their dates."""


@dataclass(frozen=True)
class EndpointResult:
    """What came of a plain request.

    Attributes:
        service: The service's name.
        host: Where it was looked for.
        error: Why it was not reached; "" if it was.
        skew: Seconds that our clock is ahead of its; None where it named no date.
    """

    service: str
    host: str
    error: str = ""
    skew: float | None = None


def ask_endpoint(
    service: str, endpoint: str, transport: Transport, clock: Callable[[], datetime]
) -> EndpointResult:
    """Ask a service for anything, and return what came of it."""
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
    """Return whether a service answers."""
    name = reached.service
    if reached.error:
        return fail(
            f"{name} endpoint",
            reached.error,
            f"check NIGHTDROP_REGION and NIGHTDROP_{name}_ENDPOINT; a function in a VPC needs a "
            "NAT gateway, or an endpoint of the VPC, to get out",
        )
    return ok(f"{name} endpoint", f"{reached.host} answers")


def clock_finding(reached: Sequence[EndpointResult]) -> Finding:
    """Return how far our clock is from those of the services."""
    skews = [one.skew for one in reached if one.skew is not None]
    if not skews:
        return warn(
            "clock", "no service named its date", "check the clock by hand, against a time server"
        )
    skew = max(skews, key=abs)
    said = f"{abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} the services' clocks"
    remedy = "set this machine's clock by a time server (NTP)"
    if abs(skew) > LARGEST_SKEW:
        return fail("clock", said, remedy)
    if abs(skew) > DOUBTFUL_SKEW:
        return warn("clock", said, remedy)
    return ok("clock", f"within {DOUBTFUL_SKEW} s of the services' clocks")
