"""Requests over HTTP: one try each, bounded in time and size, told apart by what is certain."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NewConnectionError,
)

from handler.errors import NoAnswerError, NotSentError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MAX_ANSWER_BYTES = 8 * 1024 * 1024
"""The most that is read of an answer unless the caller says otherwise."""

_CHUNK = 65_536


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
        status: The HTTP status.
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
        timeout: Seconds for one request from its first byte to the answer's last.
        connections: How many are kept open per host.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        *,
        timeout: float,
        connections: int = 16,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._timeout = timeout
        self._clock = clock
        self._pool = urllib3.PoolManager(maxsize=connections, retries=False)

    def send(self, request: Request, *, max_bytes: int = MAX_ANSWER_BYTES) -> Answer:
        """Send a request once and return the answer, whatever its status.

        A body larger than `max_bytes` is not read to its end, and left out of the answer.

        Raises:
            NotSentError: The service never saw the request: no connection was made, or a header
                holds a line break or the like.
            NoAnswerError: It may have been seen, but no whole answer came in time.
        """
        parts = urlsplit(request.url)
        host = parts.hostname
        if not all(value.isascii() and value.isprintable() for value in request.headers.values()):
            # Said here, because the library's own error quotes the header, which may be a key.
            raise NotSentError(f"nothing was sent to {host}: a header holds a forbidden character")
        pool = self._pool.connection_from_url(request.url)
        deadline = self._clock() + self._timeout
        try:
            response = pool.urlopen(
                request.method,
                # The pool's manager would resolve `..` in a path that is signed as it stands.
                f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}",
                body=request.body or None,
                headers=dict(request.headers),
                redirect=False,
                retries=False,
                preload_content=False,
                timeout=urllib3.Timeout(total=self._timeout),
            )
            body = self._read(response, deadline, max_bytes)
            cut = len(body) > max_bytes or _declared(response) > max_bytes
        except (NewConnectionError, ConnectTimeoutError) as error:
            raise NotSentError(f"no connection to {host}: {_reason(error)}") from error
        except HTTPError as error:
            raise NoAnswerError(f"no answer from {host}: {_reason(error)}") from error
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status, headers, b"" if cut else body, cut)

    def close(self) -> None:
        """Close every connection."""
        self._pool.clear()

    def _read(self, response: urllib3.BaseHTTPResponse, deadline: float, max_bytes: int) -> bytes:
        body = bytearray()
        if _declared(response) > max_bytes:
            response.close()
            return b""
        # Not `stream`: it waits for a whole chunk, however slowly the bytes of it drip in.
        while chunk := response.read1(_CHUNK, decode_content=False):
            body += chunk
            if len(body) > max_bytes or self._clock() > deadline:
                response.close()
                break
        if self._clock() > deadline:
            raise NoAnswerError(f"no whole answer within {self._timeout:g} s")
        response.release_conn()
        return bytes(body)


def _declared(response: urllib3.BaseHTTPResponse) -> int:
    length = response.headers.get("Content-Length", "")
    return int(length) if length.isdigit() else 0


def _reason(error: Exception) -> str:
    # The texts of urllib3 may carry a whole URL; the kind of error says enough.
    return type(error).__name__
