"""IEF's signature check, fed with requests that the SDK's own signer signed."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone

import pytest
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.sdk_request import SdkRequest
from huaweicloudsdkcore.signer.signer import Signer
from hypothesis import given
from hypothesis import strategies as st

from handler.emulator.credentials import DEMO_ACCOUNT, Account
from handler.emulator.http.messages import RefusedError, Request
from handler.emulator.ief import signature

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=timezone.utc).timestamp()
BODY = b'{"job_name": "a"}'


def signed(
    account: Account = DEMO_ACCOUNT,
    *,
    body: bytes = BODY,
    query: str = "",
    extra: dict[str, str] | None = None,
) -> Request:
    """Sign a request as the SDK does."""
    headers = {"Content-Type": "application/json", "X-Sdk-Date": "20260304T050607Z"}
    headers |= extra or {}
    parameters = [tuple(part.split("=")) for part in query.split("&") if part]
    request = SdkRequest(
        method="POST",
        schema="http",
        host="127.0.0.1:1",
        resource_path="/v2/p/productmgr/jobs",
        query_params=parameters,
        header_params=headers,
        body=body,
    )
    Signer(BasicCredentials(account.access_key, account.secret_key, "p")).sign(request)
    return Request("POST", request.uri, tuple(request.header_params.items()), body)


def accepts(request: Request, *, account: Account = DEMO_ACCOUNT, now: float = NOW) -> bool:
    """Say whether the check accepts a request."""
    try:
        signature.check(request, account, now)
    except RefusedError as refusal:
        return (refusal.response.status, b"IEF.011005" in refusal.response.body) != (400, True)
    return True


def with_header(request: Request, name: str, value: str | None) -> Request:
    """Set one header, or take it out."""
    kept = tuple(pair for pair in request.headers if pair[0].lower() != name.lower())
    return replace(request, headers=kept if value is None else (*kept, (name, value)))


def test_a_request_signed_by_the_sdk_is_accepted() -> None:
    """Body, path, query and headers are canonicalised alike."""
    assert accepts(signed(query="sort=created_at:desc&limit=10&name=a b~c"))


def test_a_request_without_a_body_is_accepted() -> None:
    """The hash of an empty body is signed."""
    assert accepts(signed(body=b""))


@given(st.integers(0, len(BODY) * 8 - 1))
def test_a_flipped_bit_in_the_body_is_refused(bit: int) -> None:
    """Every bit of the body counts."""
    body = bytearray(BODY)
    body[bit // 8] ^= 1 << bit % 8
    assert not accepts(replace(signed(), body=bytes(body)))


@given(st.data())
def test_a_changed_character_in_path_or_query_is_refused(data: st.DataObject) -> None:
    """Every character of the target counts, as it was sent."""
    request = signed(query="limit=10&sort=created_at:desc")
    index = data.draw(st.integers(0, len(request.target) - 1))
    changed = chr(ord(request.target[index]) ^ 1)
    target = request.target[:index] + changed + request.target[index + 1 :]
    assert not accepts(replace(request, target=target))


@pytest.mark.parametrize("name", ["Host", "Content-Type", "X-Sdk-Date"])
def test_a_changed_signed_header_is_refused(name: str) -> None:
    """Every signed header counts."""
    request = signed()
    assert not accepts(with_header(request, name, request.header(name)[:-2] + "1Z"))


@pytest.mark.parametrize("name", ["Host", "Content-Type", "X-Sdk-Date", "Authorization"])
def test_a_missing_signed_header_is_refused(name: str) -> None:
    """Every signed header must be present."""
    assert not accepts(with_header(signed(), name, None))


def test_a_signed_header_given_twice_is_refused() -> None:
    """It is unknown which of the two was signed."""
    request = signed()
    assert not accepts(replace(request, headers=(*request.headers, ("Host", "127.0.0.1:1"))))


def test_a_header_that_is_not_signed_may_be_added() -> None:
    """Proxies and HTTP libraries add theirs."""
    assert accepts(with_header(signed(), "User-Agent", "any"))


@pytest.mark.parametrize("left_out", ["host", "x-sdk-date"])
def test_a_signature_without_host_or_date_is_refused(left_out: str) -> None:
    """A request for another host or time must not be replayed here."""
    request = signed()
    authorization = request.header("Authorization").replace(left_out, "accept")
    assert not accepts(with_header(request, "Authorization", authorization))


@pytest.mark.parametrize(
    ("seconds", "accepted"), [(-901, False), (-900, True), (900, True), (901, False)]
)
def test_a_date_more_than_15_minutes_off_is_refused(seconds: float, *, accepted: bool) -> None:
    """The limit holds in both directions."""
    assert accepts(signed(), now=NOW + seconds) is accepted


def test_an_invalid_date_is_refused() -> None:
    """Without a date there is no fence."""
    assert not accepts(with_header(signed(), "X-Sdk-Date", "yesterday"))


def test_another_access_key_is_refused() -> None:
    """The right secret under another name does not count."""
    assert not accepts(signed(replace(DEMO_ACCOUNT, access_key="ANOTHER")))


def test_another_secret_key_is_refused() -> None:
    """The right name with another secret does not count."""
    assert not accepts(signed(replace(DEMO_ACCOUNT, secret_key="another")))


def test_an_unsigned_payload_is_refused() -> None:
    """The signer of the SDK leaves a body unsigned if its type is not JSON."""
    assert not accepts(signed(extra={"Content-Type": "text/plain"}))


def test_a_header_that_calls_the_body_unsigned_is_refused() -> None:
    """Even where the signature covers the body after all."""
    request = with_header(signed(), "X-Sdk-Content-Sha256", "UNSIGNED-PAYLOAD")
    assert not accepts(request)


def test_temporary_keys_need_their_token_signed() -> None:
    """The token must be there, be the right one, and be signed."""
    account = replace(DEMO_ACCOUNT, security_token="token")
    request = signed(account, extra={"X-Security-Token": "token"})
    unsigned = with_header(signed(account), "X-Security-Token", "token")
    other = signed(account, extra={"X-Security-Token": "other"})
    answers = [accepts(one, account=account) for one in (request, unsigned, other)]
    assert answers == [True, False, False]


def test_permanent_keys_come_without_a_token() -> None:
    """A token that belongs to no key is not accepted."""
    assert not accepts(signed(extra={"X-Security-Token": "token"}))


def test_a_header_outside_ascii_is_signed_as_utf8() -> None:
    """Headers may contain names of people."""
    assert accepts(with_header(signed(extra={"Accept": "é"}), "Accept", "é"))


@given(st.text(max_size=200))
def test_any_authorization_is_answered(text: str) -> None:
    """Nonsense is refused, not crashed upon."""
    assert not accepts(with_header(signed(), "Authorization", text))


def test_the_maximum_age_of_a_signature_can_be_set() -> None:
    """A second more than allowed is too much."""
    signature.check(signed(), DEMO_ACCOUNT, NOW + 20, 20)
    with pytest.raises(RefusedError):
        signature.check(signed(), DEMO_ACCOUNT, NOW + 21, 20)
