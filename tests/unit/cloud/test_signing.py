"""Signed requests, judged by a verifier that shares no code with the signer."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handler.cloud.credentials import Credentials
from handler.cloud.signing import SignedCall, sign
from handler.emulator.credentials import Account
from handler.emulator.http import messages
from handler.emulator.ief import signature

if TYPE_CHECKING:
    from handler.cloud.http_transport import Request

AT = datetime(2026, 11, 23, 2, 3, 4, 567_890, tzinfo=timezone.utc)
ACCOUNT = Account("the-ak", "the-sk", "p", "the-token")
KEYS = Credentials("the-ak", "the-sk", "the-token")
CALL = SignedCall(
    "POST",
    "http://127.0.0.1:8071",
    "/v2/p/productmgr/jobs",
    [("limit", "10"), ("sort", "created_at:desc")],
    {"X-Project-Id": "p", "ief-instance-id": "i"},
    b'{"job_name":"a"}',
)


def arrived(request: Request) -> messages.Request:
    """Return the request as the service receives it."""
    parts = urlsplit(request.url)
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    return messages.Request(request.method, target, tuple(request.headers.items()), request.body)


def accepts(request: messages.Request, *, account: Account = ACCOUNT, at: datetime = AT) -> bool:
    """Say whether the service accepts a request."""
    try:
        signature.check(request, account, at.timestamp())
    except messages.RefusedError:
        return False
    return True


def flipped(text: str, place: int) -> str:
    """Change one character to its neighbour."""
    return text[:place] + chr(ord(text[place]) ^ 1) + text[place + 1 :]


def test_a_signed_call_is_accepted() -> None:
    """With temporary keys and all of its headers."""
    assert accepts(arrived(sign(CALL, KEYS, AT)))


def test_permanent_keys_need_no_token() -> None:
    """And then none is sent."""
    request = sign(CALL, KEYS._replace(token=""), AT)
    assert "X-Security-Token" not in request.headers
    assert accepts(arrived(request), account=replace(ACCOUNT, security_token=""))


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT"])
def test_a_call_without_a_body_is_accepted(method: str) -> None:
    """The hash of nothing is signed."""
    assert accepts(arrived(sign(CALL._replace(method=method, body=b""), KEYS, AT)))


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@given(TEXT, st.lists(st.tuples(TEXT.filter(bool), TEXT), max_size=4), st.binary(max_size=40))
def test_any_path_query_and_body_is_accepted(
    segment: str, query: list[tuple[str, str]], body: bytes
) -> None:
    """What is signed is what is sent, whatever needs encoding."""
    call = CALL._replace(path=f"/v2/p/{segment}x", query=query, body=body)
    assert accepts(arrived(sign(call, KEYS, AT)))


@given(st.data())
def test_a_flipped_byte_is_refused(data: st.DataObject) -> None:
    """In the body, the path, the query or any signed header."""
    request = arrived(sign(CALL, KEYS, AT))
    where = data.draw(st.sampled_from(["body", "target", *dict(request.headers)]))
    if where == "body":
        body = bytearray(request.body)
        body[data.draw(st.integers(0, len(body) - 1))] ^= 1
        request = replace(request, body=bytes(body))
    elif where == "target":
        target = flipped(request.target, data.draw(st.integers(0, len(request.target) - 1)))
        request = replace(request, target=target)
    else:
        value = request.header(where)
        changed = flipped(value, data.draw(st.integers(0, len(value) - 1)))
        others = tuple(pair for pair in request.headers if pair[0] != where)
        request = replace(request, headers=(*others, (where, changed)))
    assert not accepts(request)


def test_every_header_of_the_call_is_signed() -> None:
    """So that none can be changed on the way."""
    names = sign(CALL, KEYS, AT).headers["Authorization"].partition("SignedHeaders=")[2]
    signed = set(names.partition(",")[0].split(";"))
    assert signed >= {
        *("content-type", "host", "ief-instance-id", "x-project-id"),
        *("x-sdk-date", "x-security-token"),
    }


@pytest.mark.parametrize("hours", [0, 8, -5])
def test_the_date_is_the_given_one_in_utc(hours: int) -> None:
    """In the header to the second, for the records to the microsecond; never the clock's own."""
    at = AT.astimezone(timezone(timedelta(hours=hours)))
    request = sign(CALL, KEYS, at)
    assert request.headers["X-Sdk-Date"] == "20261123T020304Z"
    assert request.date == "2026-11-23T02:03:04.567890Z"


@pytest.mark.parametrize(
    ("minutes", "accepted"), [(0, True), (14, True), (16, False), (-16, False)]
)
def test_the_date_is_the_fence(minutes: int, *, accepted: bool) -> None:
    """A request that was held back for 15 minutes cannot land."""
    request = arrived(sign(CALL, KEYS, AT))
    assert accepts(request, at=AT + timedelta(minutes=minutes)) is accepted


def test_each_signing_makes_a_fresh_request() -> None:
    """Signing again, at another time, leaves the first as it was."""
    headers = dict(CALL.headers)
    first = sign(CALL, KEYS, AT)
    before = dict(first.headers)
    second = sign(CALL, KEYS, AT + timedelta(minutes=20))
    assert (dict(first.headers), dict(CALL.headers)) == (before, headers)
    assert first.headers["Authorization"] != second.headers["Authorization"]
    assert accepts(arrived(second), at=AT + timedelta(minutes=20))
    assert sign(CALL, KEYS, AT) == first


def test_no_key_is_in_what_is_sent_or_shown() -> None:
    """The secret key never leaves; nothing of the headers is printed."""
    request = sign(CALL, KEYS, AT)
    assert "the-sk" not in f"{request.url}{request.headers}"
    assert not {"the-ak", "the-sk", "the-token", "job_name"} & set(repr(request).split("'"))
    assert "the-" not in repr(request)
