"""An asynchronous request, the queue of them, and their progress as events for a listener.

Accepted ──► Started ──► Returned
               ▲  └────► Failed ──► Retrying ──► Started …
                             └────► GivenUp
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from handler.local.async_invocation.instance_client import InvocationOutcome


@dataclass(frozen=True)
class AsyncRequest:
    """An event for the function. A retry has the same id and payload.

    Attributes:
        request_id: The id of each of its invocations.
        trigger: The kind of trigger, such as `timer`.
        payload: The event as JSON text.
        accepted: When it was accepted, in UTC.
        attempt: The number of the next invocation, from 1.
        copy: The number of the delivery of its event, from 1; above 1 only with chaos.
        late: Seconds by which chaos delays its first attempt.
    """

    request_id: str
    trigger: str
    payload: str
    accepted: datetime
    attempt: int = 1
    copy: int = 1
    late: float = 0.0


class Queue:
    """Requests in the order they are due; those due at the same time, in the order they were put.

    It has no lock; its owner must have one.
    """

    def __init__(self) -> None:
        self._entries: list[tuple[datetime, int, AsyncRequest]] = []
        self._number = 0

    def put(self, request: AsyncRequest, due: datetime) -> None:
        """Add a request that is due at a given time."""
        self._number += 1
        heapq.heappush(self._entries, (due, self._number, request))

    def take(self, now: datetime) -> AsyncRequest | None:
        """Remove and return the request that has been due the longest, None if none is due."""
        if not self._entries or self._entries[0][0] > now:
            return None
        return heapq.heappop(self._entries)[2]

    def due(self) -> datetime | None:
        """Return when the next request is due, None if the queue is empty."""
        return self._entries[0][0] if self._entries else None

    def __len__(self) -> int:
        return len(self._entries)


@dataclass(frozen=True)
class Accepted:
    """The request is in the queue."""

    request: AsyncRequest
    at: datetime


@dataclass(frozen=True)
class Started:
    """An instance is invoked."""

    request: AsyncRequest
    at: datetime


@dataclass(frozen=True)
class Returned:
    """The function returned; the outcome's payload is its reply."""

    request: AsyncRequest
    at: datetime
    outcome: InvocationOutcome


@dataclass(frozen=True)
class Failed:
    """An attempt failed; `Retrying` or `GivenUp` follows."""

    request: AsyncRequest
    at: datetime
    outcome: InvocationOutcome


@dataclass(frozen=True)
class Retrying:
    """The request will be retried at `due`; its `attempt` is the next one."""

    request: AsyncRequest
    at: datetime
    due: datetime


@dataclass(frozen=True)
class GivenUp:
    """The request failed permanently.

    Attributes:
        condition: Why, as one of the platform's conditions.
        notice: The path of the failure notice, "" without one.
        write_error: Why the notice could not be written, "" if it was or none is wanted.
    """

    request: AsyncRequest
    at: datetime
    condition: str
    notice: str = ""
    write_error: str = ""


ProgressEvent: TypeAlias = "Accepted | Started | Returned | Failed | Retrying | GivenUp"
Listener: TypeAlias = "Callable[[ProgressEvent], None]"
