"""HTTP requests: one try each, limited in time and size.

Errors say whether the request may have been received.
"""

from __future__ import annotations

import re
import time
import weakref
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import SplitResult, urlsplit

from handler.cloud.connection import ServerOrigin, dial
from handler.cloud.http_messages import ResponseReader, request_parts
from handler.errors import NoAnswerError, NotSentError, OutOfTimeError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping

    from handler.cloud.connection import TimedSocket
    from handler.runtime.deadline import Deadline

MAX_ANSWER_BYTES = 8 * 1024 * 1024
"""The default limit of a response body."""

TOO_MANY = 429
"""The status of an answer to a caller that asks too often."""

_HEAD_BYTES = 262_144
_LONGEST_PAUSE = 3600
_PORTS = {"http": 80, "https": 443}


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
        clock: Monotonic seconds.
        context: The TLS context; None uses the system's certificate authorities.
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
        timed = self._connected(origin, self._clock() + left)
        kept = False
        try:
            answer, kept = _exchange(timed, parts, request, max_bytes)
        except NoAnswerError as error:
            raise NoAnswerError(f"no answer from {host}: {error}") from None
        except (OSError, ValueError) as error:
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
                timed = dial(origin, end, self._clock, self._certificates(origin))
            except OSError as error:
                raise NotSentError(f"no connection to {origin.host}: {_reason(error)}") from error
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
        import ssl  # where it is needed: for this machine's emulator it is not

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
    target = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
    headers, body = request.headers, request.body
    message = request_parts(request.method, parts.netloc, target, headers, body)
    sent_all = True
    try:
        for part in message:
            timed.sendall(part)
    except (BrokenPipeError, ConnectionResetError):
        if not timed.sent:
            raise
        # The server may have responded before it closed, such as to a body that is too large.
        sent_all = False
    timed.allow(_HEAD_BYTES)
    reader = ResponseReader(timed, request.method)
    head = reader.head()
    timed.allow(_HEAD_BYTES + max_bytes + max_bytes // 8)
    content, cut = reader.body(head, max_bytes)
    kept = sent_all and head.kept and not cut and reader.is_at_end
    return Answer(head.status, head.headers, content, cut), kept


def _reason(error: Exception) -> str:
    # The text of a library's error may quote the request or the response; its type is enough.
    return type(error).__name__
