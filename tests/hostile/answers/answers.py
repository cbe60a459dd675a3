"""Answers of a misbehaving server: the bytes, and the target of each attack."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True)
class HostileAnswer:
    """One answer.

    Attributes:
        attacks: What it attacks, in one line.
        sent: What is sent at once.
        drip: What is sent after that, again and again, until the client hangs up; b"" closes.
        pause: Seconds between two of these.
        readable: Whether it is odd and yet says clearly what it says, so that it is believed.
    """

    attacks: str
    sent: bytes
    drip: bytes = b""
    pause: float = 0.05
    readable: bool = False


def http(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    """Return a proper answer with a body."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def as_json(value: object, *, status: str = "200 OK") -> bytes:
    """Return a proper answer with JSON."""
    return http(json.dumps(value).encode(), "Content-Type: application/json", status=status)


@contextmanager
def serving(answer: HostileAnswer) -> Iterator[str]:
    """Answer every request like this; gives the server's URL."""
    stop = threading.Event()

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:  # the listener was closed
                return
            with connection, suppress(OSError):  # the client has hung up
                connection.settimeout(5)
                _answer(connection, answer, stop)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            stop.set()
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(10)


def _answer(connection: socket.socket, answer: HostileAnswer, stop: threading.Event) -> None:
    request = b""
    while b"\r\n\r\n" not in request:
        more = connection.recv(65_536)
        if not more:
            return
        request += more
    connection.sendall(answer.sent)
    while answer.drip and not stop.wait(answer.pause):
        connection.sendall(answer.drip)
