"""The function as a process of its own, which ends or stops itself at a chosen step.

Each of some events is handed to one instance, one after the other.
Steps are counted from 1, before and after every commit and every request. The environment says
what happens at one of them, `FAULT=kill:7` or `FAULT=stop:7`, with the signal that nothing can
catch. Standard output tells, a line of JSON each, what was durable, reached and answered.
"""

from __future__ import annotations

import json
import signal
import sys
import time
from dataclasses import dataclass, field
from threading import Lock, get_ident
from typing import TYPE_CHECKING, Any, TypeVar, cast
from uuid import uuid4

from handler.audit.instance_log import InstanceLog
from handler.errors import NightdropError
from handler.function import handle
from handler.invocation.instance import open_instance
from handler.local.runtime.context import Context

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from handler.audit.log import Committed, Decide, Log, View
    from handler.audit.record import Record
    from handler.cloud.http_transport import Answer, Request, Transport

T = TypeVar("T")

SIGNALS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}


def say(what: str, value: object) -> None:
    """Write one line to standard output, at once."""
    sys.stdout.write(json.dumps({what: value}) + "\n")
    sys.stdout.flush()


@dataclass
class Steps:
    """Counts steps and lets the fault strike.

    Attributes:
        fault: `kill:7`, `stop:7`, or "" for none.
    """

    fault: str
    _reached: int = 0
    _lock: Lock = field(default_factory=Lock)

    def reach(self, name: str) -> None:
        """Say that a step is reached; it may be the last."""
        with self._lock:
            self._reached += 1
            say("step", name)
            kind, _, number = self.fault.partition(":")
            if kind and int(number) == self._reached:
                # Sent to this thread: another thread would take a signal sent to the process.
                signal.pthread_kill(get_ident(), SIGNALS[kind])


@dataclass
class SteppingLog:
    """A log with a step before and after every commit."""

    log: Log
    steps: Steps

    def commit(self, decide: Decide[T]) -> Committed[T]:
        """Commit one decision; the function does not ask for this."""
        return self.log.commit(decide)

    def commit_all(self, decisions: Sequence[Decide[Any]]) -> tuple[Committed[Any], ...]:
        """Commit, and say which records are durable."""
        self.steps.reach("before commit")
        committed = self.log.commit_all(decisions)
        say("durable", [record.hash for one in committed for record in one.records])
        self.steps.reach("after commit")
        return committed

    def read(self, ask: Callable[[View], T], *, fresh: bool = True) -> T:
        """Return what `ask` finds in the state."""
        return self.log.read(ask, fresh=fresh)

    def bodies(self, keys: Sequence[str]) -> Mapping[str, str]:
        """Return what the outbox holds."""
        return self.log.bodies(keys)

    def records(self, after: int = 0) -> Iterator[Record]:
        """Yield the records."""
        return self.log.records(after)

    def records_of(self, deliveries: Collection[str]) -> Iterator[Record]:
        """Yield the records about some deliveries."""
        return self.log.records_of(deliveries)

    def close(self) -> None:
        """Close the log."""
        self.log.close()


@dataclass(frozen=True)
class SteppingTransport:
    """A transport with a step before a request leaves and one before its answer is read."""

    transport: Transport
    steps: Steps

    def send(self, request: Request, **limits: Any) -> Answer:  # noqa: ANN401 - passed on
        """Send a request."""
        self.steps.reach(f"before {request.method}")
        # Frozen as late as can be: behind the last look at the clock.
        answer = self.transport.send(request, **{**limits, "deadline": None})
        self.steps.reach(f"after {request.method}")
        return answer

    def close(self) -> None:
        """Close every connection."""
        self.transport.close()


def main(events: Sequence[object], environ: dict[str, str]) -> None:
    """Hand every event to one instance of the function."""
    steps = Steps(environ.pop("FAULT", ""))
    opened = open_instance(_context(environ), environ, lambda _line: None)
    transport = cast("Transport", SteppingTransport(opened.transport, steps))
    log = InstanceLog(SteppingLog(opened.log.log, steps), opened.log.on_append)
    instance = opened._replace(log=log, transport=transport)
    for number, event in enumerate(events):
        say("began", number)
        try:
            say("reply", handle(event, _context(environ), instance))
        except NightdropError as error:
            say("error", str(error))
    instance.close()


def _context(environ: dict[str, str]) -> Context:
    return Context.from_environment(environ, str(uuid4()), time.monotonic)
