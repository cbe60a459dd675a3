"""One invocation as FunctionGraph does it: from a request's body to the answer."""

from __future__ import annotations

import json
import re
import uuid
from typing import TYPE_CHECKING

from flask import Request, Response

from handler.local.runtime.error_response import (
    ENTRY_FAILED,
    INITIALIZER_FAILED,
    REQUEST_ID,
    RESULT_INVALID,
    RESULT_TOO_LARGE,
    Failure,
    raised,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from handler.local.runtime.context import Context
    from handler.local.runtime.initialization import Initialisation
    from handler.values.canonical_json import Json

    Function = Callable[[object, object], object]

_LARGEST_RESULT = 6 * 1024 * 1024  # bytes
_REQUEST_ID = re.compile(r"[A-Za-z0-9-]{1,64}")


def serve(
    request: Request,
    function: Function,
    initialisation: Initialisation,
    new_context: Callable[[str], Context],
) -> Response:
    """Answer a request in a fresh context, after the initializer.

    Args:
        request: A POST with the event as its body; its `X-Cff-Request-Id`, if it has one, becomes
            the invocation's id.
        function: What FunctionGraph calls, with event and context.
        initialisation: The process's initializer.
        new_context: Makes the context of an invocation that begins now, of the invocation's id.
    """
    request_id = _request_id(request)
    try:
        context = new_context(request_id)
        initialisation.ensure(context)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the platform, too, answers for all
        return raised(INITIALIZER_FAILED, error).response(request_id)
    return answer(request, function, context)


def answer(request: Request, function: Function, context: Context) -> Response:
    """Run the function on a request's event and return what a caller of the platform would see.

    Args:
        request: A POST with the event as its body.
        function: What FunctionGraph calls, with event and context.
        context: The context of this one invocation.
    """
    event = event_of(request.get_data())
    try:
        result = function(event, context)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the platform, too, answers for all
        return raised(ENTRY_FAILED, error).response(context.request_id)
    return _success(context.request_id, result)


def event_of(body: bytes) -> Json:
    """Return the event in a request's body, parsed as the platform does it.

    JSON; what turns out to be a text is parsed once more; null and no body are an empty object.
    The platform answers what is not JSON by itself, with error 4001; here it goes to the function
    as the text it is, so that the log shows what was tried.
    """
    text = body.decode("utf-8", "replace")
    try:
        event: Json = json.loads(text or "null")
        if isinstance(event, str):
            event = json.loads(event)
    except (ValueError, RecursionError):
        return text
    return {} if event is None else event


def _request_id(request: Request) -> str:
    given = request.headers.get(REQUEST_ID, "")
    return given if _REQUEST_ID.fullmatch(given) else str(uuid.uuid4())


def _success(request_id: str, result: object) -> Response:
    try:
        body = json.dumps("" if result is None else result, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        fault = Failure(RESULT_INVALID, "the reply is not JSON", type(error).__name__)
        return fault.response(request_id)
    if len(body) > _LARGEST_RESULT:
        fault = Failure(RESULT_TOO_LARGE, "the reply is above 6 MiB", "ValueError")
        return fault.response(request_id)
    return Response(body, headers={REQUEST_ID: request_id}, mimetype="application/json")
