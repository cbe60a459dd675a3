"""One instance of the function, behind HTTP."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import urllib3
from urllib3.exceptions import HTTPError, NewConnectionError
from urllib3.exceptions import TimeoutError as UrllibTimeoutError

if TYPE_CHECKING:
    from collections.abc import Callable

    from handler.local.async_invocation.request_queue import AsyncRequest

_SUCCESS = 200
_FAILURE = 500
_REQUEST_ID = "X-Cff-Request-Id"


@dataclass(frozen=True)
class Outcome:
    """What became of one invocation.

    Attributes:
        status: The HTTP status; 500 where none came.
        payload: What the function returned, or the error object, as text.
        error: What went wrong, for a person; "" if nothing did.
        seconds: How long it took.
    """

    status: int
    payload: str
    error: str
    seconds: float


@dataclass(frozen=True)
class Instance:
    """An instance of the function; whoever holds it sends it one request at a time.

    Attributes:
        url: Where it takes events.
        timeout: Seconds it may take for one. The platform would end an instance that takes longer;
            here it is left to itself, and may still be busy when the next request comes.
        stopwatch: A monotonic clock, in seconds.
    """

    url: str
    timeout: float
    stopwatch: Callable[[], float] = time.monotonic

    def invoke(self, request: AsyncRequest) -> Outcome:
        """Post a request's event and return what became of it; nothing is raised.

        Each invocation has a connection of its own, since a kept one may be closed by the server at
        the very moment it is used again, and nothing would tell that from a crash.
        """
        started = self.stopwatch()
        try:
            answer = self._post(request)
        except HTTPError as error:
            name, sentence = self._failure(error)
            payload = json.dumps({"errorMessage": sentence, "errorType": name})
            return Outcome(_FAILURE, payload, sentence, self.stopwatch() - started)
        text = answer.data.decode("utf-8", "replace")
        error_text = "" if answer.status == _SUCCESS else _told(answer.status, text)
        return Outcome(answer.status, text, error_text, self.stopwatch() - started)

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

    def _failure(self, error: HTTPError) -> tuple[str, str]:
        if isinstance(error, NewConnectionError):
            return "NoInstance", "nothing listens at the function's address"
        if isinstance(error, UrllibTimeoutError):
            return "Timeout", f"no answer within {self.timeout:g} seconds"
        return "InstanceLost", "the instance went away before it answered"


def _told(status: int, text: str) -> str:
    try:
        error = json.loads(text)
    except ValueError:
        return f"HTTP {status}"
    if not isinstance(error, dict) or "errorMessage" not in error:
        return f"HTTP {status}"
    return f"{error.get('errorType', 'error')}: {error['errorMessage']}"
