"""One end of each call, whatever the server sends and how slowly, and never past the deadline."""

from __future__ import annotations

import socket
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from ipaddress import ip_address
from threading import Event
from typing import TYPE_CHECKING, TypeAlias

import pytest

from handler.cloud.http_transport import Transport
from handler.errors import CloudError, NoAnswerError, NotSentError, OutOfTimeError
from handler.runtime.deadline import Deadline

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from handler.cloud.http_transport import Request

    Behave: TypeAlias = Callable[[socket.socket, int], None]
    Server: TypeAlias = Callable[[Behave], str]
    Get: TypeAlias = Callable[..., Request]

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
LATE = 10
"""Seconds after which a call has not ended in time: half of what a server takes, and many times
what a loaded machine adds."""

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def dripping(head: bytes, drip: bytes, *, request: bool = True) -> Behave:
    """Answer with some bytes, and then with others every 50 ms, for twenty seconds at most."""

    def behave(connection: socket.socket, _number: int) -> None:
        if request:
            connection.recv(65536)
        connection.sendall(head)
        for _ in range(400):
            time.sleep(0.05)
            connection.sendall(drip)

    return behave


def failed(
    transport: Transport, request: Request, deadline: Deadline | None = None
) -> tuple[CloudError, float]:
    """Return the error that a request ends with, and how long that took."""
    start = time.monotonic()
    with pytest.raises(CloudError) as caught:
        transport.send(request, deadline=deadline)
    return caught.value, time.monotonic() - start


@pytest.mark.parametrize(
    ("head", "drip"),
    [
        (b"HTTP/1.1 200 ", b"x"),
        (b"HTTP/1.1 200 OK\r\nX: ", b"x"),
        (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (CHUNKED, b"0"),
        (CHUNKED + b"5;", b"x"),
        (CHUNKED + b"ffff\r\n", b"x"),
        (CHUNKED + b"0\r\n", b"X: y\r\n"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"x"),
    ],
    ids=[
        "status", "header", "headers", "interim answers", "chunk size", "chunk extension", "chunk",
        "trailers", "body", "endless body",
    ],
)  # fmt: skip
def test_no_drip_holds_a_call(
    short_transport: Transport, server: Server, get: Get, head: bytes, drip: bytes
) -> None:
    """Each byte comes in time, and the answer does not."""
    error, seconds = failed(short_transport, get(server(dripping(head, drip)), "POST", b"{}"))
    assert isinstance(error, NoAnswerError)
    assert 0.2 < seconds < LATE


def test_no_drip_holds_a_tls_handshake(
    short_transport: Transport, server: Server, get: Get
) -> None:
    """No byte of the request has left yet."""
    url = server(dripping(b"\x16\x03\x03\x40\x00\x02", b"\x00", request=False))
    error, seconds = failed(short_transport, get(url.replace("http:", "https:"), "POST", b"{}"))
    assert isinstance(error, NotSentError)
    assert 0.2 < seconds < LATE


def test_a_server_that_does_not_read_holds_no_call(
    short_transport: Transport, server: Server, get: Get
) -> None:
    """A part of the request has left."""
    left = Event()

    def hold(_connection: object, _number: int) -> None:
        left.wait(2 * LATE)

    url = server(hold)
    error, seconds = failed(short_transport, get(url, "PUT", b"x" * 64_000_000))
    left.set()
    assert isinstance(error, NoAnswerError)
    assert seconds < LATE


def test_a_call_ends_with_the_invocation(server: Server, get: Get) -> None:
    """Long before its own time-out."""
    url, transport = server(dripping(b"HTTP/1.1 200 ", b"x")), Transport(timeout=2 * LATE)
    end = Deadline(time.monotonic() + 0.3, time.monotonic)
    error, seconds = failed(transport, get(url), end)
    transport.close()
    assert isinstance(error, NoAnswerError)
    assert seconds < LATE


def test_no_call_is_started_after_the_deadline(
    transport: Transport, server: Server, get: Get
) -> None:
    """This is certain: not even a connection is made."""
    seen: list[int] = []
    url = server(lambda _connection, number: seen.append(number))
    error, _ = failed(transport, get(url), Deadline(0, lambda: 1.0))
    assert isinstance(error, OutOfTimeError)
    assert seen == []


def test_a_deadline_that_is_far_away_does_not_lengthen_a_call(
    short_transport: Transport, server: Server, get: Get
) -> None:
    """The time-out holds as well."""
    url = server(dripping(b"", b" "))
    _, seconds = failed(short_transport, get(url), Deadline(time.monotonic() + 900, time.monotonic))
    assert seconds < LATE


def test_a_connection_that_was_aborted_is_not_used_again(
    transport: Transport, server: Server, get: Get
) -> None:
    """The late answer would be taken for that of the next request."""
    seen: list[int] = []

    def behave(connection: socket.socket, number: int) -> None:
        connection.recv(65536)
        seen.append(number)
        time.sleep(0.6 if number == 1 else 0)
        connection.sendall(OK)
        connection.recv(65536)

    url = server(behave)
    failed(transport, get(url), Deadline(time.monotonic() + 0.3, time.monotonic))
    assert transport.send(get(url)).body == b"ok"
    transport.close()
    assert seen == [1, 2]


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 103 Early Hints\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\nX: y\r\nno colon\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nok",
    ],
    ids=["interim", "lost headers", "two ends"],
)
def test_a_connection_with_an_unclear_answer_is_not_used_again(
    transport: Transport, server: Server, get: Get, answer: bytes
) -> None:
    """Later bytes on it could be anything."""

    def behave(connection: socket.socket, number: int) -> None:
        connection.recv(65536)
        connection.sendall(answer if number == 1 else OK)
        connection.recv(65536)

    url = server(behave)
    failed(transport, get(url))
    assert transport.send(get(url)).body == b"ok"
    transport.close()


def test_an_aborted_call_affects_no_call_beside_it(
    transport: Transport, server: Server, get: Get
) -> None:
    """Each connection has an end of its own, also where it was used before."""

    def behave(connection: socket.socket, _number: int) -> None:
        while request := connection.recv(65536):
            if b"/slow" not in request:
                connection.sendall(OK)

    url = server(behave)

    def ask(number: int) -> bool:
        slow = number % 8 == 0
        end = Deadline(time.monotonic() + 0.3, time.monotonic) if slow else None
        try:
            answer = transport.send(get(f"{url}/{'slow' if slow else 'fast'}"), deadline=end)
        except NoAnswerError:
            return False
        return answer.body == b"ok"

    with ThreadPoolExecutor(8) as threads:
        answered = list(threads.map(ask, range(64)))
    transport.close()
    assert [number for number, ok in enumerate(answered) if not ok] == list(range(0, 64, 8))


def test_a_name_that_is_not_resolved_in_time_is_given_up(
    get: Get, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system's resolver cannot be interrupted, so it is left behind."""
    resolved = Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_a, **_k: resolved.wait(2 * LATE) and [])
    error, seconds = failed(Transport(timeout=0.2), get("http://ief.example.com/"))
    resolved.set()
    assert isinstance(error, NotSentError)
    assert seconds < LATE


@pytest.mark.parametrize("host", ["no-such-host.invalid", f"{'a' * 99}.invalid"])
def test_a_name_that_does_not_exist_sent_nothing(transport: Transport, get: Get, host: str) -> None:
    """This is certain."""
    error, _ = failed(transport, get(f"http://{host}/"))
    assert isinstance(error, NotSentError)


@pytest.fixture
def certified(tmp_path: Path) -> Path:
    """A certificate for this machine, with its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.now(timezone.utc)
    address = x509.IPAddress(ip_address("127.0.0.1"))
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "certificate.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def secured(server: Server, certified: Path) -> str:
    """The address of a server behind TLS, which answers twice on each connection."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certified)

    def behave(connection: socket.socket, _number: int) -> None:
        with context.wrap_socket(connection, server_side=True) as encrypted:
            for _ in range(2):
                data = encrypted.recv(65536)
                while data and not data.endswith(b"end"):
                    data += encrypted.recv(65536)
                encrypted.sendall(OK if data else b"")

    return server(behave).replace("http:", "https:")


def test_a_request_leaves_encrypted(certified: Path, secured: str, get: Get) -> None:
    """To a server whose certificate is known, over a connection that is kept."""
    transport = Transport(timeout=5, context=ssl.create_default_context(cafile=str(certified)))
    for _ in range(2):
        assert transport.send(get(secured, "PUT", b"x" * 500_000 + b"end")).body == b"ok"
    transport.close()


def test_nothing_is_sent_to_a_server_whose_certificate_is_not_known(
    transport: Transport, secured: str, get: Get
) -> None:
    """This is certain."""
    error, _ = failed(transport, get(secured, "PUT", b"end"))
    assert isinstance(error, NotSentError)
    assert "SSLCertVerificationError" in str(error)
