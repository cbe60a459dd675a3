"""Secrets that a service repeats are masked, in whatever spelling; the rest of the text stays."""

from __future__ import annotations

import html
import json
import time
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handler.cloud.credentials import Credentials
from handler.cloud.redaction import MASK, redact, secrets_of, task_data_of

KEYS = Credentials("ACCESS-KEY-1", "secret-key-2", "token-3")
SECRET = 'Pä"ss/Wörd&<7> +1x'

SPELLINGS = {
    "as it is": SECRET,
    "upper case": SECRET.upper(),
    "lower case": SECRET.lower(),
    "JSON": json.dumps(SECRET),
    "JSON without ASCII": json.dumps(SECRET, ensure_ascii=False),
    "JSON in JSON": json.dumps(json.dumps(SECRET)),
    "all in JSON escapes": "".join(f"\\u{ord(one):04X}" for one in SECRET),
    "address": quote(SECRET, safe=""),
    "form": quote_plus(SECRET),
    "address in an address": quote(quote(SECRET, safe=""), safe=""),
    "lower-case address": quote(SECRET, safe="").lower(),
    "HTML": html.escape(SECRET),
    "HTML numbers": "".join(f"&#{ord(one)};" for one in SECRET),
    "HTML hex numbers": "".join(f"&#x{ord(one):x};" for one in SECRET),
    "HTML in an address": quote(html.escape(SECRET)),
    "Python": "".join(f"\\x{ord(one):02x}" for one in SECRET),
    "its beginning": SECRET[:8],
    "its end": SECRET[-8:],
    "its middle": SECRET[5:12],
    "within a word": f"x{SECRET}x",
}


def body(task_data: object) -> bytes:
    """Build a creation with some task data."""
    content = {"target_type": "node", "task_data": json.dumps(task_data)}
    return json.dumps({"job_name": "camera", "job_content": content}).encode()


def is_shared(text: str, secret: str) -> bool:
    """Return whether a text has six characters in a row with a secret."""
    return any(secret[at : at + 6] in text for at in range(len(secret) - 5))


@pytest.mark.parametrize("kind", SPELLINGS)
def test_a_secret_is_masked_in_every_spelling(kind: str) -> None:
    """The text around it is still readable."""
    shown = redact(f"bad value: {SPELLINGS[kind]} in the field envs", [SECRET])
    assert MASK in shown
    assert shown.startswith("bad value: ")
    assert shown.endswith(" in the field envs")
    assert not is_shared(shown.casefold(), SECRET.casefold())


@pytest.mark.parametrize("kind", SPELLINGS)
def test_a_secret_that_is_spelt_so_itself_is_masked(kind: str) -> None:
    """An environment value may hold escapes of its own."""
    spelt = SPELLINGS[kind]
    for quoted in (spelt, json.dumps(spelt), html.escape(spelt), quote(spelt)):
        assert not is_shared(redact(f"no: {quoted}", [spelt]), spelt)


@pytest.mark.parametrize("secret", ["", "1", "a", "true", "12345", "%41%42%43"])
def test_a_short_value_masks_nothing(secret: str) -> None:
    """It is a part of every text."""
    assert redact("true, 12345 or a: ABC are no values", [secret][:-1]) == (
        "true, 12345 or a: ABC are no values"
    )


@pytest.mark.parametrize(
    "message",
    ["", "PASSWORD is invalid", "job_name camera is in use", "100 % of \\u12 & more; \\", "é%"],
)
def test_a_message_without_secrets_is_unchanged(message: str) -> None:
    """Whatever looks like the beginning of an escape."""
    assert redact(message, [SECRET, "something-else"]) == message


def test_five_characters_in_common_are_not_masked() -> None:
    """Six are not."""
    assert redact("abcde abcdef", ["abcdefgh"]) == f"abcde {MASK}"


def test_a_message_of_any_length_is_masked_in_its_beginning() -> None:
    """The time does not grow with it, and little with the secrets."""
    start = time.process_time()
    shown = redact("%25&amp;\\\\u0041" * 500_000, ["0123456789abcdef" * 20_000])
    assert len(shown) <= 1000
    assert time.process_time() - start < 1.5


@given(st.text(max_size=40), st.text(min_size=6, max_size=20), st.text(max_size=40))
def test_no_run_of_a_secret_survives(before: str, secret: str, after: str) -> None:
    """Whatever is around it."""
    shown = redact(f"{before}{secret}{after}", [secret])
    around = shown.replace(MASK, "\0")
    assert not is_shared(around, secret)


@given(st.text(max_size=200), st.lists(st.text(max_size=30)))
def test_any_message_can_be_masked(message: str, secrets: list[str]) -> None:
    """And grows by no more than the marks."""
    assert len(redact(message, secrets)) <= 2 * len(message)


@given(st.binary())
def test_any_body_is_looked_through(sent: bytes) -> None:
    """A message is shown whatever was sent."""
    assert redact("no", secrets_of(KEYS, task_data_of(sent))) == "no"


def test_keys_count_as_secrets() -> None:
    """Missing ones are empty texts and count for nothing."""
    assert set(secrets_of(KEYS, "")) == {"ACCESS-KEY-1", "secret-key-2", "token-3"}
    assert secrets_of(Credentials("", ""), "") == ()


def test_values_arguments_commands_and_secrets_of_a_deployment_count() -> None:
    """Names, images and paths do not: they help to find an error."""
    container = {
        "name": "camera-name",
        "image_url": "swr.example.com/camera",
        "envs": [
            {"name": "PASSWORD", "value": "env-value"},
            {"name": "NUMBER", "value": 1234567},
            {"name": "OTHER", "value_from": {"secret": {"name": "secret-name"}}},
        ],
        "args": ["--password", "argument"],
        "command": ["run-this"],
        "privileged": True,
    }
    sent = body({"deployment": {"template": {"containers": [container]}}})
    found = set(secrets_of(Credentials("", ""), task_data_of(sent)))
    assert found == {
        "env-value", "1234567", "secret-name", "--password", "argument", "run-this",
    }  # fmt: skip


def test_task_data_that_is_no_json_is_secret_as_a_whole() -> None:
    """It is unknown which part of it is secret."""
    assert secrets_of(Credentials("", ""), "{a: value-7") == ("{a: value-7",)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["value", "x", "y"]), inner),
    max_leaves=12,
)


@given(JSON, st.text(min_size=6))
def test_a_value_is_found_at_any_place(inside: object, secret: str) -> None:
    """At any depth, beside anything."""
    sent = body([inside, {"x": {"value": secret}}])
    assert secret in secrets_of(KEYS, task_data_of(sent))
