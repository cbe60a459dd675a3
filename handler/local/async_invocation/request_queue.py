"""What waits to be delivered: asynchronous requests, each with the moment it is due."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True)
class AsyncRequest:
    """An event on its way to the function; a retry is the same request, with the same payload.

    Attributes:
        request_id: What every invocation made for it is called.
        trigger: What fired, such as `timer`.
        payload: The event, as the JSON text that is posted.
        accepted: When it was accepted, in UTC.
        attempt: The invocation that comes next, counted from 1.
        copy: Which delivery of its event it is, counted from 1; above 1 only under chaos.
        late: Seconds by which chaos holds its first attempt back.
    """

    request_id: str
    trigger: str
    payload: str
    accepted: datetime
    attempt: int = 1
    copy: int = 1
    late: float = 0.0


@dataclass(order=True)
class _Place:
    due: datetime
    number: int
    request: AsyncRequest = field(compare=False)


class Queue:
    """Requests in the order they are due; among those of one moment, the first come is first.

    It has no lock: whoever shares it brings one.
    """

    def __init__(self) -> None:
        self._places: list[_Place] = []
        self._number = 0

    def put(self, request: AsyncRequest, due: datetime) -> None:
        """Add a request that is not to be taken before a moment."""
        self._number += 1
        heapq.heappush(self._places, _Place(due, self._number, request))

    def take(self, now: datetime) -> AsyncRequest | None:
        """Remove and return the request that has been due the longest, None if none is due."""
        if not self._places or self._places[0].due > now:
            return None
        return heapq.heappop(self._places).request

    def due(self) -> datetime | None:
        """Return when the next request is due, None if nothing waits."""
        return self._places[0].due if self._places else None

    def __len__(self) -> int:
        return len(self._places)
