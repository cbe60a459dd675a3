"""One invocation as in FunctionGraph: from the request's body to the answer."""

from __future__ import annotations

import json
import re
import threading
import traceback
import uuid
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from flask import Request, Response

    from handler.local.runtime.context import Context
    from handler.values.canonical_json import Json

    Function = Callable[[object, object], object]

REQUEST_ID = "X-Cff-Request-Id"

# The platform's error codes (YuanRong, the engine of FunctionGraph).
ENTRY_FAILED = 4001
RESULT_TOO_LARGE = 4004
RESULT_INVALID = 4007
INITIALIZER_FAILED = 4009

_LARGEST_RESULT = 6 * 1024 * 1024  # bytes
_REQUEST_ID = re.compile(r"[A-Za-z0-9-]{1,64}")


class Initializer:
    """Runs the initializer before the first invocation of a process, once for all threads.

    Threads that arrive meanwhile wait. If it raises, so does the call, and the next call runs it
    again: on the platform a new instance would.
    """

    def __init__(self, initializer: Callable[[object], None]) -> None:
        self._initializer = initializer
        self._lock = threading.Lock()
        self._done = False

    def ensure(self, context: object) -> None:
        """Return once the initializer has succeeded; raises what the initializer raises."""
        with self._lock:
            if not self._done:
                self._initializer(context)
                self._done = True


def serve(
    request: Request,
    function: Function,
    initializer: Initializer,
    new_context: Callable[[str], Context],
) -> Response:
    """Run the initializer and the function on a POST of an event, and return the answer.

    The header `X-Cff-Request-Id`, if given, becomes the invocation's id; `new_context` returns the
    context of an invocation that starts now, given its id.
    """
    given = request.headers.get(REQUEST_ID, "")
    request_id = given if _REQUEST_ID.fullmatch(given) else str(uuid.uuid4())
    code = INITIALIZER_FAILED
    try:
        context = new_context(request_id)
        initializer.ensure(context)
        code = ENTRY_FAILED
        result = function(decode_event(request.get_data()), context)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - as on the platform
        frames = traceback.extract_tb(error.__traceback__)
        stack = [f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in frames]
        return _failure(request_id, code, type(error).__name__, str(error), stack)
    return _success(request_id, result)


def decode_event(body: bytes) -> Json:
    """Return the event in a request's body, parsed as on the platform.

    The body is JSON; a JSON string is parsed once more; null and an empty body become an empty
    object. The platform itself refuses other text with error 4001; here the function receives it as
    a string, so that the log records the attempt.
    """
    text = body.decode("utf-8", "replace")
    try:
        event: Json = json.loads(text or "null")
        if isinstance(event, str):
            event = json.loads(event)
    except (ValueError, RecursionError):
        return text
    return {} if event is None else event


def _success(request_id: str, result: object) -> Response:
    try:
        body = json.dumps("" if result is None else result, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        kind = type(error).__name__
        return _failure(request_id, RESULT_INVALID, kind, "the reply is not JSON")
    if len(body) > _LARGEST_RESULT:
        return _failure(request_id, RESULT_TOO_LARGE, "ValueError", "the reply is above 6 MiB")
    return _answer(body, 200, {REQUEST_ID: request_id})


def _failure(
    request_id: str, code: int, kind: str, message: str, stack: Sequence[str] = ()
) -> Response:
    """Return the answer of a failed invocation, with the platform's error object and headers."""
    error = {"errorMessage": message, "errorType": kind, "stackTrace": [*stack]}
    headers = {REQUEST_ID: request_id, "X-Func-Err-Code": str(code), "X-Is-Func-Err": "true"}
    return _answer(json.dumps(error).encode(), 500, headers)


def _answer(body: bytes, status: int, headers: dict[str, str]) -> Response:
    from flask import Response  # a command that decodes an event does not pay for it

    return Response(body, status=status, headers=headers, mimetype="application/json")
