"""HTTP requests: one try each, limited in time and size.

Errors say whether the request may have been received. Responses are parsed more strictly than by
`http.client`: their end must be unambiguous (RFC 9112, 6.3), so that truncation is an error.
"""

from __future__ import annotations

import os
import re
import socket
import ssl
import time
import weakref
from email.errors import (
    FirstHeaderLineIsContinuationDefect,
    MisplacedEnvelopeHeaderDefect,
    MissingHeaderBodySeparatorDefect,
)
from http.client import HTTPConnection, HTTPException, HTTPResponse
from threading import Lock
from typing import TYPE_CHECKING, cast
from urllib.parse import SplitResult, urlsplit

from handler.cloud.connection import ServerOrigin, dial
from handler.errors import NoAnswerError, NotSentError, OutOfTimeError
from handler.values.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from handler.cloud.connection import TimedSocket
    from handler.runtime.deadline import Deadline

MAX_ANSWER_BYTES = 8 * 1024 * 1024
"""The default limit of a response body."""

NOT_FOUND, REQUEST_TIMEOUT, TOO_MANY = 404, 408, 429
"""Statuses of answers: there is no such thing; it took too long; the caller asks too often."""

_CHUNK = 65_536
_HEAD_BYTES = 262_144
_MANY_PIECES, _SMALL_PIECE = 4096, 16
_LENGTH = re.compile(r"[0-9]{1,15}")
_LONGEST_PAUSE = 3600
_PORTS = {"http": 80, "https": 443}
_LOST_LINES = (
    FirstHeaderLineIsContinuationDefect,
    MisplacedEnvelopeHeaderDefect,
    MissingHeaderBodySeparatorDefect,
)
_FOREIGN = (HTTPException, OSError, ValueError, LookupError)
"""What `http.client`, `ssl` and `socket` raise for a misbehaving server."""


class Request(NamedTuple):
    """A signed request; its URL is encoded as signed, its headers are never printed.

    `date` is the timestamp of the signature; the services refuse it 15 minutes later.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    date: str

    def __repr__(self) -> str:
        """Return nothing of headers and body, which hold signatures and values of specs."""
        return f"Request({self.method!r}, {self.url!r}, date={self.date!r})"


class Answer(NamedTuple):
    """A response.

    Attributes:
        status: The HTTP status, 200 or more.
        headers: The headers, with lower-case names.
        body: The body; empty if it is larger than the limit.
        cut: Whether the body is larger than the limit.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    cut: bool = False

    def __repr__(self) -> str:
        """Return nothing of the body."""
        return f"Answer({self.status}, {self.headers!r}, cut={self.cut})"

    @property
    def is_success(self) -> bool:
        """Whether the status is of the class of successful answers (RFC 9110, 15.3)."""
        return self.status // 100 == 2  # noqa: PLR2004 - the class by its number

    @property
    def retry_after(self) -> float | None:
        """The seconds of `Retry-After`; None for none, a date, or more than an hour."""
        text = self.headers.get("retry-after", "")
        asked = float(text) if re.fullmatch(r"[0-9]{1,9}", text) else None
        return asked if asked is not None and asked <= _LONGEST_PAUSE else None


class Transport:
    """A pool of keep-alive connections. No retries, no redirects, no proxies.

    Args:
        timeout: Seconds for one request, from the look-up of the host name to the last byte.
        connections: The maximum number of idle connections per host.
        context: The TLS context; None uses the system's certificate authorities.
    """

    def __init__(
        self,
        *,
        timeout: float,
        connections: int = 16,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self._timeout = timeout
        self._connections = connections
        self._context = context
        self._idle: dict[ServerOrigin, list[TimedSocket]] = {}
        self._lock = Lock()
        weakref.finalize(self, _hang_up, self._idle)

    def send(
        self,
        request: Request,
        *,
        max_bytes: int = MAX_ANSWER_BYTES,
        deadline: Deadline | None = None,
    ) -> Answer:
        """Send a request once and return the response, whatever its status.

        Args:
            request: The request.
            max_bytes: The limit of the response body; a larger one is dropped (`cut`).
            deadline: The end of the invocation, if it comes before the time-out.

        Raises:
            NotSentError: The service did not receive the request: there was no connection, or a
                header contains a forbidden character.
            OutOfTimeError: It was not sent, because no time was left until the deadline.
            NoAnswerError: It may have been received, but no complete response arrived in time.
        """
        parts = urlsplit(request.url)
        host = parts.hostname or ""
        if not all(value.isascii() and value.isprintable() for value in request.headers.values()):
            # Checked here, because the library's error quotes the header, which may be a key.
            raise NotSentError(
                f"nothing was sent to {host}: a header contains a forbidden character"
            )
        left = min(self._timeout, deadline.left()) if deadline else self._timeout
        if left <= 0:
            raise OutOfTimeError(f"nothing was sent to {host}: no time was left")
        origin = ServerOrigin(parts.scheme, host, parts.port or _PORTS[parts.scheme])
        timed = self._connected(origin, time.monotonic() + left)
        kept = False
        try:
            answer, kept = _exchange(timed, parts, request, max_bytes)
        except _FOREIGN as error:
            # Without its cause, whose text quotes the response, which may repeat a secret.
            if not timed.sent:
                raise NotSentError(f"nothing was sent to {host}: {_reason(error)}") from None
            raise NoAnswerError(f"no answer from {host}: {_reason(error)}") from None
        finally:
            self._release(origin, timed, kept=kept)
        return answer

    def close(self) -> None:
        """Close all idle connections."""
        with self._lock:
            _hang_up(self._idle)

    def _connected(self, origin: ServerOrigin, end: float) -> TimedSocket:
        timed = self._idle_connection(origin)
        if timed is None:
            try:
                timed = dial(origin, end, time.monotonic, self._certificates(origin))
            except OSError as error:
                place = f"{origin.host}:{origin.port}"
                raise NotSentError(f"no connection to {place}: {_reason(error)}") from error
        timed.begin(end)
        return timed

    def _idle_connection(self, origin: ServerOrigin) -> TimedSocket | None:
        while True:
            with self._lock:
                kept = self._idle.get(origin)
                timed = kept.pop() if kept else None
            if timed is None or timed.is_quiet():
                return timed
            timed.hang_up()

    def _release(self, origin: ServerOrigin, timed: TimedSocket, *, kept: bool) -> None:
        with self._lock:
            idle = self._idle.setdefault(origin, [])
            if kept and len(idle) < self._connections:
                idle.append(timed)
                return
        timed.hang_up()

    def _certificates(self, origin: ServerOrigin) -> ssl.SSLContext | None:
        if origin.scheme != "https":
            return None
        with self._lock:
            # Loading the system's certificate authorities takes some milliseconds, once.
            self._context = self._context or ssl.create_default_context()
            return self._context


def _hang_up(idle: dict[ServerOrigin, list[TimedSocket]]) -> None:
    for kept in idle.values():
        for timed in kept:
            timed.hang_up()
    idle.clear()


def _exchange(
    timed: TimedSocket, parts: SplitResult, request: Request, max_bytes: int
) -> tuple[Answer, bool]:
    """Return the response, and whether the connection can be used again."""
    http = HTTPConnection(parts.hostname or "", parts.port or _PORTS[parts.scheme])
    http.default_port = _PORTS[parts.scheme]
    http.sock = cast("socket.socket", timed)
    timed.allow(_HEAD_BYTES)
    sent_all = True
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
        # The server may have responded before it closed, such as to a body that is too large.
        sent_all = False
    response = http.getresponse()
    _check(response)
    timed.allow(_HEAD_BYTES + max_bytes + max_bytes // 8)
    body, cut = _read(response, max_bytes)
    headers = {name.lower(): value for name, value in response.headers.items()}
    kept = sent_all and not cut and not response.will_close
    return Answer(response.status, headers, body, cut), kept


def _check(response: HTTPResponse) -> None:
    """Check that the end of the response is unambiguous and its headers are complete.

    Raises:
        NoAnswerError: They are not.
    """
    lengths = set(response.headers.get_all("content-length", []))
    codings = [coding.lower() for coding in response.headers.get_all("transfer-encoding", [])]
    unclear = (
        len(lengths) + len(codings) > 1
        or not all(_LENGTH.fullmatch(length) for length in lengths)
        or codings not in ([], ["chunked"])
        or any(isinstance(defect, _LOST_LINES) for defect in response.headers.defects)
    )
    if unclear or response.status < 200:  # noqa: PLR2004 - an interim response
        raise NoAnswerError("the headers of the response are invalid")


def _read(response: HTTPResponse, max_bytes: int) -> tuple[bytes, bool]:
    """Return the body, and whether it was dropped because it is larger than the limit."""
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
            raise NoAnswerError("the response arrives in too small pieces")
    if len(body) < declared:
        raise NoAnswerError("the response was cut off")
    return bytes(body), False


def _reason(error: Exception) -> str:
    if isinstance(error, socket.gaierror):
        return "there is no such host"
    if isinstance(error, ConnectionError) and error.errno:
        return os.strerror(error.errno).lower()
    # The text of a library's error may quote the request or the response; its type is enough.
    return type(error).__name__


def is_denied(status: int) -> bool:
    """Return whether a status is the service's no; after a time-out it may have done it anyway."""
    return 400 <= status < 500 and status != REQUEST_TIMEOUT  # noqa: PLR2004 - the class of denials
