"""Invalid answers to any request: wrong lines, length or speed."""

from __future__ import annotations

from tests.hostile.answers.answers import MEBIBYTE, HostileAnswer, http

_OK = b"HTTP/1.1 200 OK\r\n"
_CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
_LONG = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"

SLOW = {
    "nothing": HostileAnswer("the wait for the first byte", b"", b" ", pause=9),
    "status-drip": HostileAnswer("a status line, a byte at a time", b"HTTP/1.1 200 ", b"x"),
    "header-drip": HostileAnswer("one header, a byte at a time", _OK + b"X: ", b"x"),
    "headers-drip": HostileAnswer("headers without end, slowly", _OK, b"X: y\r\n"),
    "continue-drip": HostileAnswer("100 without end", b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "continue-header-drip": HostileAnswer("headers of a 100", b"HTTP/1.1 100 C\r\n", b"X: y\r\n"),
    "chunk-size-drip": HostileAnswer("a chunk's size, a digit at a time", _CHUNKED, b"0"),
    "extension-drip": HostileAnswer("a chunk's extension", _CHUNKED + b"5;", b"x"),
    "chunk-drip": HostileAnswer("a chunk's bytes", _CHUNKED + b"ffff\r\n", b"x"),
    "chunks-drip": HostileAnswer("chunks without end, slowly", _CHUNKED, b"1\r\nx\r\n"),
    "trailer-drip": HostileAnswer("trailers without end", _CHUNKED + b"0\r\n", b"X: y\r\n"),
    "trailer-byte-drip": HostileAnswer("one trailer without end", _CHUNKED + b"0\r\nX: ", b"x"),
    "body-drip": HostileAnswer("a body of known length, slowly", _LONG, b"x"),
    "endless-drip": HostileAnswer("a body without length, slowly", _OK + b"\r\n", b"x"),
    "body-stops": HostileAnswer("a body that stops in its middle", _LONG + b"half", b"x", pause=9),
    "crlf-drip": HostileAnswer("blank lines before the status", b"", b"\r\n"),
}

FLOODS = {
    "continue-flood": HostileAnswer("100 without end", b"", b"HTTP/1.1 100 C\r\n\r\n" * 99, 0),
    "header-flood": HostileAnswer("headers without end", _OK, b"X: y\r\n" * 999, 0),
    "header-line-flood": HostileAnswer("one header without end", _OK + b"X: ", b"x" * 9999, 0),
    "status-flood": HostileAnswer("a status line without end", b"HTTP/1.1 200 ", b"x" * 9999, 0),
    "body-flood": HostileAnswer("a body without end", _OK + b"\r\n", b"x" * 99_999, 0),
    "chunk-flood": HostileAnswer("chunks without end", _CHUNKED, b"9c40\r\n" + b"x" * 40_002, 0),
    "small-chunk-flood": HostileAnswer("tiny chunks without end", _CHUNKED, b"1\r\nx\r\n" * 999, 0),
    "trailer-flood": HostileAnswer(
        "trailers without end", _CHUNKED + b"0\r\n", b"X: y\r\n" * 99, 0
    ),
    "extension-flood": HostileAnswer("an endless extension", _CHUNKED + b"1;", b"x" * 9999, 0),
    "zeros-flood": HostileAnswer("a chunk's size of zeros", _CHUNKED, b"0" * 9999, 0),
}


def _length(value: bytes) -> bytes:
    return _OK + b"Content-Length: " + value + b"\r\n\r\n{}"


CUT = {
    "empty": HostileAnswer("a connection that is closed without a word", b""),
    "one-byte": HostileAnswer("a status line of one letter", b"H"),
    "no-body": HostileAnswer("a body that never begins", _LONG),
    "half-body": HostileAnswer("a body cut in its middle", _LONG + b"{"),
    "half-headers": HostileAnswer("headers without their end", _OK + b"Content-Length: 2\r\n"),
    "half-chunk": HostileAnswer("a chunk cut in its middle", _CHUNKED + b"9\r\n{}"),
    "no-last-chunk": HostileAnswer("chunks without the last one", _CHUNKED + b"2\r\n{}\r\n"),
    "no-chunk": HostileAnswer("chunks that never begin", _CHUNKED),
    "continue-only": HostileAnswer("nothing behind a 100", b"HTTP/1.1 100 Continue\r\n\r\n"),
}

LENGTHS = {
    "length-superscript": HostileAnswer("int() of a digit that is none", _length(b"\xb2")),
    "length-arabic": HostileAnswer("digits of another script", _length("\u0662".encode())),
    "length-5000": HostileAnswer("a number that int() refuses", _length(b"9" * 5000)),
    "length-huge": HostileAnswer("an allocation of a petabyte", _length(b"9" * 15)),
    "length-negative": HostileAnswer("reading to the end", _length(b"-1")),
    "length-plus": HostileAnswer("a sign", _length(b"+2")),
    "length-underscore": HostileAnswer("Python's own number form", _length(b"0_2")),
    "length-hex": HostileAnswer("another base", _length(b"0x2")),
    "length-list": HostileAnswer("two lengths in one header", _length(b"2, 2")),
    "length-twice": HostileAnswer("two lengths", _length(b"2\r\nContent-Length: 1")),
    "length-empty": HostileAnswer("no length", _length(b"")),
    "length-text": HostileAnswer("a word", _length(b"two")),
    "length-and-chunks": HostileAnswer(
        "two ends",
        _OK + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    ),
    "coding-unknown": HostileAnswer("a coding", _OK + b"Transfer-Encoding: gzip\r\n\r\n{}"),
    "coding-twice": HostileAnswer("two", _OK + b"Transfer-Encoding: chunked, chunked\r\n\r\n{}"),
    "chunk-negative": HostileAnswer("a chunk below nothing", _CHUNKED + b"-5\r\n{}\r\n0\r\n\r\n"),
    "chunk-word": HostileAnswer("a size that is none", _CHUNKED + b"two\r\n{}\r\n0\r\n\r\n"),
    "chunk-huge": HostileAnswer("a chunk of exabytes", _CHUNKED + b"f" * 16 + b"\r\n{}"),
    "chunk-digits": HostileAnswer("a size of 60,000 digits", _CHUNKED + b"1" * 60_000 + b"\r\n"),
    "chunk-no-break": HostileAnswer("a chunk without its end", _CHUNKED + b"2\r\n{}0\r\n\r\n"),
}

LINES = {
    "no-http": HostileAnswer("another protocol", b"SSH-2.0-OpenSSH_9.9\r\n\r\n"),
    "tls": HostileAnswer("a TLS alert", b"\x15\x03\x01\x00\x02\x02\x46"),
    "http-09": HostileAnswer("no headers at all", b"{}"),
    "http-2": HostileAnswer("a later version", b"HTTP/2 200\r\nContent-Length: 2\r\n\r\n{}"),
    "status-word": HostileAnswer("a status that is none", b"HTTP/1.1 ok ok\r\n\r\n{}"),
    "status-0": HostileAnswer("a status below all", b"HTTP/1.1 000 no\r\n\r\n{}"),
    "status-huge": HostileAnswer("a number to refuse", b"HTTP/1.1 " + b"2" * 5000 + b" \r\n\r\n"),
    "status-long": HostileAnswer("a long line", b"HTTP/1.1 200 " + b"x" * 99_999 + b"\r\n\r\n"),
    "early-hints": HostileAnswer("an interim answer taken for the last", http(b"", status="103 E")),
    "switching": HostileAnswer("another protocol from here on", http(b"", status="101 Upgrade")),
    "header-no-colon": HostileAnswer(
        "lost headers", _OK + b"no colon\r\nContent-Length: 2\r\n\r\n{}"
    ),
    "header-folded": HostileAnswer("a first line that continues", _OK + b" x: y\r\n\r\n{}"),
    "header-many": HostileAnswer("10,000 headers", _OK + b"X: y\r\n" * 10_000 + b"\r\n{}"),
    "header-long": HostileAnswer(
        "a header of 1 MiB", _OK + b"X: " + b"y" * MEBIBYTE + b"\r\n\r\n{}"
    ),
    "header-nul": HostileAnswer("control characters", _OK + b"\x00\x1b: \x00\r\n\r\n\x00"),
    "redirect": HostileAnswer(
        "our keys, elsewhere", http(b"", "Location: http://127.0.0.1:1/", status="302 Found")
    ),
    "unauthorised": HostileAnswer("a password", http(b"{}", "WWW-Authenticate: x", status="401 x")),
    "teapot": HostileAnswer("an error without a reason", http(b"", status="418 x")),
    "unavailable": HostileAnswer("a page for people", http(b"<html>", status="503 x")),
    "status-999": HostileAnswer("an unknown status", http(b"{}", status="999 x")),
}

HTTP = {**SLOW, **FLOODS, **CUT, **LENGTHS, **LINES}
