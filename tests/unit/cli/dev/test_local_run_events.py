"""The HTTP endpoint that accepts events."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import pytest
import urllib3

from handler.cli.dev.local_run import event_listener

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from handler.values.canonical_json import Json

    Post = Callable[..., tuple[int, Any]]


@pytest.fixture
def taken() -> list[Json]:
    """The events that were accepted."""
    return []


@pytest.fixture
def endpoint(taken: list[Json]) -> Iterator[str]:
    """A running endpoint."""

    def submit(event: Json) -> str:
        if event == "closed":
            raise ValueError("the function is closed")
        taken.append(event)
        return f"r-{len(taken)}"

    with event_listener(submit) as opened:
        yield opened


@pytest.fixture
def post(endpoint: str) -> Iterator[Post]:
    """POST a body to the endpoint."""
    with urllib3.PoolManager(retries=False) as pool:

        def send(body: bytes, path: str = "", **headers: str) -> tuple[int, Any]:
            given = {"Content-Type": "application/json", **headers}
            answer = pool.request("POST", f"{endpoint}{path}", body=body, headers=given)
            return answer.status, answer.json()

        yield send


def test_an_event_is_accepted_and_its_request_named(post: Post, taken: list[Json]) -> None:
    """202: it will be delivered."""
    assert post('{"Records": ["ü"]}'.encode()) == (202, {"request_id": "r-1"})
    assert taken == [{"Records": ["ü"]}]


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe\xff", b"[" * 100_000, b'"closed"'])
def test_an_unusable_event_is_refused(post: Post, taken: list[Json], body: bytes) -> None:
    """With the reason."""
    status, answer = post(body)
    assert status == 400
    assert answer["error"].startswith("the event was not accepted: ")
    assert taken == []


def test_a_large_event_is_refused_unread(endpoint: str) -> None:
    """At the platform's limit for asynchronous invocation."""
    address = ("127.0.0.1", int(endpoint.rstrip("/").rpartition(":")[2]))
    for length, status in (("262145", b"413"), ("9" * 5000, b"400"), ("-1", b"400"), ("", b"400")):
        with socket.create_connection(address, timeout=5) as caller:
            head = f"Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
            caller.sendall(f"POST / HTTP/1.0\r\n{head}".encode())
            assert caller.recv(100).split()[1] == status


def test_another_path_is_not_found(post: Post) -> None:
    """Events are posted to /."""
    assert post(b"{}", "invoke")[0] == 404


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "text/plain"}, 415),
        ({"Origin": "http://evil.example"}, 403),
        ({"Host": "evil.example:80"}, 421),
    ],
)
def test_an_event_of_a_web_page_is_refused(
    post: Post, taken: list[Json], headers: dict[str, str], status: int
) -> None:
    """Any page in a browser can send requests to this machine."""
    refused, answer = post(b"{}", **headers)
    assert (refused, list(answer), taken) == (status, ["error"], [])
