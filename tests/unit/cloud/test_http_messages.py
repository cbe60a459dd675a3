"""Requests as bytes, and what a response must look like, whatever the pieces it arrives in."""

from __future__ import annotations

import time

import pytest

from handler.cloud.http_messages import ResponseHead, ResponseReader, request_parts
from handler.errors import NoAnswerError

OK = b"HTTP/1.1 200 OK\r\n"


class Pieces:
    """A connection that receives its bytes in pieces of one size."""

    def __init__(self, data: bytes, size: int) -> None:
        self.data, self.size = data, size

    def receive(self, most: int) -> bytes:
        """Return the next piece."""
        most = min(most, self.size)
        piece, self.data = self.data[:most], self.data[most:]
        return piece


def read(
    data: bytes, *, size: int = 65_536, method: str = "GET"
) -> tuple[ResponseHead, bytes, bool]:
    """Return the head, the body, and whether everything was read."""
    reader = ResponseReader(Pieces(data, size), method)
    head = reader.head()
    body, _ = reader.body(head, 100_000)
    return head, body, reader.is_at_end


@pytest.mark.parametrize("size", [1, 2, 3, 7, 65_536])
@pytest.mark.parametrize(
    "rest",
    [
        b"content-length: 4\r\n\r\nbody",
        b"Content-Length: 4\n\nbody",
        b"Transfer-Encoding: Chunked\r\n\r\n3;x=y\r\nbod\r\n001\r\ny\r\n0\r\nTrailer: z\r\n\r\n",
        b"\r\nbody",
    ],
    ids=["length", "bare line feeds", "chunks", "until the end"],
)
def test_a_body_is_the_same_in_pieces_of_any_size(rest: bytes, size: int) -> None:
    """An interim response before it is skipped."""
    head, body, is_at_end = read(b"HTTP/1.1 100 Continue\r\nX: 1\r\n\r\n" + OK + rest, size=size)
    assert (head.status, body, is_at_end) == (200, b"body", True)


@pytest.mark.parametrize(
    ("data", "kept"),
    [
        (OK + b"Content-Length: 0\r\n\r\n", True),
        (OK + b"Connection: close\r\nContent-Length: 0\r\n\r\n", False),
        (OK + b"\r\n", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", False),
        (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n", True),
        (b"HTTP/1.1 204 No Content\r\n\r\n", True),
    ],
)
def test_a_connection_is_kept_if_both_sides_know_where_the_response_ends(
    data: bytes, *, kept: bool
) -> None:
    """Otherwise bytes of one response could be taken for the next."""
    assert read(data)[0].kept is kept


def test_bytes_behind_a_response_are_noticed() -> None:
    """They belong to no request."""
    assert read(OK + b"Content-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n")[1:] == (b"ok", False)


@pytest.mark.parametrize(
    "head",
    [
        OK + b" folded: 1\r\n\r\n",
        OK + b"X: 1\r\n continued\r\n\r\n",
        OK + b"no colon\r\n\r\n",
        OK + b"Name : 1\r\n\r\n",
        OK + b"\x00: 1\r\n\r\n",
        OK + b"X: 1\rY: 2\r\n\r\n",
        OK + b"X: y\r\n" * 101 + b"\r\n",
        OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n",
        OK + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
        OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\n\r\n",
        b"\r\nHTTP/1.1 200 OK\r\n\r\n",
    ],
)
def test_a_head_that_is_not_well_formed_is_no_answer(head: bytes) -> None:
    """What one program reads as a header another must not read as a body."""
    with pytest.raises(NoAnswerError):
        read(head)


def test_a_line_of_blanks_costs_no_more_than_its_length() -> None:
    """Half a second is a thousand times what it takes."""
    began = time.process_time()
    head, _, _ = read(OK + b"X: a" + b" " * 60_000 + b"b\r\nContent-Length: 0\r\n\r\n")
    assert len(head.headers["x"]) == 60_002
    assert time.process_time() - began < 0.5


def test_a_request_has_the_headers_that_http_needs() -> None:
    """Given ones are not written twice."""
    headers = {"host": "h:1", "X-One": "1"}
    (whole,) = request_parts("PUT", "h", "/a?b", headers, b"{}")
    assert whole.split(b"\r\n") == [
        b"PUT /a?b HTTP/1.1",
        b"Accept-Encoding: identity",
        b"User-Agent: nightdrop",
        b"Content-Length: 2",
        b"host: h:1",
        b"X-One: 1",
        b"",
        b"{}",
    ]
    assert b"Content-Length" not in request_parts("GET", "h", "/", {}, b"")[0]
    assert b"Content-Length: 0" in request_parts("POST", "h", "/", {}, b"")[0]


def test_a_large_body_is_not_copied() -> None:
    """The head leaves before it."""
    body = b"x" * 100_000
    head, rest = request_parts("PUT", "h", "/", {}, body)
    assert head.endswith(b"Content-Length: 100000\r\n\r\n")
    assert rest is body


@pytest.mark.parametrize("target", ["/a b", "/a\r\nX: 1", "/\u00e9", "/\x7f", ""])
def test_a_target_that_is_not_encoded_is_refused(target: str) -> None:
    """It would end the line, and begin another."""
    with pytest.raises(ValueError, match="target"):
        request_parts("GET", "h", target, {}, b"")
