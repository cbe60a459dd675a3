"""The client of SMN, against the emulated topic and against odd answers."""

from __future__ import annotations

import json
import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest

from handler.cloud.credentials import Credentials, credentials
from handler.cloud.smn.client import MESSAGE_BYTES, SUBJECT_BYTES, Smn
from handler.errors import ApiError, CredentialsError, NotSentError
from handler.runtime.deadline import Deadline
from handler.values.notify_address import Topic, topic_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from handler.cloud.http_transport import Transport
    from handler.emulator.server import Emulator

    Answering = Callable[[int, bytes], str]


def urn(project: str, name: str = "nightdrop-notices") -> Topic:
    """Return a topic of a project."""
    topic = topic_of(f"urn:smn:cn-north-4:{project}:{name}")
    assert topic
    return topic


@pytest.fixture
def smn(emulator: Emulator, transport: Transport) -> Callable[..., Smn]:
    """Make a client of the emulated topic."""

    def make(**changed: object) -> Smn:
        values: dict[str, Any] = {
            "endpoint": emulator.url,
            "topic": urn(emulator.account.project_id),
            "credentials": credentials(None, emulator.environment()),
            "transport": transport,
            "clock": lambda: datetime.now(timezone.utc),
            "deadline": Deadline(time.monotonic() + 60, time.monotonic),
        }
        return Smn(**{**values, **changed})

    return make


def test_a_message_is_published_as_it_is(smn: Callable[..., Smn], emulator: Emulator) -> None:
    """Up to the limits of the service, with characters of any language."""
    subject, message = "ü" * (SUBJECT_BYTES // 2), "夜\n" * (MESSAGE_BYTES // 4)
    message_id = smn().publish(subject, message)
    (published,) = emulator.state.messages
    assert (published.subject, published.message) == (subject, message)
    assert (published.message_id, published.topic_urn) == (message_id, smn().topic.urn)


def test_a_topic_that_exists_can_be_checked(smn: Callable[..., Smn], emulator: Emulator) -> None:
    """Nothing is published."""
    smn().check_topic()
    assert emulator.state.messages == []
    with pytest.raises(ApiError, match="SMN answered 404 SMN") as caught:
        smn(topic=urn(emulator.account.project_id, "another")).check_topic()
    assert caught.value.status == 404


def test_a_wrong_key_is_refused(smn: Callable[..., Smn], emulator: Emulator) -> None:
    """The emulator checks the signature with code of its own."""
    wrong = Credentials(emulator.account.access_key, "another-secret")
    with pytest.raises(ApiError, match=r"SMN answered 401 APIGW\.0301"):
        smn(credentials=wrong).publish("s", "m")
    with pytest.raises(CredentialsError):
        smn(credentials=Credentials("", "", missing="no keys")).publish("s", "m")
    assert emulator.state.messages == []


def test_a_pause_that_is_asked_for_is_in_the_error(
    smn: Callable[..., Smn], emulator: Emulator
) -> None:
    """In seconds."""
    emulator.faults.set(
        [{"operation": "PublishMessage", "fault": "status", "status": 429, "seconds": 90}]
    )
    with pytest.raises(ApiError) as caught:
        smn().publish("s", "m")
    assert (caught.value.status, caught.value.retry_after) == (429, 90)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"[]",
        b"null",
        b"{",
        b'{"message_id": 7}',
        b'{"message_id": "<b>"}',
        b'{"message_id": ""}',
    ],
)
def test_a_success_without_a_usable_id_is_a_success(
    smn: Callable[..., Smn], answering: Answering, answer: bytes
) -> None:
    """The message was stored; it must not be sent again."""
    assert smn(endpoint=answering(200, answer)).publish("s", "m") == ""


def test_an_error_shows_a_code_and_nothing_else_of_the_answer(
    smn: Callable[..., Smn], answering: Answering
) -> None:
    """Its message may repeat anything."""
    for body, shown in (
        ({"error_code": "SMN.00010008", "error_msg": "canary"}, "SMN answered 400 SMN.00010008"),
        ({"code": "SMN.0001", "message": "canary"}, "SMN answered 400 SMN.0001"),
        ({"code": "canary"}, "SMN answered 400"),
    ):
        with pytest.raises(ApiError) as caught:
            smn(endpoint=answering(400, json.dumps(body).encode())).publish("s", "m")
        assert str(caught.value) == shown


def test_what_cannot_be_reached_was_not_sent(smn: Callable[..., Smn], closed: str) -> None:
    """So that it is tried again."""
    with pytest.raises(NotSentError):
        smn(endpoint=closed).publish("s", "m")
