"""Requests over HTTP: one try each, bounded in time and size, told apart by what is certain.

What an answer may look like is taken more strictly than `http.client` takes it: where it ends must
be clear beyond doubt (RFC 9112, 6.3), so that a part is never taken for the whole.
"""

from __future__ import annotations

import re
import ssl
import time
import weakref
from dataclasses import dataclass, field
from email.errors import (
    FirstHeaderLineIsContinuationDefect,
    MisplacedEnvelopeHeaderDefect,
    MissingHeaderBodySeparatorDefect,
)
from http.client import HTTPConnection, HTTPException, HTTPResponse
from threading import Lock
from typing import TYPE_CHECKING, cast
from urllib.parse import SplitResult, urlsplit

from handler.cloud.connection import Origin, dial
from handler.errors import NoAnswerError, NotSentError, OutOfTimeError

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Mapping

    from handler.cloud.connection import TimedSocket
    from handler.runtime.deadline import Deadline

MAX_ANSWER_BYTES = 8 * 1024 * 1024
"""The most that is read of one body unless the caller says otherwise."""

_CHUNK = 65_536
_HEAD_BYTES = 262_144
_MANY_PIECES, _SMALL_PIECE = 4096, 16
_LENGTH = re.compile(r"[0-9]{1,15}")
_PORTS = {"http": 80, "https": 443}
_LOST_LINES = (
    FirstHeaderLineIsContinuationDefect,
    MisplacedEnvelopeHeaderDefect,
    MissingHeaderBodySeparatorDefect,
)
_FOREIGN = (HTTPException, OSError, ValueError, LookupError)
"""What the libraries beneath raise about what a server does."""


@dataclass(frozen=True)
class Request:
    """A request ready to leave, signed.

    Attributes:
        method: The HTTP method.
        url: Scheme, host, path and query, encoded as they were signed.
        headers: All headers, signature included; never printed.
        body: The bytes to send.
        date: When it was signed, a timestamp; the services refuse it 15 minutes later.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    date: str


@dataclass(frozen=True)
class Answer:
    """An answer.

    Attributes:
        status: The HTTP status, 200 or more.
        headers: The headers, with lower-case names.
        body: The body, or nothing of it if it was larger than wanted.
        cut: Whether it was.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    cut: bool = False


class Transport:
    """A pool of kept-alive connections. No retries, no redirects, no proxies.

    Args:
        timeout: Seconds for one request, from looking up the host's name to the answer's last byte.
        connections: How many are kept open per host.
        clock: Monotonic seconds.
        context: What to check certificates with; None takes the system's authorities.
    """

    def __init__(
        self,
        *,
        timeout: float,
        connections: int = 16,
        clock: Callable[[], float] = time.monotonic,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self._timeout = timeout
        self._connections = connections
        self._clock = clock
        self._context = context
        self._idle: dict[Origin, list[TimedSocket]] = {}
        self._lock = Lock()
        weakref.finalize(self, _hang_up, self._idle)

    def send(
        self,
        request: Request,
        *,
        max_bytes: int = MAX_ANSWER_BYTES,
        deadline: Deadline | None = None,
    ) -> Answer:
        """Send a request once and return the answer, whatever its status.

        A body larger than `max_bytes` is not read to its end, and left out of the answer.

        Args:
            request: What to send.
            max_bytes: The most that is read of the answer's body.
            deadline: The end of the invocation, where it comes before the time-out.

        Raises:
            NotSentError: The service never saw the request: no connection was made, or a header
                holds a line break or the like.
            OutOfTimeError: Likewise, because nothing was left until the deadline.
            NoAnswerError: It may have been seen, but no whole answer came in time.
        """
        parts = urlsplit(request.url)
        host = parts.hostname or ""
        if not all(value.isascii() and value.isprintable() for value in request.headers.values()):
            # Said here, because the library's own error quotes the header, which may be a key.
            raise NotSentError(f"nothing was sent to {host}: a header holds a forbidden character")
        left = min(self._timeout, deadline.left()) if deadline else self._timeout
        if left <= 0:
            raise OutOfTimeError(f"nothing was sent to {host}: no time was left")
        origin = Origin(parts.scheme, host, parts.port or _PORTS[parts.scheme])
        timed = self._connected(origin, self._clock() + left)
        kept = False
        try:
            answer, kept = _exchange(timed, parts, request, max_bytes)
        except _FOREIGN as error:
            # Without its cause, whose text quotes what was answered, which may repeat a secret.
            if not timed.sent:
                raise NotSentError(f"nothing was sent to {host}: {_reason(error)}") from None
            raise NoAnswerError(f"no answer from {host}: {_reason(error)}") from None
        finally:
            self._let_go(origin, timed, kept=kept)
        return answer

    def close(self) -> None:
        """Close every connection that is not in use."""
        with self._lock:
            _hang_up(self._idle)

    def _connected(self, origin: Origin, end: float) -> TimedSocket:
        timed = self._taken(origin)
        if timed is None:
            try:
                timed = dial(origin, end, self._clock, self._certificates(origin))
            except OSError as error:
                raise NotSentError(f"no connection to {origin.host}: {_reason(error)}") from error
        timed.begin(end)
        return timed

    def _taken(self, origin: Origin) -> TimedSocket | None:
        while True:
            with self._lock:
                kept = self._idle.get(origin)
                timed = kept.pop() if kept else None
            if timed is None or timed.is_quiet():
                return timed
            timed.hang_up()

    def _let_go(self, origin: Origin, timed: TimedSocket, *, kept: bool) -> None:
        with self._lock:
            idle = self._idle.setdefault(origin, [])
            if kept and len(idle) < self._connections:
                idle.append(timed)
                return
        timed.hang_up()

    def _certificates(self, origin: Origin) -> ssl.SSLContext | None:
        if origin.scheme != "https":
            return None
        with self._lock:
            # Loading the system's authorities takes some milliseconds, once.
            self._context = self._context or ssl.create_default_context()
            return self._context


def _hang_up(idle: dict[Origin, list[TimedSocket]]) -> None:
    for kept in idle.values():
        for timed in kept:
            timed.hang_up()
    idle.clear()


def _exchange(
    timed: TimedSocket, parts: SplitResult, request: Request, max_bytes: int
) -> tuple[Answer, bool]:
    """Return the answer to a request, and whether the connection can serve another one."""
    http = HTTPConnection(parts.hostname or "", parts.port or _PORTS[parts.scheme])
    http.default_port = _PORTS[parts.scheme]
    http.sock = cast("socket.socket", timed)
    timed.allow(_HEAD_BYTES)
    heard_out = True
    try:
        http.request(
            request.method,
            f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}",
            body=request.body or None,
            headers={"User-Agent": "nightdrop", **request.headers},
        )
    except (BrokenPipeError, ConnectionResetError):
        if not timed.sent:
            raise
        # It may have answered before it stopped listening, as to a body that is too large.
        heard_out = False
    response = http.getresponse()
    _check(response)
    timed.allow(_HEAD_BYTES + max_bytes + max_bytes // 8)
    body, cut = _read(response, max_bytes)
    headers = {name.lower(): value for name, value in response.headers.items()}
    kept = heard_out and not cut and not response.will_close
    return Answer(response.status, headers, body, cut), kept


def _check(response: HTTPResponse) -> None:
    """Refuse an answer whose end is not clear, or whose headers are not all there.

    Raises:
        NoAnswerError: It is such a one.
    """
    lengths = set(response.headers.get_all("content-length", []))
    codings = [coding.lower() for coding in response.headers.get_all("transfer-encoding", [])]
    unclear = (
        len(lengths) + len(codings) > 1
        or not all(_LENGTH.fullmatch(length) for length in lengths)
        or codings not in ([], ["chunked"])
        or any(isinstance(defect, _LOST_LINES) for defect in response.headers.defects)
    )
    if unclear or response.status < 200:  # noqa: PLR2004 - an interim answer
        raise NoAnswerError("the answer's headers cannot be read")


def _read(response: HTTPResponse, max_bytes: int) -> tuple[bytes, bool]:
    """Return a body, and whether it was larger than wanted and is left out."""
    declared = response.length or 0
    if declared > max_bytes:
        return b"", True
    body = bytearray()
    pieces = 0
    while piece := response.read1(_CHUNK):
        body += piece
        pieces += 1
        if len(body) > max_bytes:
            return b"", True
        if pieces > _MANY_PIECES and len(body) < pieces * _SMALL_PIECE:
            raise NoAnswerError("the answer comes in too small pieces")
    if len(body) < declared:
        raise NoAnswerError("the answer was cut off")
    return bytes(body), False


def _reason(error: Exception) -> str:
    # A library's text may quote what was sent or answered; the kind of error says enough.
    return type(error).__name__
