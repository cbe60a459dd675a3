"""OBS's signature check."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import replace
from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handler.emulator.credentials import DEMO_ACCOUNT, Account
from handler.emulator.http.messages import RefusedError, Request
from handler.emulator.obs import signature
from handler.emulator.obs.request import locate

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=timezone.utc).timestamp()
DATE = "Wed, 04 Mar 2026 05:06:07 GMT"


def signed(
    to_sign: str,
    headers: dict[str, str],
    *,
    target: str = "/bucket/a%20b.yaml",
    scheme: str = "OBS",
    account: Account = DEMO_ACCOUNT,
) -> Request:
    """Build a GET with the signature of a string."""
    digest = hmac.new(account.secret_key.encode(), to_sign.encode(), hashlib.sha1).digest()
    signature = base64.b64encode(digest).decode()
    authorization = f"{scheme} {account.access_key}:{signature}"
    everything = {"Host": "127.0.0.1", "Authorization": authorization} | headers
    return Request("GET", target, tuple(everything.items()))


def plain(date: str = DATE) -> Request:
    """Build the simplest GET of an object."""
    return signed(f"GET\n\n\n{date}\n/bucket/a%20b.yaml", {"Date": date})


def verdict(request: Request, *, account: Account = DEMO_ACCOUNT, now: float = NOW) -> str:
    """Return the error's code, "" if the request is accepted."""
    try:
        signature.check(request, locate(request), account, now)
    except RefusedError as refusal:
        return refusal.response.body.decode().partition("<Code>")[2].partition("</Code>")[0]
    return ""


def test_a_request_signed_as_the_reference_says_is_accepted() -> None:
    """Method, digest, type, date and resource are signed."""
    assert verdict(plain()) == ""


def test_the_date_may_be_in_a_header_of_the_service() -> None:
    """The Date line is then empty."""
    to_sign = f"GET\n\n\n\nx-obs-date:{DATE}\n/bucket/a%20b.yaml"
    assert verdict(signed(to_sign, {"x-obs-date": DATE, "Date": "other"})) == ""


def test_the_aws_spelling_signs_its_own_headers() -> None:
    """Under `AWS` the prefix is `x-amz-`, and `x-obs-` headers do not count."""
    to_sign = "GET\n\n\n\nx-amz-date:20260304T050607Z\n/bucket/a%20b.yaml"
    headers = {"x-amz-date": "20260304T050607Z", "x-obs-any": "1"}
    assert verdict(signed(to_sign, headers, scheme="AWS")) == ""


def test_the_bucket_in_the_host_is_signed_as_part_of_the_resource() -> None:
    """Both styles sign the same resource."""
    request = signed(
        f"GET\n\n\n{DATE}\n/bucket/a.yaml",
        {"Date": DATE, "Host": "bucket.obs.localhost:80"},
        target="/a.yaml",
    )
    assert verdict(request) == ""


def test_sub_resources_of_the_query_are_signed_and_others_are_not() -> None:
    """`versionId` is signed, `prefix` is not."""
    request = signed(
        f"GET\n\n\n{DATE}\n/bucket?versionId=a b",
        {"Date": DATE},
        target="/bucket?prefix=x&versionId=a%20b",
    )
    assert verdict(request) == ""


@given(st.integers(1, len("/bucket/a%20b.yaml") - 1))
def test_a_changed_character_in_the_path_is_refused(address: int) -> None:
    """Every character of the path counts."""
    request = plain()
    changed = chr(ord(request.target[address]) ^ 1)
    target = request.target[:address] + changed + request.target[address + 1 :]
    assert verdict(replace(request, target=target)) == "SignatureDoesNotMatch"


@pytest.mark.parametrize("name", ["Content-MD5", "Content-Type", "x-obs-acl"])
def test_an_added_header_that_should_be_signed_is_refused(name: str) -> None:
    """What the service acts upon cannot be slipped in."""
    request = plain()
    added = replace(request, headers=(*request.headers, (name, "x")))
    assert verdict(added) == "SignatureDoesNotMatch"


def test_another_method_is_refused() -> None:
    """A signature for reading does not serve for deleting."""
    assert verdict(replace(plain(), method="DELETE")) == "SignatureDoesNotMatch"


@pytest.mark.parametrize(
    ("seconds", "code"), [(-901, "RequestTimeTooSkewed"), (900, ""), (901, "RequestTimeTooSkewed")]
)
def test_a_date_more_than_15_minutes_off_is_refused(seconds: float, code: str) -> None:
    """The limit holds in both directions."""
    assert verdict(plain(), now=NOW + seconds) == code


def test_an_invalid_date_is_refused() -> None:
    """Without a date the request would be valid indefinitely."""
    assert verdict(plain("some day")) == "AccessDenied"


def test_an_unknown_access_key_is_named_as_such() -> None:
    """The code distinguishes it from a wrong secret."""
    known = replace(DEMO_ACCOUNT, access_key="ANOTHER")
    assert verdict(plain(), account=known) == "InvalidAccessKeyId"


def test_temporary_keys_need_their_token() -> None:
    """A request without the token is refused, one with it accepted."""
    account = replace(DEMO_ACCOUNT, security_token="token")
    to_sign = f"GET\n\n\n{DATE}\nx-obs-security-token:token\n/bucket/a%20b.yaml"
    with_token = signed(to_sign, {"Date": DATE, "x-obs-security-token": "token"})
    assert verdict(with_token, account=account) == ""
    assert verdict(plain(), account=account) == "InvalidSecurityToken"


@given(st.text(max_size=100))
def test_any_authorization_is_answered(text: str) -> None:
    """Nonsense is refused, not crashed upon."""
    assert verdict(Request("GET", "/", (("Authorization", text),))) == "AccessDenied"


def test_the_maximum_age_of_a_request_can_be_set() -> None:
    """A second more than allowed is too much."""
    request = plain()
    address = locate(request)
    signature.check(request, address, DEMO_ACCOUNT, NOW + 20, 20)
    with pytest.raises(RefusedError):
        signature.check(request, address, DEMO_ACCOUNT, NOW + 21, 20)
