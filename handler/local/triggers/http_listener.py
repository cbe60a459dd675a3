"""A door for events that come over HTTP, such as a bucket's notifications."""

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

_PATIENCE = 10.0  # seconds a caller may take to send its event


@final
class HttpListener:
    """Takes events on 127.0.0.1: `POST /` answers 202 and the id of the request made of it."""

    def __init__(self, submit: Callable[[Json], str], port: int = 0) -> None:
        """Begin to listen.

        Args:
            submit: Takes an event and returns the id of its request; called by several threads.
            port: The port, 0 for any that is free.

        Raises:
            OSError: The port is taken.
        """
        self._server = ThreadingHTTPServer(("127.0.0.1", port), partial(_Caller, submit))
        self._server.daemon_threads = False
        self._thread = Thread(
            target=partial(self._server.serve_forever, poll_interval=0.05), name="door"
        )
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/"

    def __enter__(self) -> HttpListener:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop listening, and return when the last caller has its answer."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Caller(BaseHTTPRequestHandler):
    timeout = _PATIENCE

    def __init__(
        self,
        submit: Callable[[Json], str],
        *connection: Any,  # noqa: ANN401 - passed on
    ) -> None:
        self._submit = submit
        super().__init__(*connection)

    def do_POST(self) -> None:
        with contextlib.suppress(ConnectionError):  # the caller has left
            self._answer(*self._taken())

    def _taken(self) -> tuple[int, dict[str, str]]:
        refused = refusal("POST", lambda name: self.headers.get_all(name, []))
        if refused:
            return refused.status, {"error": refused.reason}
        if self.path != "/":
            return 404, {"error": "events are posted to /"}
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdecimal()):
            return 411, {"error": "the event's Content-Length is missing"}
        if len(length) > len(str(LARGEST_EVENT)) or int(length) > LARGEST_EVENT:
            return 413, {"error": f"an event has at most {LARGEST_EVENT} bytes"}
        try:
            event = json.loads(self.rfile.read(int(length)))
            return 202, {"request_id": self._submit(event)}
        except (ValueError, RecursionError) as error:
            return 400, {"error": f"the event cannot be taken: {error}"}

    def _answer(self, status: int, body: dict[str, str]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def version_string(self) -> str:
        return "nightdrop"

    def log_message(self, *_: Any) -> None:  # noqa: ANN401 - as inherited
        """Stay silent: whoever listens to the steps sees the event."""
