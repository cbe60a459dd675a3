"""A transport that is closed after the test, and servers with the behaviour of the test."""

from __future__ import annotations

import socket
import threading
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import pytest

from handler.cloud.http_transport import Request, Transport
from handler.values.canonical_json import timestamp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Behave = Callable[[socket.socket, int], None]


@pytest.fixture
def transport() -> Iterator[Transport]:
    """A transport that waits five seconds at most."""
    opened = Transport(timeout=5)
    yield opened
    opened.close()


@pytest.fixture
def short_transport() -> Iterator[Transport]:
    """A transport that waits a third of a second at most."""
    opened = Transport(timeout=0.3)
    yield opened
    opened.close()


@pytest.fixture
def server() -> Iterator[Callable[[Behave], str]]:
    """Start servers that hand each connection and its number, from 1, to a function."""
    with ExitStack() as stack:
        yield lambda behave: stack.enter_context(_listening(behave))


@pytest.fixture
def closed() -> str:
    """The address of a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


@pytest.fixture
def get() -> Callable[..., Request]:
    """Build a request without a signature."""

    def make(url: str, method: str = "GET", body: bytes = b"", **headers: str) -> Request:
        return Request(method, url, headers, body, timestamp(datetime.now(timezone.utc)))

    return make


@contextmanager
def _listening(behave: Behave) -> Iterator[str]:
    threads: list[threading.Thread] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        acceptor = threading.Thread(target=_accept, args=(listener, behave, threads))
        acceptor.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
        acceptor.join()
    for thread in threads:
        thread.join()


def _accept(listener: socket.socket, behave: Behave, threads: list[threading.Thread]) -> None:
    with suppress(OSError):  # the listener was shut down
        while True:
            connection, _ = listener.accept()
            serve = threading.Thread(target=_serve, args=(connection, behave, len(threads) + 1))
            threads.append(serve)
            serve.start()


def _serve(connection: socket.socket, behave: Behave, number: int) -> None:
    connection.settimeout(10)
    with connection, suppress(OSError):  # the client may have left
        behave(connection, number)
