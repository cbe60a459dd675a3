"""HTTP/1.1 server on 127.0.0.1 that answers each request by calling one function.

Based on the standard library's server, which keeps connections alive and exposes the request line
as it was sent; signatures cover that.
"""

from __future__ import annotations

import contextlib
import logging
import re
import socket
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any

from handler.emulator.http.messages import Request, Response

if TYPE_CHECKING:
    from collections.abc import Callable

_LOGGER = logging.getLogger(__name__)
_LARGEST_BODY = 64 * 1024 * 1024  # bytes


class _TooLargeError(Exception):
    pass


class HttpServer:
    """An HTTP server with one thread for each connection."""

    def __init__(
        self,
        port: int,
        answer: Callable[[Request], Response | None],
        largest_body: int = _LARGEST_BODY,
    ) -> None:
        """Bind to 127.0.0.1.

        Args:
            port: The port, 0 for any that is free.
            answer: Returns the answer; None closes the connection. Called by many threads at once.
            largest_body: Bytes of a request's body at most; a larger one is answered with 413.

        Raises:
            OSError: The port is taken.
        """
        self._server = _Server(("127.0.0.1", port), partial(_Connection, answer, largest_body))
        self._thread = Thread(
            target=partial(self._server.serve_forever, poll_interval=0.01), name="emulator"
        )
        self.port = int(self._server.server_address[1])

    def start(self) -> None:
        """Start to accept connections; those made since binding have waited."""
        self._thread.start()

    def stop(self) -> None:
        """Stop, close all connections and wait for their threads."""
        if self._thread.ident is not None:
            self._server.shutdown()
            self._thread.join()
        self._server.close_all()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 1024

    def __init__(self, address: tuple[str, int], connection: Callable[..., Any]) -> None:
        self._open: set[socket.socket] = set()
        self._lock = Lock()
        super().__init__(address, connection)

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as inherited
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def finish_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as inherited
        with contextlib.suppress(ConnectionError):
            super().finish_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:  # noqa: ANN401 - as inherited
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def close_all(self) -> None:
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # sends an answer in one piece

    def __init__(
        self,
        answer: Callable[[Request], Response | None],
        largest_body: int,
        *connection: Any,  # noqa: ANN401 - passed on
    ) -> None:
        self._answer = answer
        self._largest_body = largest_body
        super().__init__(*connection)

    def _serve(self) -> None:
        try:
            request = self._request()
        except (ValueError, _TooLargeError) as error:
            self.close_connection = True
            status = 413 if isinstance(error, _TooLargeError) else 400
            self._send(Response(status, f"{error}\n".encode()))
            return
        try:
            response = self._answer(request)
        except Exception:
            _LOGGER.exception("the emulator failed to answer %s", self.command)
            response = Response(500, b"the emulator failed, see its log\n")
        if response is None:
            self.close_connection = True
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)
        else:
            self._send(response)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _serve  # noqa: N815 - as the base class calls them

    def _request(self) -> Request:
        headers = tuple(
            (name, value.encode("latin-1", "replace").decode("utf-8", "replace"))
            for name, value in self.headers.items()
        )
        # Not self.path: the base class removes the first of two leading slashes.
        target = self.requestline.split()[1]
        return Request(self.command, target, headers, self._body())

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return self._chunks()
        return self._exactly(self._length(self.headers.get("Content-Length") or "0", 10))

    def _chunks(self) -> bytes:
        body = bytearray()
        while size := self._length(
            self.rfile.readline(64).partition(b";")[0].decode("latin-1"), 16
        ):
            body += self._exactly(size)
            self.rfile.readline(64)
            self._check_size(len(body))
        while self.rfile.readline(65536).strip():
            pass
        return bytes(body)

    def _length(self, text: str, base: int) -> int:
        """Parse a length in digits of a base."""
        if not re.fullmatch(r"[0-9A-Fa-f]{1,16}", text.strip()):
            raise ValueError("the body's length must be a number")
        length = int(text.strip(), base)
        self._check_size(length)
        return length

    def _check_size(self, size: int) -> None:
        if size > self._largest_body:
            raise _TooLargeError(f"the body is larger than {self._largest_body} bytes")

    def _exactly(self, size: int) -> bytes:
        data = self.rfile.read(size)
        if len(data) != size:
            raise ConnectionResetError("the client disconnected before its request was complete")
        return data

    def _send(self, response: Response) -> None:
        self.send_response(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value.encode().decode("latin-1"))
        if response.status != 204:  # noqa: PLR2004 - RFC 9110: no content, no length
            self.send_header("Content-Length", str(len(response.body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response.body)

    def version_string(self) -> str:
        return "nightdrop-emulator"

    def log_message(self, *_: Any) -> None:  # noqa: ANN401 - as inherited
        """Log nothing: the state records the requests."""
