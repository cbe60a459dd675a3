"""Settings of asynchronous invocation: retries, maximum age, failure destination.

The limits are those of FunctionGraph's API (`UpdateFunctionAsyncInvokeConfig`). Its pages disagree
on the default number of retries, so set it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from pydantic import Field
from pydantic.dataclasses import dataclass

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path
    from random import Random

    from handler.local.async_invocation.async_request import AsyncRequest
    from handler.local.async_invocation.instance_client import InvocationOutcome
    from handler.values.canonical_json import Json

Writer: TypeAlias = Callable[[str, dict[str, Any]], str]
"""Writes the notice of a failed request under a name, and returns where."""

TIMEOUT = 60.0
"""Real seconds that an invocation may take."""

INVOCATION_FAILED = "UnhandledInvocationError"
"""The condition of a request whose attempts all failed, from the platform's own sample."""

EXPIRED = "EventAgeExceeded"
"""The condition of a request that is too old; the platform does not document its name."""

_FUNCTION_URN = "urn:fss:local:project:function:default:nightdrop:latest"
_LONGEST_WAIT = 300.0  # seconds between two attempts
_SPREAD = 0.2  # random share added to a wait, so that retries are not simultaneous


def failure_message(
    request: AsyncRequest, condition: str, outcome: InvocationOutcome | None, at: datetime
) -> dict[str, Json]:
    """Return the notice of a request that failed permanently, in the platform's format.

    The `attempt` of the request is the number of attempts; without any, `outcome` is None.
    """
    return {
        "timestamp": at.isoformat(timespec="microseconds"),
        "request_context": {
            "request_id": request.request_id,
            "function_urn": _FUNCTION_URN,
            "condition": condition,
            "approximate_invoke_count": request.attempt,
        },
        "request_payload": request.payload,
        "response_context": {"status_code": outcome.status if outcome else 0, "function_error": ""},
        "response_payload": outcome.payload if outcome else "",
    }


def into_folder(folder: Path) -> Writer:
    """Return a function that writes notices to a folder, readable for their owner only."""

    def write(name: str, notice: dict[str, Json]) -> str:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / name
        with open(path, "w", encoding="utf-8", opener=_private) as file:
            file.write(json.dumps(notice, indent=2) + "\n")
        return str(path)

    return write


def _private(path: str, flags: int) -> int:
    """Open a file for its owner only: a notice contains the complete event."""
    return os.open(path, flags, 0o600)


@dataclass(frozen=True)
class AsyncConfig:
    """The settings of FunctionGraph for asynchronous invocation.

    How long the platform waits between attempts is not documented; here the wait doubles.

    Attributes:
        max_retries: Attempts after the first one, 0 to 3.
        max_age: Seconds after acceptance in which attempts may start, 1 to 86,400.
        on_failure: Writes the notice of a request that failed permanently; None for no notices.
        first_wait: Seconds between the first attempt and the second.
    """

    max_retries: Annotated[int, Field(ge=0, le=3)] = 1
    max_age: Annotated[int, Field(ge=1, le=86_400)] = 3600
    on_failure: Writer | None = None
    first_wait: Annotated[float, Field(ge=0)] = 5.0

    def expired(self, request: AsyncRequest, at: datetime) -> bool:
        """Return whether a request is too old for another attempt."""
        return at - request.accepted > timedelta(seconds=self.max_age)

    def retry_at(self, request: AsyncRequest, now: datetime, chance: Random) -> datetime | None:
        """Return when a failed request is retried, None if it has no retries left."""
        if request.attempt > self.max_retries:
            return None
        wait = min(_LONGEST_WAIT, self.first_wait * 2 ** (request.attempt - 1))
        return now + timedelta(seconds=wait * (1 + _SPREAD * chance.random()))
