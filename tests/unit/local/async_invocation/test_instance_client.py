"""One instance of the function, over real HTTP."""

from __future__ import annotations

import json
import socket
import time
from datetime import datetime, timezone
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from handler.local.async_invocation.async_request import AsyncRequest
from handler.local.async_invocation.instance_client import FunctionInstance

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REQUEST = AsyncRequest("r-1", "timer", '{"a": "ü"}', datetime(2026, 11, 23, tzinfo=timezone.utc))


@pytest.fixture
def silent() -> Iterator[str]:
    """A server that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"


@pytest.fixture
def closing() -> Iterator[str]:
    """A server that reads and then cuts the connection, as a killed process does."""

    def cut() -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(65_536)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = Thread(target=cut)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"
        thread.join()


def test_a_reply_is_a_success(answering: Callable[[int, bytes], str]) -> None:
    """Its text is the payload."""
    outcome = FunctionInstance(answering(200, b'{"outcome": "completed"}'), 5).invoke(REQUEST)
    assert (outcome.status, outcome.payload, outcome.error) == (
        200,
        '{"outcome": "completed"}',
        "",
    )


def test_an_error_of_the_function_is_reported(answering: Callable[[int, bytes], str]) -> None:
    """Class and message, and the whole error object as the payload."""
    body = b'{"errorMessage": "no disk", "errorType": "OSError", "stackTrace": []}'
    outcome = FunctionInstance(answering(500, body), 5).invoke(REQUEST)
    assert (outcome.status, outcome.error) == (500, "OSError: no disk")
    assert outcome.payload == body.decode()


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b"\xff"])
def test_another_answer_is_reported_by_its_status(
    answering: Callable[[int, bytes], str], body: bytes
) -> None:
    """A redirect, a proxy's page, nothing."""
    assert FunctionInstance(answering(404, body), 5).invoke(REQUEST).error == "HTTP 404"


def test_a_refused_connection_raises_nothing(silent: str) -> None:
    """The failure is the outcome, with an error object as the platform's."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        free = probe.getsockname()[1]
    outcome = FunctionInstance(silent.replace(silent.split(":")[2], f"{free}/"), 5).invoke(REQUEST)
    assert (outcome.status, outcome.error) == (500, "no server listens at the function's address")
    assert json.loads(outcome.payload)["errorType"] == "NoInstance"


def test_no_answer_in_time_is_a_failure(silent: str) -> None:
    """The time is that of the function."""
    started = time.monotonic()
    outcome = FunctionInstance(silent, 0.1).invoke(REQUEST)
    assert (outcome.status, outcome.error) == (500, "no answer within 0.1 seconds")
    assert time.monotonic() - started >= 0.1


def test_an_instance_that_dies_is_a_failure(closing: str) -> None:
    """Whatever it may have done before."""
    outcome = FunctionInstance(closing, 5).invoke(REQUEST)
    assert outcome.error == "the instance closed the connection before it answered"
