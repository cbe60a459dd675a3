"""Asynchronous invocation as FunctionGraph does it: queue, instances, retries, failure notices."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, replace
from datetime import timedelta
from threading import Condition, Thread
from typing import TYPE_CHECKING, final

from handler.local.async_invocation.failure_destination import (
    EXPIRED,
    FAILED,
    as_file,
    failure_message,
)
from handler.local.async_invocation.fault_injection import delays
from handler.local.async_invocation.instance_client import Instance
from handler.local.async_invocation.progress_events import (
    Accepted,
    Answered,
    Failed,
    GivenUp,
    Retrying,
    Started,
)
from handler.local.async_invocation.request_queue import AsyncRequest, Queue

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from handler.local.async_invocation.config import AsyncConfig
    from handler.local.async_invocation.instance_client import Outcome
    from handler.local.async_invocation.progress_events import Listener
    from handler.local.triggers.clock import Clock
    from handler.values.canonical_json import Json

LARGEST_EVENT = 256 * 1024
"""Bytes of an event that the platform takes asynchronously."""


@dataclass(frozen=True)
class Environment:
    """What a local FunctionGraph finds around it.

    Attributes:
        clock: Shows the time and waits for it.
        chance: Makes request ids and spreads retries.
        listen: Told of every step, by several threads; it must not raise.
        chaos: Duplicates and delays deliveries, if there is one.
    """

    clock: Clock
    chance: Random
    listen: Listener
    chaos: Random | None = None


@final
class LocalFunction:
    """A function with its queue: events are accepted at once and delivered by threads of its own.

    Each instance has one request at a time. A request that fails (an answer other than 200, none in
    time, or none at all) is tried again, possibly by another instance; when its retries or its
    age are used up, the failure message is written and the request is gone.
    """

    def __init__(self, urls: Sequence[str], config: AsyncConfig, surroundings: Environment) -> None:
        """Begin to deliver.

        Args:
            urls: Where the instances of the function take events.
            config: How requests are retried, and where failures are told.
            surroundings: Clock, chance and listener.
        """
        self._config = config
        self._around = surroundings
        self._queue = Queue()
        self._changed = Condition()
        self._running = 0
        self._closed = False
        self._threads = [
            Thread(target=self._work, args=(Instance(url, config.timeout),), name=f"instance {url}")
            for url in urls
        ]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> LocalFunction:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def submit(self, event: Json, trigger: str) -> str:
        """Accept an event and return the id of the request that was made of it.

        Args:
            event: Any JSON value.
            trigger: What fired, for whoever listens.

        Raises:
            ValueError: The event is larger than the platform takes, or the function is closed.
        """
        payload = json.dumps(event)
        if len(payload) > LARGEST_EVENT:
            raise ValueError("the event is above the 256 KB that are taken asynchronously")
        now = self._around.clock.now()
        with self._changed:
            if self._closed:
                raise ValueError("the function is closed and takes no more events")
            made = [
                AsyncRequest(self._new_id(), trigger, payload, now, copy=copy, late=late)
                for copy, late in enumerate(delays(self._around.chaos), 1)
            ]
        for request in made:
            self._around.listen(Accepted(request, now))
        with self._changed:
            for request in made:
                self._queue.put(request, now + timedelta(seconds=request.late))
            self._changed.notify_all()
        return made[0].request_id

    def settle(self, seconds: float) -> bool:
        """Wait until nothing waits or runs any more; False if real seconds ran out before."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._queue and not self._running, seconds)

    def close(self) -> None:
        """Stop delivering, and return when the invocations that run have ended.

        What still waits is dropped. End the instances first if they may hang.
        """
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _new_id(self) -> str:
        return str(uuid.UUID(int=self._around.chance.getrandbits(128), version=4))

    def _work(self, instance: Instance) -> None:
        while (request := self._next()) is not None:
            self._deliver(request, instance)
            with self._changed:
                self._running -= 1
                self._changed.notify_all()

    def _next(self) -> AsyncRequest | None:
        with self._changed:
            while not self._closed:
                request = self._queue.take(self._around.clock.now())
                if request is not None:
                    self._running += 1
                    return request
                self._around.clock.wait(self._changed, self._queue.due())
        return None

    def _deliver(self, request: AsyncRequest, instance: Instance) -> None:
        now, listen = self._around.clock.now(), self._around.listen
        if self._config.expired(request, now):
            self._give_up(replace(request, attempt=request.attempt - 1), EXPIRED, None)
            return
        listen(Started(request, now, instance.url))
        outcome = instance.invoke(request)
        now = self._around.clock.now()
        if not outcome.error:
            listen(Answered(request, now, instance.url, outcome))
            return
        listen(Failed(request, now, instance.url, outcome))
        self._retry(request, outcome)

    def _retry(self, request: AsyncRequest, outcome: Outcome) -> None:
        now = self._around.clock.now()
        with self._changed:
            due = self._config.retry_at(request, now, self._around.chance)
        if due is None:
            self._give_up(request, FAILED, outcome)
        elif self._config.expired(request, due):
            self._give_up(request, EXPIRED, outcome)
        else:
            again = replace(request, attempt=request.attempt + 1)
            self._around.listen(Retrying(again, now, due))
            with self._changed:
                self._queue.put(again, due)

    def _give_up(self, request: AsyncRequest, condition: str, outcome: Outcome | None) -> None:
        now, write = self._around.clock.now(), self._config.on_failure
        notice = trouble = ""
        if write is not None:
            message = failure_message(request, condition, outcome, self._config.function_urn, now)
            try:
                notice = write(f"{request.request_id}.json", as_file(message))
            except Exception as error:  # noqa: BLE001 - a lost notice must not stop deliveries
                trouble = f"{type(error).__name__}: {error}"
        self._around.listen(GivenUp(request, now, condition, notice, trouble))
