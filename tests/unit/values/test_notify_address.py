"""Where notices may go, and what is shown of that."""

from __future__ import annotations

import base64

import pytest

from handler.values.notify_address import (
    checked_notify_address,
    checked_webhook_key,
    shown_address,
    topic_of,
    webhook_key,
)

URN = f"urn:smn:cn-north-4:{'0' * 32}:nightdrop_Alarms-1"
KEY = "whsec_" + base64.b64encode(b"k" * 24).decode()


def test_a_topic_is_taken_apart() -> None:
    """Its region names the host, its project the path."""
    topic = topic_of(URN)
    assert topic
    assert (topic.urn, topic.region, topic.project) == (URN, "cn-north-4", "0" * 32)
    assert (checked_notify_address(URN), shown_address(URN)) == (URN, URN)


@pytest.mark.parametrize(
    "address",
    [
        "https://hooks.example.com/T0/secret?token=x",
        "https://hooks.example.com:8443/",
        "http://127.0.0.1:8080/hook",
        "http://localhost/hook",
    ],
)
def test_a_webhook_shows_its_host_only(address: str) -> None:
    """The path may be a secret."""
    assert checked_notify_address(address) == address
    host = address.split("/")[2].partition(":")[0]
    assert shown_address(address) == f"the webhook at {host}"


@pytest.mark.parametrize(
    "address",
    [
        "http://hooks.example.com/T0",
        "https://canary:word@hooks.example.com/",
        "https://canary@hooks.example.com/",
        "https://192.0.2.7/canary",
        "https://hooks.example.com/#canary",
        "https://hooks.example.com/a canary",
        "https:///canary",
        "https://hooks.example.com:x/canary",
        "ftp://hooks.example.com/canary",
        "canary",
        "",
        f"{URN}/canary",
        URN.replace("cn-north-4", "evil.example.com/canary"),
        URN.replace("0" * 32, "canary"),
        f"{URN}\n",
    ],
)
def test_any_other_address_is_refused_without_quoting_it(address: str) -> None:
    """It may hold a secret."""
    with pytest.raises(ValueError, match=r"must|not a valid") as caught:
        checked_notify_address(address)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        (KEY, True),
        (KEY.removeprefix("whsec_"), False),
        ("whsec_canary", False),
        ("whsec_" + base64.b64encode(b"k" * 23).decode(), False),
        ("whsec_" + "ü" * 40, False),
        ("", False),
    ],
)
def test_a_key_has_the_form_of_the_standard(text: str, *, valid: bool) -> None:
    """At least 24 bytes; an error does not quote it."""
    if valid:
        assert (checked_webhook_key(text), webhook_key(text)) == (text, b"k" * 24)
        return
    with pytest.raises(ValueError, match="must be whsec_") as caught:
        checked_webhook_key(text)
    assert "canary" not in str(caught.value)
