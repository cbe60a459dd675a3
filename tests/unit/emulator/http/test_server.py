"""HTTP as clients see it."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import closing
from http.client import HTTPConnection, RemoteDisconnected
from threading import Event, Thread
from typing import TYPE_CHECKING

import pytest

from handler.emulator.http.messages import Request, Response
from handler.emulator.http.server import HttpServer

if TYPE_CHECKING:
    from collections.abc import Iterator

RELEASE_AFTER = 5


class Echo:
    """Answers with the request itself, except at a few paths."""

    def __init__(self) -> None:
        self.release = Event()

    def __call__(self, request: Request) -> Response | None:
        """Answer one request."""
        if request.path == "/cut":
            return None
        if request.path == "/fail":
            raise RuntimeError("on purpose")
        if request.path == "/slow":
            self.release.wait(RELEASE_AFTER)
        if request.path == "/empty":
            return Response(204)
        body = f"{request.method} {request.target} {request.header('X-Any')} ".encode()
        return Response(200, body + request.body)


@pytest.fixture
def echo() -> Echo:
    """The function behind the listener."""
    return Echo()


@pytest.fixture
def listener(echo: Echo) -> Iterator[HttpServer]:
    """A running listener."""
    running = HttpServer(0, echo)
    running.start()
    yield running
    echo.release.set()
    running.stop()


@pytest.fixture
def connection(listener: HttpServer) -> Iterator[HTTPConnection]:
    """A connection to it."""
    with closing(HTTPConnection("127.0.0.1", listener.port, timeout=5)) as opened:
        yield opened


def ask(connection: HTTPConnection, method: str, target: str, body: bytes = b"") -> bytes:
    """Send a request over a connection and return the answer's body."""
    connection.request(method, target, body)
    return connection.getresponse().read()


def exchange(listener: HttpServer, sent: bytes) -> bytes:
    """Send bytes over a connection of their own, and return all that comes back."""
    with closing(socket.create_connection(("127.0.0.1", listener.port), 5)) as raw:
        raw.sendall(sent)
        raw.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: raw.recv(65536), b""))


def test_a_connection_serves_many_requests(connection: HTTPConnection) -> None:
    """Kept alive, bodies read to their end, answers without delay."""
    ask(connection, "GET", "/")
    first = connection.sock
    started = time.monotonic()
    for number in range(100):
        body = str(number).encode()
        assert ask(connection, "POST", "/a", body) == b"POST /a  " + body
    assert connection.sock is first
    assert time.monotonic() - started < 3.5, "40 ms each: the answers wait for acknowledgements"


def test_the_target_arrives_as_sent(connection: HTTPConnection) -> None:
    """Nothing is decoded or tidied up, not even two slashes at the start."""
    assert ask(connection, "GET", "//a%2Fb?c=%20+").startswith(b"GET //a%2Fb?c=%20+ ")


def test_a_chunked_body_is_put_together(connection: HTTPConnection) -> None:
    """Streams are sent so."""
    connection.request("PUT", "/a", iter([b"one ", b"two"]), encode_chunked=True)
    assert connection.getresponse().read() == b"PUT /a  one two"
    assert ask(connection, "GET", "/b") == b"GET /b  "


def test_head_is_answered_without_a_body(connection: HTTPConnection) -> None:
    """The length is that of the body it would have."""
    connection.request("HEAD", "/a")
    answer = connection.getresponse()
    assert (answer.getheader("Content-Length"), answer.read()) == ("9", b"")


def test_an_empty_answer_keeps_the_connection_in_step(connection: HTTPConnection) -> None:
    """204 has no length."""
    assert ask(connection, "DELETE", "/empty") == b""
    assert ask(connection, "GET", "/b") == b"GET /b  "


def test_headers_are_read_as_utf8(connection: HTTPConnection) -> None:
    """As the signers write them."""
    connection.request("GET", "/", headers={"X-Any": "é".encode()})
    assert connection.getresponse().read() == "GET / é ".encode()


def test_a_cut_connection_has_no_answer(connection: HTTPConnection) -> None:
    """Not one byte of it."""
    connection.request("POST", "/cut", b"x")
    with pytest.raises(RemoteDisconnected):
        connection.getresponse()


def test_a_slow_request_holds_up_no_other(
    echo: Echo, listener: HttpServer, connection: HTTPConnection
) -> None:
    """Every connection has its own thread."""
    slow = Thread(target=exchange, args=(listener, b"GET /slow HTTP/1.1\r\n\r\n"))
    slow.start()
    started = time.monotonic()
    assert ask(connection, "GET", "/b") == b"GET /b  "
    assert time.monotonic() - started < RELEASE_AFTER / 2
    echo.release.set()
    slow.join()


def test_a_failure_of_the_emulator_is_an_answer_and_a_log_line(
    connection: HTTPConnection, logged: list[str]
) -> None:
    """The connection lives on."""
    assert b"see its log" in ask(connection, "GET", "/fail")
    assert "on purpose" in "\n".join(logged)
    assert ask(connection, "GET", "/b") == b"GET /b  "


@pytest.mark.parametrize(
    ("length", "status"), [("x", 400), ("-1", 400), ("9" * 5000, 400), ("99999999999", 413)]
)
def test_an_invalid_length_is_refused(listener: HttpServer, length: str, status: int) -> None:
    """And the connection closed, as the next request could not be found."""
    answer = exchange(listener, f"PUT / HTTP/1.1\r\nContent-Length: {length}\r\n\r\n".encode())
    assert answer.startswith(f"HTTP/1.1 {status}".encode())
    assert b"Connection: close" in answer


def test_half_a_body_is_no_request(listener: HttpServer) -> None:
    """The client left; nothing is executed."""
    assert exchange(listener, b"PUT / HTTP/1.1\r\nContent-Length: 9\r\n\r\nhalf") == b""


def test_stopping_cuts_idle_connections() -> None:
    """No thread waits for a client that says nothing."""
    listener = HttpServer(0, Echo())
    listener.start()
    with closing(HTTPConnection("127.0.0.1", listener.port, timeout=5)) as connection:
        ask(connection, "GET", "/")
        started = time.monotonic()
        listener.stop()
        assert time.monotonic() - started < 30


def test_a_listener_that_never_started_can_be_stopped() -> None:
    """It holds only its port."""
    listener = HttpServer(0, Echo())
    listener.stop()
    HttpServer(listener.port, Echo()).stop()
    assert not [one for one in threading.enumerate() if one.name == "emulator"]


def test_a_port_that_is_taken_is_an_error(listener: HttpServer) -> None:
    """It is not shared by accident."""
    with pytest.raises(OSError, match="in use"):
        HttpServer(listener.port, Echo())
