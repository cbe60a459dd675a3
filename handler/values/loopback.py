"""Keeps web pages of other origins away from a local port.

A page in a browser can send requests to any local port: across origins without a preflight if it
sends no JSON and no extra header (fetch.spec.whatwg.org, "CORS-safelisted request-header"), and as
the same origin once its host name resolves to 127.0.0.1 (DNS rebinding).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# Names below localhost are this machine as well (RFC 6761, section 6.3); buckets use them.
_LOOPBACK = re.compile(
    r"(?:127\.0\.0\.1|(?:[a-z0-9_-]+\.)*localhost|\[::1\])(?::[0-9]{1,5})?", re.IGNORECASE
)
_OWN_SITE = frozenset({"same-origin", "none"})


@dataclass(frozen=True)
class Refusal:
    """Why a request is refused."""

    status: int
    reason: str


_HOST = Refusal(421, "This port answers for 127.0.0.1, localhost and [::1] only.")
_ORIGIN = Refusal(403, "A web page of another origin must not use this port.")
_JSON = Refusal(415, "Send JSON, with the header Content-Type: application/json.")


def refusal(
    method: str, values: Callable[[str], Sequence[str]], *, takes_json: bool = True
) -> Refusal | None:
    """Return why a request to a local port is refused; None if it is allowed.

    A request without Host is not from a browser and is allowed. The port in Host is not compared,
    so that a forwarded port works.

    Args:
        method: The request's method.
        values: Returns all values of a header, by its name in lower case.
        takes_json: Whether a POST must be JSON.
    """
    hosts = values("host")
    if len(hosts) > 1 or not all(map(_LOOPBACK.fullmatch, hosts)):
        return _HOST
    own = {f"http://{host}".lower() for host in hosts}
    if any(origin.lower() not in own for origin in values("origin")):
        return _ORIGIN
    if any(site.lower() not in _OWN_SITE for site in values("sec-fetch-site")):
        return _ORIGIN
    if takes_json and method == "POST" and not _is_json(values("content-type")):
        return _JSON
    return None


def _is_json(types: Sequence[str]) -> bool:
    return len(types) == 1 and types[0].partition(";")[0].strip().lower() == "application/json"
