"""Where keys come from, and that they are never shown."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from handler.cloud.credentials import Credentials, credentials
from handler.errors import CredentialsError

ENVIRON = {
    "HUAWEICLOUD_SDK_AK": "ak-env",
    "HUAWEICLOUD_SDK_SK": "sk-env",
    "HUAWEICLOUD_SDK_SECURITY_TOKEN": "token-env",
}


def context(ak: object, sk: object, token: object) -> SimpleNamespace:
    """Return a context whose methods give these answers."""
    return SimpleNamespace(
        getSecurityAccessKey=lambda: ak,
        getSecuritySecretKey=lambda: sk,
        getSecurityToken=lambda: token,
    )


def test_the_keys_of_the_agency_come_first() -> None:
    """They are the function's own."""
    assert credentials(context("a", "s", "t"), ENVIRON) == Credentials("a", "s", "t")


@pytest.mark.parametrize(
    ("ak", "sk"), [("", ""), ("null", "null"), (None, None), ("a", ""), ("null", "s"), (1, 2)]
)
def test_without_an_agency_the_keys_of_the_environment_count(ak: object, sk: object) -> None:
    """The platform answers "" or "null"; halves of two pairs are never mixed."""
    found = credentials(context(ak, sk, "token"), ENVIRON)
    assert found == Credentials("ak-env", "sk-env", "token-env")


def test_any_object_may_be_the_context() -> None:
    """A local run may have none."""
    assert credentials(None, ENVIRON).ak == "ak-env"


@pytest.mark.parametrize("token", ["", "null", None])
def test_permanent_keys_have_no_token(token: object) -> None:
    """It is "" then, wherever they come from."""
    assert credentials(context("a", "s", token), {}).token == ""
    without = {name: value for name, value in ENVIRON.items() if "TOKEN" not in name}
    assert credentials(None, without).token == ""


@pytest.mark.parametrize("left_out", ["HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK"])
def test_missing_keys_are_reported_with_a_remedy(left_out: str) -> None:
    """The message names the agency, and the variables for a local run."""
    environ = {name: value for name, value in ENVIRON.items() if name != left_out}
    with pytest.raises(CredentialsError, match=r"agency.*HUAWEICLOUD_SDK_AK") as caught:
        credentials(context("", "", ""), environ)
    assert "-env" not in str(caught.value)


def test_a_line_break_at_the_end_does_not_count() -> None:
    """It comes with reading a key from a file."""
    environ = {name: f"{value}\n" for name, value in ENVIRON.items()}
    assert credentials(None, environ) == Credentials("ak-env", "sk-env", "token-env")


@pytest.mark.parametrize("value", ["SEC\nRET", "SEC\x00RET", "SECR\u00cbT"])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_an_impossible_key_is_refused(value: str, place: int) -> None:
    """Before a header is built from it; it is not repeated."""
    keys = ["a", "s", "t"]
    keys[place] = value
    with pytest.raises(CredentialsError, match="copy them again") as caught:
        credentials(context(*keys), {})
    assert "SEC" not in str(caught.value)


def test_keys_are_not_printed() -> None:
    """Not even by accident in a traceback."""
    assert repr(Credentials("a-key", "s-key", "t-key")) == "Credentials(missing='')"
