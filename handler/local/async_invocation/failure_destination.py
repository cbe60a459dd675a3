"""Where FunctionGraph tells of requests it has given up: the message, and places to write it to."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from handler.local.async_invocation.instance_client import Outcome
    from handler.local.async_invocation.request_queue import AsyncRequest
    from handler.values.canonical_json import Json

    Writer: TypeAlias = "Callable[[str, bytes], str]"

FAILED = "UnhandledInvocationError"
"""The condition of a request whose attempts all failed, as seen in the platform's own sample."""

EXPIRED = "EventAgeExceeded"
"""The condition of a request that grew too old; the platform's word for it is not documented."""

_ADDRESS = "obs://"


def failure_message(
    request: AsyncRequest, condition: str, outcome: Outcome | None, urn: str, at: datetime
) -> dict[str, Json]:
    """Return the message about a request given up, in the platform's form.

    Args:
        request: The request; its `attempt` is the number of times it was tried.
        condition: Why it was given up.
        outcome: What became of the last attempt, None if there was none.
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
    """Return what writes messages as private files of a folder, made when the first one comes."""

    def write(name: str, data: bytes) -> str:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / name
        with open(path, "wb", opener=_private) as file:
            file.write(data)
        return str(path)

    return write


def _private(path: str, flags: int) -> int:
    """Open a file that its owner alone can read: a message holds the whole event."""
    return os.open(path, flags, 0o600)


def into_bucket(address: str, put: Callable[[str, str, bytes], object]) -> Writer:
    """Return what writes messages as objects.

    Args:
        address: `obs://bucket/prefix`; the name of a message is put right behind the prefix.
        put: Writes an object: bucket, key, data.

    Raises:
        ValueError: The address is of another form.
    """
    bucket, _, prefix = address.removeprefix(_ADDRESS).partition("/")
    if not address.startswith(_ADDRESS) or not bucket:
        raise ValueError("a destination in OBS is written obs://bucket/prefix/")

    def write(name: str, data: bytes) -> str:
        put(bucket, prefix + name, data)
        return f"{_ADDRESS}{bucket}/{prefix}{name}"

    return write


def destination(address: str, put: Callable[[str, str, bytes], object]) -> Writer:
    """Return what writes messages to `obs://bucket/prefix/`, or else to a folder.

    Args:
        address: The address in OBS or the folder's path.
        put: Writes an object: bucket, key, data.

    Raises:
        ValueError: The address in OBS has no bucket.
    """
    return into_bucket(address, put) if address.startswith(_ADDRESS) else into_folder(Path(address))


def as_file(message: dict[str, Json]) -> bytes:
    """Return a message as it is written."""
    return (json.dumps(message, indent=2) + "\n").encode()
