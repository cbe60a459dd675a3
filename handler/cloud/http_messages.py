"""HTTP/1.1 messages: a request as bytes, and a response read from a connection.

A response is read more strictly than RFC 9112 asks for: its end must be unambiguous (section 6.3)
and every line of its head well-formed, so that truncation is an error. The standard library's
client accepts more, and takes a tenth of a cold start to load.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple, Protocol

from handler.errors import NoAnswerError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_PIECE = 65_536
_LONGEST_LINE = 65_536
_MOST_HEADERS = 100
_MANY_PIECES, _SMALL_PIECE = 4096, 16
_STATUS = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9]{2})(?: [^\r\n]*)?\r?\n")
_HEADER = re.compile(rb"([!#-'*+.0-9A-Z^-z|~-]+):([^\r\n]*)\r?\n")
_CHUNK = re.compile(rb"([0-9a-fA-F]{1,15})[ \t]*(?:;[^\r\n]*)?\r?\n")
_LENGTH = re.compile(r"[0-9]{1,15}")
_TARGET = re.compile(r"[!-~]+")
_BLANK = frozenset({b"\r\n", b"\n"})
_CONTINUE, _FIRST_FINAL = 100, 200
_WITHOUT_BODY = frozenset({204, 304})
_NO_OPTIONAL_BODY = frozenset({"GET", "HEAD", "DELETE"})


class Incoming(Protocol):
    """Bytes as they are received."""

    def receive(self, most: int) -> bytes:
        """Wait for bytes and return at most so many; empty at the end of the connection."""


class ResponseHead(NamedTuple):
    """The head of a final response.

    Attributes:
        status: The HTTP status.
        headers: The headers, with lower-case names; of equal ones the last.
        length: The length of the body in bytes; None if its end is marked otherwise.
        chunked: Whether the body comes in chunks.
        kept: Whether the connection can be used again once the body is read.
    """

    status: int
    headers: Mapping[str, str]
    length: int | None
    chunked: bool
    kept: bool


def request_parts(
    method: str, host: str, target: str, headers: Mapping[str, str], body: bytes
) -> tuple[bytes, ...]:
    """Return a request in the parts it is sent in: one, unless a large body had to be copied.

    Raises:
        ValueError: The target contains a character that must be encoded.
    """
    if not _TARGET.fullmatch(target):
        raise ValueError("the target of a request contains a forbidden character")
    own = {"Host": host, "Accept-Encoding": "identity", "User-Agent": "nightdrop"}
    if body or method not in _NO_OPTIONAL_BODY:
        own["Content-Length"] = str(len(body))
    given = {name.lower() for name in headers}
    lines = [f"{name}: {value}" for name, value in own.items() if name.lower() not in given]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    head = "\r\n".join([f"{method} {target} HTTP/1.1", *lines, "\r\n"])
    encoded = head.encode("ascii")
    return (encoded + body,) if len(body) <= _PIECE else (encoded, body)


class ResponseReader:
    """Reads one response from a connection.

    Args:
        incoming: The connection.
        method: The method of the request.
    """

    def __init__(self, incoming: Incoming, method: str) -> None:
        self._incoming = incoming
        self._method = method
        self._received, self._at = b"", 0
        """What was received last, and how much of it is read."""

    @property
    def is_at_end(self) -> bool:
        """Whether everything that was received has been read."""
        return self._at == len(self._received)

    def head(self) -> ResponseHead:
        """Return the head of the final response.

        Raises:
            NoAnswerError: It is invalid, or ambiguous about the end of the body.
            OSError: It was not received.
        """
        status = _CONTINUE
        while status == _CONTINUE:
            found = _STATUS.fullmatch(self._line())
            if found is None:
                raise NoAnswerError("the response is not HTTP")
            status, is_1_0 = int(found[2]), found[1] == b"0"
            headers = list(self._headers())
        if status < _FIRST_FINAL:
            raise _invalid_headers()
        return _head(status, headers, is_1_0=is_1_0, method=self._method)

    def body(self, head: ResponseHead, max_bytes: int) -> tuple[bytes, bool]:
        """Return the body, and whether it was dropped because it is larger than the limit.

        Raises:
            NoAnswerError: It was cut off, or arrives in too small pieces.
            OSError: It was not received.
        """
        if head.length is not None and head.length > max_bytes:
            return b"", True
        body = bytearray()
        pieces = self._chunks() if head.chunked else self._pieces(head.length)
        for number, piece in enumerate(pieces, 1):
            body += piece
            if len(body) > max_bytes:
                return b"", True
            if number > _MANY_PIECES and len(body) < number * _SMALL_PIECE:
                raise NoAnswerError("the response arrives in too small pieces")
        return bytes(body), False

    def _headers(self) -> Iterator[tuple[str, str]]:
        for _ in range(_MOST_HEADERS + 1):
            line = self._line()
            if line in _BLANK:
                return
            found = _HEADER.fullmatch(line)
            if found is None:
                break
            yield found[1].decode("ascii").lower(), found[2].strip(b" \t").decode("latin-1")
        raise _invalid_headers()

    def _pieces(self, length: int | None) -> Iterator[bytes]:
        """Yield so many bytes, or all until the end of the connection."""
        left = length
        while left is None or left > 0:
            piece = self._some(_PIECE if left is None else min(left, _PIECE))
            if not piece and left is None:
                return
            if not piece:
                raise NoAnswerError("the response was cut off")
            left = left if left is None else left - len(piece)
            yield piece

    def _chunks(self) -> Iterator[bytes]:
        while size := self._chunk_size():
            yield from self._pieces(size)
            if self._line() not in _BLANK:
                raise NoAnswerError("the chunks of the response are invalid")
        for _ in self._headers():  # trailers
            pass

    def _chunk_size(self) -> int:
        found = _CHUNK.fullmatch(self._line())
        if found is None:
            raise NoAnswerError("the chunks of the response are invalid")
        return int(found[1], 16)

    def _line(self) -> bytes:
        """Return the next line with its end."""
        end = self._received.find(b"\n", self._at)
        while end < 0:
            begun = self._received[self._at :]
            more = self._incoming.receive(_PIECE)
            if not more:
                raise NoAnswerError("the response was cut off")
            if len(begun) > _LONGEST_LINE:
                raise NoAnswerError("a line of the response is too long")
            self._received, self._at = begun + more, 0
            end = more.find(b"\n")
            end = end if end < 0 else end + len(begun)
        line = self._received[self._at : end + 1]
        self._at = end + 1
        return line

    def _some(self, most: int) -> bytes:
        """Return at least one byte, unless the connection is at its end."""
        if self.is_at_end:
            self._received, self._at = self._incoming.receive(most), 0
        piece = self._received[self._at : self._at + most]
        self._at += len(piece)
        return piece


def _head(
    status: int, found: Sequence[tuple[str, str]], *, is_1_0: bool, method: str
) -> ResponseHead:
    headers = dict(found)
    lengths = {value for name, value in found if name == "content-length"}
    codings = [value.lower() for name, value in found if name == "transfer-encoding"]
    if (
        len(lengths) + len(codings) > 1
        or not all(map(_LENGTH.fullmatch, lengths))
        or codings not in ([], ["chunked"])
    ):
        raise _invalid_headers()
    is_empty = method == "HEAD" or status in _WITHOUT_BODY
    length = 0 if is_empty else next(map(int, lengths), None)
    connection = headers.get("connection", "").lower()
    kept = "keep-alive" in connection if is_1_0 else "close" not in connection
    chunked = bool(codings) and not is_empty
    return ResponseHead(status, headers, length, chunked, kept and (chunked or length is not None))


def _invalid_headers() -> NoAnswerError:
    return NoAnswerError("the headers of the response are invalid")
