"""One hostile case, answered in a child process with limits on time and memory.

The child is forked from a server process that has the package loaded, so that a case costs
milliseconds. It is killed when it takes too long, and cannot allocate more than `HARD_LIMIT`.
"""

from __future__ import annotations

import multiprocessing
import resource
import sys
import time
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

MOST_SECONDS = 1.0
"""Processor time that one case may take."""

MOST_MEGABYTES = 100.0
"""Memory that the child may hold at its peak, interpreter and package included."""

HARD_LIMIT = 1024 * 1024 * 1024
"""Bytes of address space of a child; an allocation beyond it raises `MemoryError`."""

_KILLED_AFTER = 20.0
_PRELOAD = [
    "pytest",
    "handler",
    "handler.function",
    "handler.invocation.instance",
    "handler.audit.sql.sqlite",
    "handler.triggers.object_storage",
    "tests.hostile.limits",
    "tests.hostile.asking",
    "tests.hostile.event_answering",
    "tests.hostile.answers.answering",
]
"""What a child need not import: the package, and what answers a case."""


@dataclass(frozen=True)
class Outcome:
    """The result of a case.

    Attributes:
        value: What the work returned; None if it raised.
        error: The name of the exception that left it; "" if none did.
        trace: Its traceback, for the message of a failed test.
        seconds: Processor time of the work.
        elapsed: Wall-clock time of the work, in seconds.
        megabytes: The child's peak resident memory.
    """

    value: Any
    error: str
    trace: str
    seconds: float
    elapsed: float
    megabytes: float


def run_limited(work: Callable[..., object], *arguments: object) -> Outcome:
    """Run a function of a module in a child process with limits.

    Args:
        work: A function at the top of an importable module.
        arguments: What to call it with; they and the result must be picklable.

    Raises:
        TimeoutError: It did not end within 20 s and was killed.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOAD)
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=_child, args=(sender, work, arguments), daemon=True)
    child.start()
    sender.close()
    try:
        if not receiver.poll(_KILLED_AFTER):
            raise TimeoutError(f"{work.__name__} did not end within {_KILLED_AFTER:g} s")
        outcome: Outcome = receiver.recv()
    except EOFError:
        child.join(_KILLED_AFTER)
        return Outcome(None, "killed", f"exit code {child.exitcode}", 0.0, 0.0, 0.0)
    else:
        return outcome
    finally:
        child.kill()
        child.join()
        child.close()
        receiver.close()


def assert_within_limits(outcome: Outcome) -> None:
    """Fail unless a case was answered in time, in little memory and without a stray exception."""
    assert not outcome.error, outcome.trace
    assert outcome.seconds <= MOST_SECONDS
    assert outcome.megabytes <= MOST_MEGABYTES


def _child(sender: Connection, work: Callable[..., object], arguments: tuple[object, ...]) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (HARD_LIMIT, HARD_LIMIT))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    processor, began = time.process_time(), time.monotonic()
    value, error, trace = None, "", ""
    try:
        value = work(*arguments)
    except BaseException as raised:  # noqa: BLE001 - whatever leaves the work is the finding
        error, trace = type(raised).__name__, traceback.format_exc()[-4000:]
    seconds, elapsed = time.process_time() - processor, time.monotonic() - began
    unit = 1024.0 if sys.platform == "linux" else 1024.0 * 1024.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    sender.send(Outcome(value, error, trace, seconds, elapsed, peak))
