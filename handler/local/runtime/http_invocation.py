"""One invocation as in FunctionGraph: from the request's body to the answer."""

from __future__ import annotations

import json
import re
import threading
import traceback
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import Request, Response

if TYPE_CHECKING:
    from collections.abc import Callable

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
    """Run the initializer and the function, and return the answer.

    Args:
        request: A POST with the event as its body. Its header `X-Cff-Request-Id`, if given, becomes
            the invocation's id.
        function: The function's handler, called with event and context.
        initializer: The process's initializer.
        new_context: Returns the context of an invocation that starts now, given its id.
    """
    request_id = _request_id(request)
    try:
        context = new_context(request_id)
        initializer.ensure(context)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - as on the platform
        return failure_of(INITIALIZER_FAILED, error).response(request_id)
    return answer(request, function, context)


def answer(request: Request, function: Function, context: Context) -> Response:
    """Run the function on a request's event and return the platform's answer."""
    event = decode_event(request.get_data())
    try:
        result = function(event, context)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - as on the platform
        return failure_of(ENTRY_FAILED, error).response(context.request_id)
    return _success(context.request_id, result)


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


@dataclass(frozen=True)
class Failure:
    """A failed invocation.

    Attributes:
        code: The platform's error code.
        message: The exception's text.
        kind: The exception's class.
        stack: The frames of its traceback, the outermost first.
    """

    code: int
    message: str
    kind: str
    stack: tuple[str, ...] = ()

    def response(self, request_id: str) -> Response:
        """Return the answer, with the platform's error object and headers."""
        error = {
            "errorMessage": self.message,
            "errorType": self.kind,
            "stackTrace": list(self.stack),
        }
        headers = {
            REQUEST_ID: request_id,
            "X-Func-Err-Code": str(self.code),
            "X-Is-Func-Err": "true",
        }
        return Response(json.dumps(error), status=500, headers=headers, mimetype="application/json")


def failure_of(code: int, error: BaseException) -> Failure:
    """Return the failure for an exception."""
    frames = traceback.extract_tb(error.__traceback__)
    stack = tuple(f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in frames)
    return Failure(code, str(error), type(error).__name__, stack)


def _request_id(request: Request) -> str:
    given = request.headers.get(REQUEST_ID, "")
    return given if _REQUEST_ID.fullmatch(given) else str(uuid.uuid4())


def _success(request_id: str, result: object) -> Response:
    try:
        body = json.dumps("" if result is None else result, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        failure = Failure(RESULT_INVALID, "the reply is not JSON", type(error).__name__)
        return failure.response(request_id)
    if len(body) > _LARGEST_RESULT:
        failure = Failure(RESULT_TOO_LARGE, "the reply is above 6 MiB", "ValueError")
        return failure.response(request_id)
    return Response(body, headers={REQUEST_ID: request_id}, mimetype="application/json")
