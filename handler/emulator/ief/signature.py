"""Checks the SDK-HMAC-SHA256 signature of a request to IEF, as it was sent.

The canonical request is six lines: method, path with a closing slash, sorted query, signed
headers, their names, and the SHA-256 of the body. Its hash, the scheme and the date are signed with
one HMAC-SHA256. See "AK/SK signing and authentication" in the API Gateway documentation.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from datetime import datetime, timezone
from typing import TYPE_CHECKING
from urllib.parse import unquote

from handler.emulator.credentials import same
from handler.emulator.ief.service_call import refusal_error

if TYPE_CHECKING:
    from handler.emulator.credentials import Account
    from handler.emulator.http.messages import RefusedError, Request

_MAX_SKEW = 15 * 60.0
"""Seconds by which a signature's date may differ from the service's clock."""

_SCHEME = "SDK-HMAC-SHA256"
_AUTHORIZATION = re.compile(
    rf"{_SCHEME} Access=([^,\s]+), ?SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{{64}})"
)
_ALWAYS_SIGNED = frozenset({"host", "x-sdk-date"})


def access_key(request: Request) -> str:
    """Return the access key of a request, "" if it has none."""
    match = _AUTHORIZATION.fullmatch(request.header("Authorization"))
    return match[1] if match else ""


def check(request: Request, account: Account, now: float, max_skew: float = _MAX_SKEW) -> None:
    """Check a request's signature; its date may differ from `now` by `max_skew` seconds.

    Expired temporary keys belong to no account; no code for them is documented but that of a failed
    authentication.

    Raises:
        RefusedError: The signature is missing, wrong, or its date is too far from `now`.
    """
    match = _AUTHORIZATION.fullmatch(request.header("Authorization"))
    if not match:
        raise _refused("no SDK-HMAC-SHA256 authorization")
    named, names, signature = match[1], match[2].split(";"), match[3]
    _check_signed_names(names, account)
    _check_date(request.header("X-Sdk-Date"), now, max_skew)
    _check_payload_header(request)
    expected = sign(_canonical_request(request, names), request.header("X-Sdk-Date"), account)
    if not (same(named, account.access_key) and same(signature, expected)):
        raise _refused("the signature does not match the request")
    if not same(request.header("X-Security-Token"), account.security_token):
        raise _refused("the security token is not valid")


def sign(canonical_request: str, date: str, account: Account) -> str:
    """Return the signature in hex of a canonical request: its six parts, joined by newlines."""
    digest = hashlib.sha256(canonical_request.encode()).hexdigest()
    to_sign = f"{_SCHEME}\n{date}\n{digest}".encode()
    return hmac.new(account.secret_key.encode(), to_sign, hashlib.sha256).hexdigest()


def _check_signed_names(names: list[str], account: Account) -> None:
    needed = _ALWAYS_SIGNED | ({"x-security-token"} if account.security_token else set())
    if not needed <= set(names) or len(set(names)) != len(names):
        raise _refused(f"the signed headers must include {', '.join(sorted(needed))}")


def _check_date(text: str, now: float, max_skew: float) -> None:
    try:
        # The pattern has the literal Z; the zone is added.
        date = datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
    except ValueError as error:
        raise _refused("X-Sdk-Date is not a date such as 20260131T235959Z") from error
    if abs(now - date.timestamp()) > max_skew:
        allowed = f"{max_skew / 60:g} minutes"
        raise _refused(f"X-Sdk-Date differs from the current time by more than {allowed}")


def _check_payload_header(request: Request) -> None:
    """Refuse a body whose stated hash is not that of the body."""
    stated = request.header("X-Sdk-Content-Sha256")
    if request.body and stated and stated != hashlib.sha256(request.body).hexdigest():
        raise _refused("X-Sdk-Content-Sha256 is not the SHA-256 of the body")


def _canonical_request(request: Request, names: list[str]) -> str:
    path = request.path if request.path.endswith("/") else f"{request.path}/"
    headers = "".join(f"{name}:{_only_value(request, name)}\n" for name in names)
    body = hashlib.sha256(request.body).hexdigest()
    return "\n".join(
        [request.method, path, _canonical_query(request.query), headers, ";".join(names), body]
    )


def _canonical_query(query: str) -> str:
    pairs = [part.partition("=") for part in query.split("&") if part]
    pairs.sort(key=lambda pair: (unquote(pair[0]), unquote(pair[2])))
    return "&".join(f"{name}={value}" for name, _, value in pairs)


def _only_value(request: Request, name: str) -> str:
    values = request.values(name)
    if len(values) != 1:
        raise _refused(f"the signed header {name} must be there exactly once")
    return values[0].strip()


def _refused(message: str) -> RefusedError:
    return refusal_error(400, "IEF.011005", f"Authentication failed: {message}.")
