"""Persistent connections: for which host, for how long, and when they are closed."""

from __future__ import annotations

import gc
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeAlias

from handler.cloud.http_transport import Transport

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from handler.cloud.http_transport import Request

    Server: TypeAlias = Callable[[Callable[[socket.socket, int], None]], str]
    Get: TypeAlias = Callable[..., Request]

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def received(connection: socket.socket) -> bytes:
    """Read one request without a body; empty when the client is gone."""
    return connection.recv(65536)


def answer_requests(seen: list[int], answers: int) -> Callable[[socket.socket, int], None]:
    """Answer so many requests on each connection and note the connection of each request."""

    def behave(connection: socket.socket, number: int) -> None:
        for _ in range(answers):
            if received(connection):
                seen.append(number)
                connection.sendall(OK)

    return behave


def test_a_connection_is_kept_for_the_next_request(
    transport: Transport, server: Server, get: Get
) -> None:
    """Also after a body that was read to its end."""
    seen: list[int] = []
    url = server(answer_requests(seen, 3))
    assert [transport.send(get(url)).body for _ in range(3)] == [b"ok"] * 3
    transport.close()
    assert seen == [1, 1, 1]


def test_a_connection_that_the_server_closed_is_replaced(
    transport: Transport, server: Server, get: Get
) -> None:
    """An idle one that is gone was never asked anything."""
    seen: list[int] = []
    url = server(answer_requests(seen, 1))
    for _ in range(3):
        assert transport.send(get(url)).body == b"ok"
        time.sleep(0.05)
    assert seen == [1, 2, 3]


def test_the_next_request_survives_a_cut_off_body(
    transport: Transport, server: Server, get: Get
) -> None:
    """Unread bytes are not taken for the next answer."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 50000\r\n\r\n"

    def behave(connection: socket.socket, number: int) -> None:
        received(connection)
        connection.sendall(head + b"x" * 50_000 if number == 1 else OK)
        received(connection)

    url = server(behave)
    assert transport.send(get(url), max_bytes=10).cut
    assert transport.send(get(url)).body == b"ok"
    transport.close()


def test_many_threads_share_a_transport(transport: Transport, server: Server, get: Get) -> None:
    """Each gets its own answer; connections beyond the pool are opened and closed."""

    def echo(connection: socket.socket, _number: int) -> None:
        while request := received(connection):
            path = request.split()[1]
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(path) + path)

    url = server(echo)
    with ThreadPoolExecutor(24) as threads:
        bodies = list(threads.map(lambda n: transport.send(get(f"{url}/{n}")).body, range(200)))
    transport.close()
    assert bodies == [b"/%d" % n for n in range(200)]


def test_a_transport_without_references_closes_its_connections(server: Server, get: Get) -> None:
    """A command ends without closing it."""
    gone: list[bytes] = []

    def behave(connection: socket.socket, _number: int) -> None:
        received(connection)
        connection.sendall(OK)
        gone.append(received(connection))

    url = server(behave)
    transport = Transport(timeout=5)
    transport.send(get(url))
    del transport
    gc.collect()
    until = time.monotonic() + 10
    while not gone and time.monotonic() < until:
        time.sleep(0.01)
    assert gone == [b""]
