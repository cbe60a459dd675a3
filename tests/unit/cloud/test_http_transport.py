"""One attempt each over real sockets: what is certain, and the limits of time and size."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeAlias

import pytest

from handler.errors import CloudError, NoAnswerError, NotSentError

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from handler.cloud.http_transport import Request, Transport

    Server: TypeAlias = Callable[[Callable[[socket.socket, int], None]], str]
    Get: TypeAlias = Callable[..., Request]

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def received(connection: socket.socket) -> bytes:
    """Read one request's head and the bytes after it; empty when the client is gone."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            return b""
        data += more
    return data


def answering(*parts: bytes, pause: float = 0.0) -> Callable[[socket.socket, int], None]:
    """Answer one request with these bytes, pausing before each, then close the connection."""

    def behave(connection: socket.socket, _number: int) -> None:
        received(connection)
        for part in parts:
            time.sleep(pause)
            connection.sendall(part)

    return behave


def refused(transport: Transport, request: Request) -> tuple[CloudError, float]:
    """Return the error that a request ends with, and how long that took."""
    start = time.monotonic()
    with pytest.raises(CloudError) as caught:
        transport.send(request)
    return caught.value, time.monotonic() - start


def test_an_answer_is_returned_completely(transport: Transport, server: Server, get: Get) -> None:
    """Status, headers with lower-case names, and body; an error status is an answer too."""
    url = server(answering(b"HTTP/1.1 503 No\r\nRETRY-After: 7\r\nContent-Length: 2\r\n\r\nno"))
    answer = transport.send(get(url))
    assert (answer.status, answer.headers["retry-after"], answer.body) == (503, "7", b"no")


@pytest.mark.parametrize(
    "parts",
    [
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
            b"1\r\nc\r\n0\r\n\r\n",
        ),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\na", b"bc"),
        (b"HTTP/1.1 200 OK\r\n\r\na", b"bc"),
    ],
    ids=["chunks", "length", "until the end"],
)
def test_a_body_may_come_in_pieces(
    transport: Transport, server: Server, get: Get, parts: tuple[bytes, ...]
) -> None:
    """However the server tells where it ends."""
    assert transport.send(get(server(answering(*parts, pause=0.02)))).body == b"abc"


@pytest.mark.parametrize(
    "head", [b"204 No Content\r\n\r\n", b"200 OK\r\nContent-Length: 0\r\n\r\n"]
)
def test_an_answer_may_have_no_body(
    transport: Transport, server: Server, get: Get, head: bytes
) -> None:
    """Nothing is waited for."""
    assert transport.send(get(server(answering(b"HTTP/1.1 " + head)))).body == b""


def test_a_head_request_takes_no_body(transport: Transport, server: Server, get: Get) -> None:
    """Its length is that of the object."""
    url = server(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n"))
    answer = transport.send(get(url, "HEAD"))
    assert (answer.headers["content-length"], answer.body) == ("999", b"")


def test_a_compressed_body_stays_as_it_came(transport: Transport, server: Server, get: Get) -> None:
    """A small answer cannot become a large one."""
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\n"
    assert transport.send(get(server(answering(head + b"abc")))).body == b"abc"


def test_a_refused_connection_sent_nothing(transport: Transport, get: Get, closed: str) -> None:
    """This is certain, and the error says it."""
    error, _ = refused(transport, get(f"{closed}/secret?sk=1"))
    assert isinstance(error, NotSentError)
    host = closed.partition("://")[2]
    assert str(error) == f"no connection to {host}: connection refused"


@pytest.mark.parametrize(
    "value", ["SECRET\n", "SECRET\r\nX-Other: 1", "SECRET\x00", "SECRET\u4e2d"]
)
def test_a_header_that_http_forbids_is_not_sent(
    transport: Transport, server: Server, get: Get, value: str
) -> None:
    """It is a typing error in a key; neither the message nor its cause repeats it."""
    seen: list[int] = []
    error, _ = refused(transport, get(server(lambda _, n: seen.append(n)), Authorization=value))
    assert isinstance(error, NotSentError)
    assert "SECRET" not in f"{error}{error.__cause__}{error.__context__}"
    assert seen == []


@pytest.mark.parametrize(
    "parts",
    [
        (),
        (b"HTTP/1.1 20",),
        (b"HTTP/1.1 201 Created\r\nContent-Length: 9\r\n",),
        (b"HTTP/1.1 201 Created\r\nContent-Length: 9\r\n\r\n",),
        (b"HTTP/1.1 201 Created\r\nContent-Length: 9\r\n\r\nabc",),
        (b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc",),
        (b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",),
        (b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",),
        (b"nonsense\r\n\r\n",),
    ],
)
def test_a_cut_or_garbled_answer_is_no_answer(
    transport: Transport, server: Server, get: Get, parts: tuple[bytes, ...]
) -> None:
    """The request left, so its result is unknown."""
    error, _ = refused(transport, get(server(answering(*parts)) + "/secret", "POST", b"{}"))
    assert isinstance(error, NoAnswerError)
    assert "secret" not in str(error)


def test_a_silent_server_is_waited_for_no_longer_than_allowed(
    short_transport: Transport, server: Server, get: Get
) -> None:
    """Then the outcome is not known."""

    def say_nothing(connection: socket.socket, _number: int) -> None:
        while connection.recv(65536):
            """Until the client leaves, for ten seconds at most."""

    error, seconds = refused(short_transport, get(server(say_nothing)))
    assert isinstance(error, NoAnswerError)
    assert 0.2 < seconds < 9


def test_nothing_is_tried_twice(transport: Transport, server: Server, get: Get) -> None:
    """The server sees one connection with one request, however it fails."""
    seen: list[bytes] = []

    def cut(connection: socket.socket, _number: int) -> None:
        seen.append(received(connection))

    for method in ("GET", "POST", "DELETE"):
        refused(transport, get(server(cut), method, b"{}"))
    assert len(seen) == 3


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(
    transport: Transport, server: Server, get: Get, status: int
) -> None:
    """A signed request goes where it was signed for, and nowhere else."""
    seen: list[int] = []
    elsewhere = server(lambda _, number: seen.append(number))
    head = f"HTTP/1.1 {status} Gone\r\nLocation: {elsewhere}\r\nContent-Length: 0\r\n\r\n"
    assert transport.send(get(server(answering(head.encode())))).status == status
    assert seen == []


def test_no_proxy_of_the_environment_is_used(
    transport: Transport, server: Server, get: Get, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would see the keys of another project."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    assert transport.send(get(server(answering(OK)))).body == b"ok"


@pytest.mark.parametrize(("size", "kept"), [(10, 10), (11, 0), (12, 0), (500_000, 0)])
def test_nothing_of_a_body_beyond_the_limit_is_returned(
    transport: Transport, server: Server, get: Get, size: int, kept: int
) -> None:
    """A part of a body is never taken for the whole; the answer says that it was cut."""
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode()
    answer = transport.send(get(server(answering(head + b"x" * size))), max_bytes=10)
    assert (len(answer.body), answer.cut) == (kept, size > 10)


def test_an_endless_body_ends_at_the_limit(transport: Transport, server: Server, get: Get) -> None:
    """The connection is closed, not read to its end."""

    def endless(connection: socket.socket, _number: int) -> None:
        received(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sendall(b"x" * 65536)

    answer = transport.send(get(server(endless)), max_bytes=100_000)
    assert (answer.body, answer.cut) == (b"", True)


@pytest.mark.parametrize(
    "target",
    ["/", "/a/../b", "/a/./b", "/a//b", "//a", "/a%2Fb%20c?x=1&y=%2B", "/%7E~?", "/a?b=/../c"],
)
def test_the_address_leaves_as_it_was_signed(
    transport: Transport, server: Server, get: Get, target: str
) -> None:
    """Nothing is resolved or re-encoded on the way."""
    seen: list[bytes] = []

    def behave(connection: socket.socket, _number: int) -> None:
        seen.append(received(connection))
        connection.sendall(OK)

    transport.send(get(server(behave) + target))
    assert seen[0].split()[1].decode() == target.rstrip("?")


def test_method_headers_and_body_leave_as_they_are(
    transport: Transport, server: Server, get: Get
) -> None:
    """The body once, with its length."""
    seen: list[bytes] = []

    def behave(connection: socket.socket, _number: int) -> None:
        data = received(connection)
        while not data.endswith(b"{}"):
            data += connection.recv(10)
        seen.append(data)
        connection.sendall(OK)

    transport.send(get(server(behave), "PUT", b"{}", **{"X-One": "1"}))
    assert seen[0].startswith(b"PUT / HTTP/1.1\r\n")
    assert b"X-One: 1\r\n" in seen[0]
    assert b"Content-Length: 2\r\n" in seen[0]


def test_possible_secrets_are_not_printed(get: Get) -> None:
    """Headers hold signatures and tokens, bodies the environment of deployments."""
    assert "SECRET" not in repr(get("http://127.0.0.1", body=b"SECRET", Authorization="SECRET"))
