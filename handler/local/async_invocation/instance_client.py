"""Invokes one instance of the function over HTTP."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import urllib3
from urllib3.exceptions import HTTPError, NewConnectionError
from urllib3.exceptions import TimeoutError as UrllibTimeoutError

if TYPE_CHECKING:
    from handler.local.async_invocation.async_request import AsyncRequest

_SUCCESS = 200
_FAILURE = 500
_REQUEST_ID = "X-Cff-Request-Id"


@dataclass(frozen=True)
class InvocationOutcome:
    """The outcome of one invocation.

    Attributes:
        status: The HTTP status; 500 without an answer.
        payload: The function's reply or the error object, as text.
        error: Why it failed, "" if it succeeded.
    """

    status: int
    payload: str
    error: str


@dataclass(frozen=True)
class FunctionInstance:
    """An instance of the function; its owner sends it one request at a time.

    An invocation may take `timeout` seconds. The platform would end a slower instance; here it
    continues, and may still be busy when the next request arrives.
    """

    url: str
    timeout: float

    def invoke(self, request: AsyncRequest) -> InvocationOutcome:
        """Post a request's event and return the outcome; it does not raise.

        Each invocation opens a connection. The server may close an idle one at the moment it is
        used again, which looks like a crash of the instance.
        """
        try:
            answer = self._post(request)
        except HTTPError as error:
            kind, message = self._describe(error)
            payload = json.dumps({"errorMessage": message, "errorType": kind})
            return InvocationOutcome(_FAILURE, payload, message)
        text = answer.data.decode("utf-8", "replace")
        error_text = "" if answer.status == _SUCCESS else _error_text(answer.status, text)
        return InvocationOutcome(answer.status, text, error_text)

    def _post(self, request: AsyncRequest) -> urllib3.BaseHTTPResponse:
        headers = {
            "Content-Type": "application/json",
            "Connection": "close",
            _REQUEST_ID: request.request_id,
        }
        with urllib3.PoolManager(retries=False) as pool:
            return pool.request(
                "POST",
                self.url,
                body=request.payload.encode(),
                headers=headers,
                timeout=urllib3.Timeout(total=self.timeout),
                redirect=False,
            )

    def _describe(self, error: HTTPError) -> tuple[str, str]:
        if isinstance(error, NewConnectionError):
            return "NoInstance", "no server listens at the function's address"
        if isinstance(error, UrllibTimeoutError):
            return "Timeout", f"no answer within {self.timeout:g} seconds"
        return "InstanceLost", "the instance closed the connection before it answered"


def _error_text(status: int, text: str) -> str:
    try:
        error = json.loads(text)
    except ValueError:
        return f"HTTP {status}"
    if not isinstance(error, dict) or "errorMessage" not in error:
        return f"HTTP {status}"
    return f"{error.get('errorType', 'error')}: {error['errorMessage']}"
