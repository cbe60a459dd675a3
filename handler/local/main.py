"""Serves the function over HTTP, with functions-framework and its `http` signature.

Serve it with `functions-framework --source handler/local/main.py --target invoke --signature-type
http --host 127.0.0.1` and POST an event to it. The `event` signature would lose FunctionGraph's
payloads. The file is loaded by its path, so it needs absolute imports.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from flask import Response, jsonify

import handler
from handler.local.runtime.context import Context, agency_of
from handler.local.runtime.http_invocation import Initializer, serve
from handler.values.loopback import refusal

if TYPE_CHECKING:
    from flask import Request

# Module state, because functions-framework accepts only a plain function.
_initializer = Initializer(handler.initializer)
_agency = agency_of(os.environ, time.monotonic)


def invoke(request: Request) -> Response:
    """Answer a POST of an event as FunctionGraph does: HTTP 200, or 500 with its error object.

    Other requests are refused, so that no web page can invoke the function.
    """
    if request.method != "POST":
        return _refused(405, "Send an event by POST.")
    refused = refusal(request.method, request.headers.getlist)
    if refused:
        return _refused(refused.status, refused.reason)
    return serve(request, handler.handler, _initializer, _context)


def _refused(status: int, reason: str) -> Response:
    answer = jsonify({"error": reason})
    answer.status_code = status
    return answer


def _context(request_id: str) -> Context:
    return Context.from_environment(os.environ, request_id, agency=_agency)
