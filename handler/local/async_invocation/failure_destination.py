"""Failure notices of requests that failed permanently, and the folder they are written to."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from handler.local.async_invocation.instance_client import Outcome
    from handler.local.async_invocation.request_queue import AsyncRequest
    from handler.values.canonical_json import Json

    Writer: TypeAlias = "Callable[[str, dict[str, Json]], str]"

FAILED = "UnhandledInvocationError"
"""The condition of a request whose attempts all failed, from the platform's own sample."""

EXPIRED = "EventAgeExceeded"
"""The condition of a request that is too old; the platform does not document its name."""


def failure_message(
    request: AsyncRequest, condition: str, outcome: Outcome | None, urn: str, at: datetime
) -> dict[str, Json]:
    """Return the notice of a request that failed permanently, in the platform's format.

    Args:
        request: The request; its `attempt` is the number of attempts.
        condition: Why it was given up.
        outcome: The outcome of the last attempt, None without any attempt.
        urn: The function's name.
        at: When it was given up.
    """
    return {
        "timestamp": at.isoformat(timespec="microseconds"),
        "request_context": {
            "request_id": request.request_id,
            "function_urn": urn,
            "condition": condition,
            "approximate_invoke_count": request.attempt,
        },
        "request_payload": request.payload,
        "response_context": {
            "status_code": outcome.status if outcome else 0,
            "function_error": "",
        },
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
