"""Asynchronous invocation as in FunctionGraph: queue, instances, retries, failure notices."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, replace
from datetime import timedelta
from threading import Condition, Thread
from typing import TYPE_CHECKING, final

from handler.local.async_invocation.async_request import (
    Accepted,
    AsyncRequest,
    Failed,
    GivenUp,
    Queue,
    Retrying,
    Returned,
    Started,
)
from handler.local.async_invocation.config import (
    EXPIRED,
    INVOCATION_FAILED,
    TIMEOUT,
    failure_message,
)
from handler.local.async_invocation.instance_client import FunctionInstance

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from handler.local.async_invocation.async_request import Listener
    from handler.local.async_invocation.config import AsyncConfig
    from handler.local.async_invocation.instance_client import InvocationOutcome
    from handler.local.triggers.clock import Clock
    from handler.values.canonical_json import Json

LARGEST_EVENT = 256 * 1024
"""Bytes of an event at most, in an asynchronous invocation."""

_DUPLICATE_RATE = 0.25
_DELAY_RATE = 0.35
_LONGEST_DELAY = 30.0  # seconds; long enough for later events to arrive first


@dataclass(frozen=True)
class Environment:
    """Dependencies of a local FunctionGraph.

    Attributes:
        clock: Returns the time and waits.
        chance: Generates request ids and the spread of retries.
        listen: Receives every progress event, from several threads; it must not raise.
        chaos: Duplicates and delays deliveries; None does neither.
    """

    clock: Clock
    chance: Random
    listen: Listener
    chaos: Random | None = None


@final
class LocalFunction:
    """A function and its queue, which accepts events at once; threads deliver them.

    Each instance processes one request at a time. A request that fails (an answer other than 200,
    or none in time) is retried, possibly by another instance. When its retries or its age are used
    up, a failure notice is written and the request is dropped.
    """

    def __init__(self, urls: Sequence[str], config: AsyncConfig, environment: Environment) -> None:
        """Start to deliver to the instances at some URLs."""
        self._config = config
        self._environment = environment
        self._queue = Queue()
        self._changed = Condition()
        self._running = 0
        self._closed = False
        self._threads = [
            Thread(
                target=self._work, args=(FunctionInstance(url, TIMEOUT),), name=f"instance {url}"
            )
            for url in urls
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, event: Json, trigger: str) -> str:
        """Accept an event, any JSON value, and return the id of its request.

        Raises:
            ValueError: The event is too large for the platform, or the function is closed.
        """
        payload = json.dumps(event)
        if len(payload) > LARGEST_EVENT:
            raise ValueError(
                "the event is larger than 256 KB, the limit of asynchronous invocations"
            )
        now = self._environment.clock.now()
        with self._changed:
            if self._closed:
                raise ValueError("the function is closed")
            requests = [
                AsyncRequest(self._new_id(), trigger, payload, now, copy=copy, late=late)
                for copy, late in enumerate(delays(self._environment.chaos), 1)
            ]
        for request in requests:
            self._environment.listen(Accepted(request, now))
        with self._changed:
            for request in requests:
                self._queue.put(request, now + timedelta(seconds=request.late))
            self._changed.notify_all()
        return requests[0].request_id

    def settle(self, seconds: float) -> bool:
        """Wait until no request waits or runs; return False if the real seconds are over first."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._queue and not self._running, seconds)

    def close(self) -> None:
        """Stop to deliver, and return when all running invocations have ended.

        Waiting requests are dropped. Stop the instances first if they may hang.
        """
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _new_id(self) -> str:
        return str(uuid.UUID(int=self._environment.chance.getrandbits(128), version=4))

    def _work(self, instance: FunctionInstance) -> None:
        while (request := self._next()) is not None:
            self._deliver(request, instance)
            with self._changed:
                self._running -= 1
                self._changed.notify_all()

    def _next(self) -> AsyncRequest | None:
        with self._changed:
            while not self._closed:
                request = self._queue.take(self._environment.clock.now())
                if request is not None:
                    self._running += 1
                    return request
                self._environment.clock.wait(self._changed, self._queue.due())
        return None

    def _deliver(self, request: AsyncRequest, instance: FunctionInstance) -> None:
        now, listen = self._environment.clock.now(), self._environment.listen
        if self._config.expired(request, now):
            self._give_up(replace(request, attempt=request.attempt - 1), EXPIRED, None)
            return
        listen(Started(request, now))
        outcome = instance.invoke(request)
        now = self._environment.clock.now()
        if not outcome.error:
            listen(Returned(request, now, outcome))
            return
        listen(Failed(request, now, outcome))
        self._retry(request, outcome)

    def _retry(self, request: AsyncRequest, outcome: InvocationOutcome) -> None:
        now = self._environment.clock.now()
        with self._changed:
            due = self._config.retry_at(request, now, self._environment.chance)
        if due is None:
            self._give_up(request, INVOCATION_FAILED, outcome)
        elif self._config.expired(request, due):
            self._give_up(request, EXPIRED, outcome)
        else:
            retry = replace(request, attempt=request.attempt + 1)
            self._environment.listen(Retrying(retry, now, due))
            with self._changed:
                self._queue.put(retry, due)

    def _give_up(
        self, request: AsyncRequest, condition: str, outcome: InvocationOutcome | None
    ) -> None:
        now, write = self._environment.clock.now(), self._config.on_failure
        notice = write_error = ""
        if write is not None:
            message = failure_message(request, condition, outcome, now)
            try:
                notice = write(f"{request.request_id}.json", message)
            except Exception as error:  # noqa: BLE001 - a lost notice must not stop deliveries
                write_error = f"{type(error).__name__}: {error}"
        self._environment.listen(GivenUp(request, now, condition, notice, write_error))


def delays(chaos: Random | None) -> tuple[float, ...]:
    """Return the delay in seconds of each delivery of one event; repeatable by the seed of `chaos`.

    Without chaos there is one delivery at once. With it, some events are delivered twice and some
    deliveries are late, since FunctionGraph guarantees neither one delivery nor their order. No
    event is lost.
    """
    if chaos is None:
        return (0.0,)
    copies = 2 if chaos.random() < _DUPLICATE_RATE else 1
    return tuple(
        chaos.uniform(0, _LONGEST_DELAY) if chaos.random() < _DELAY_RATE else 0.0
        for _ in range(copies)
    )
