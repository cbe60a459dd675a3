"""The answer to a failed invocation, as in FunctionGraph."""

from __future__ import annotations

import json
import traceback
from dataclasses import dataclass

from flask import Response

REQUEST_ID = "X-Cff-Request-Id"

# The platform's error codes (YuanRong, the engine of FunctionGraph).
ENTRY_FAILED = 4001
RESULT_TOO_LARGE = 4004
RESULT_INVALID = 4007
INITIALIZER_FAILED = 4009


@dataclass(frozen=True)
class Failure:
    """A failed invocation.

    Attributes:
        code: The platform's error code.
        message: The exception's text.
        kind: The exception's class.
        stack: The frames of its traceback, the outermost first.
        status: The HTTP status.
    """

    code: int
    message: str
    kind: str
    stack: tuple[str, ...] = ()
    status: int = 500

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
        return Response(
            json.dumps(error), status=self.status, headers=headers, mimetype="application/json"
        )


def failure_of(code: int, error: BaseException) -> Failure:
    """Return the failure for an exception."""
    frames = traceback.extract_tb(error.__traceback__)
    stack = tuple(f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in frames)
    return Failure(code, str(error), type(error).__name__, stack)
