"""HTTP endpoint of `nightdrop dev` that accepts the bucket's events."""

from __future__ import annotations

import json
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from handler.emulator.http.messages import Request, Response, json_response
from handler.emulator.http.server import HttpServer
from handler.local.async_invocation.dispatcher import LARGEST_EVENT
from handler.values.loopback import refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from handler.values.canonical_json import Json


@contextmanager
def event_listener(submit: Callable[[Json], str]) -> Iterator[str]:
    """Accept events on a free port of 127.0.0.1 until the block ends, and yield the URL.

    `POST /` answers 202 with the id of the request. No web page can post to it.

    Args:
        submit: Accepts an event and returns the id of its request; called by several threads.
    """
    server = HttpServer(0, partial(_answer, submit), largest_body=LARGEST_EVENT)
    server.start()
    try:
        yield f"http://127.0.0.1:{server.port}/"
    finally:
        server.stop()


def _answer(submit: Callable[[Json], str], request: Request) -> Response:
    if refused := refusal("POST", request.values):
        return json_response(refused.status, {"error": refused.reason})
    if (request.method, request.path) != ("POST", "/"):
        return json_response(404, {"error": "POST events to /"})
    try:
        return json_response(202, {"request_id": submit(json.loads(request.body))})
    except (ValueError, RecursionError) as error:
        return json_response(400, {"error": f"the event was not accepted: {error}"})
