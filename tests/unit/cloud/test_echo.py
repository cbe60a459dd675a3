"""A service's message that repeats a secret is left out; any other is kept."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handler.cloud.credentials import Credentials
from handler.cloud.echo import LEFT_OUT, without_echo

KEYS = Credentials("ACCESS-KEY-1", "secret-key-2", "token-3")
ENVS = [{"name": "PASSWORD", "value": "hunter2"}, {"name": "MODE", "value": ""}]


def body(task_data: object) -> bytes:
    """Build a creation with some task data."""
    content = {"target_type": "node", "task_data": json.dumps(task_data)}
    return json.dumps({"job_name": "camera", "job_content": content}).encode()


DEPLOYMENT = body({"deployment": {"template": {"containers": [{"envs": ENVS}]}}})


@pytest.mark.parametrize(
    "message",
    ["bad value hunter2", "hunter2", "key ACCESS-KEY-1", "'secret-key-2'", "token-3 is old"],
)
def test_a_message_that_repeats_a_secret_is_left_out(message: str) -> None:
    """All of it: what is around the secret may give it away, too."""
    assert without_echo(message, DEPLOYMENT, KEYS) == LEFT_OUT


@pytest.mark.parametrize("message", ["", "PASSWORD is invalid", "job_name camera is in use"])
def test_any_other_message_is_kept(message: str) -> None:
    """Names and places help the person who reads it; an empty value is in every text."""
    assert without_echo(message, DEPLOYMENT, KEYS) == message


def test_missing_keys_hide_no_message() -> None:
    """They are empty texts."""
    assert without_echo("no", b"", Credentials("", "")) == "no"


@given(st.binary() | st.from_type(type(None)).map(lambda _: b"null"))
def test_any_body_is_looked_through(sent: bytes) -> None:
    """A message is shown whatever was sent."""
    assert without_echo("no", sent, KEYS) == "no"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["value", "x", "y"]), inner),
    max_leaves=12,
)


@given(JSON, st.text(min_size=1))
def test_a_value_is_found_wherever_it_stands(inside: object, secret: str) -> None:
    """At any depth, beside anything."""
    sent = body([inside, {"x": {"value": secret}}])
    assert without_echo(f"bad: {secret}!", sent, KEYS) == LEFT_OUT
