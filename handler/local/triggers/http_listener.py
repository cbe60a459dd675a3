"""HTTP endpoint that accepts events, such as a bucket's notifications."""

from __future__ import annotations

import contextlib
import json
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any, final

from handler.local.async_invocation.dispatcher import LARGEST_EVENT
from handler.values.loopback import refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from handler.values.canonical_json import Json

_TIMEOUT = 10.0  # seconds that a client may take to send its event


@final
class HttpListener:
    """Accepts events on 127.0.0.1; `POST /` answers 202 with the id of the request."""

    def __init__(self, submit: Callable[[Json], str]) -> None:
        """Start to listen on a free port.

        Args:
            submit: Accepts an event and returns the id of its request; called by several threads.
        """
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Connection, submit))
        self._server.daemon_threads = False
        self._thread = Thread(
            target=partial(self._server.serve_forever, poll_interval=0.05), name="http listener"
        )
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/"

    def __enter__(self) -> HttpListener:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop to listen, and return when all requests are answered."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Connection(BaseHTTPRequestHandler):
    timeout = _TIMEOUT

    def __init__(
        self,
        submit: Callable[[Json], str],
        *connection: Any,  # noqa: ANN401 - passed on
    ) -> None:
        self._submit = submit
        super().__init__(*connection)

    def do_POST(self) -> None:
        with contextlib.suppress(ConnectionError):  # the client has disconnected
            self._send(*self._accept())

    def _accept(self) -> tuple[int, dict[str, str]]:
        refused = refusal("POST", lambda name: self.headers.get_all(name, []))
        if refused:
            return refused.status, {"error": refused.reason}
        if self.path != "/":
            return 404, {"error": "POST events to /"}
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdecimal()):
            return 411, {"error": "the event's Content-Length is missing"}
        if len(length) > len(str(LARGEST_EVENT)) or int(length) > LARGEST_EVENT:
            return 413, {"error": f"the event is larger than {LARGEST_EVENT} bytes"}
        try:
            event = json.loads(self.rfile.read(int(length)))
            return 202, {"request_id": self._submit(event)}
        except (ValueError, RecursionError) as error:
            return 400, {"error": f"the event was not accepted: {error}"}

    def _send(self, status: int, body: dict[str, str]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def version_string(self) -> str:
        return "nightdrop"

    def log_message(self, *_: Any) -> None:  # noqa: ANN401 - as inherited
        """Log nothing: the listener of the function reports the event."""
