"""Processes of the function that start with everything imported: forked from a clean server.

A server process imports the function once and forks a child for each start, before which nothing
of a test has run in it. A child is killed and frozen as any other process.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
import time
from dataclasses import dataclass
from functools import cache
from multiprocessing.connection import wait
from threading import Lock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import signal
    from collections.abc import Mapping, Sequence
    from multiprocessing.context import ForkServerContext
    from multiprocessing.process import BaseProcess
    from pathlib import Path

LONGEST_SECONDS = 60.0
"""After this a process is ended, and waiting for quiet given up: the machine may be loaded."""


@dataclass(frozen=True)
class Child:
    """The output of a process that ended.

    Attributes:
        status: Its exit status, negative for a signal.
        lines_read: Its lines, as pairs of kind and value.
    """

    status: int
    lines_read: tuple[tuple[str, Any], ...]

    def all(self, what: str) -> list[Any]:
        """Return the values of one kind of line, in order."""
        return [value for kind, value in self.lines_read if kind == what]

    @property
    def durable(self) -> set[str]:
        """The hashes of the records whose commit was acknowledged to it."""
        return {one for hashes in self.all("durable") for one in hashes}


@dataclass(frozen=True)
class Running:
    """A process of the function.

    Attributes:
        process: The process.
        output: The file that its standard output goes to.
    """

    process: BaseProcess
    output: Path

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self.process.pid
        os.kill(self.process.pid, number)

    def wait_until_stopped(self) -> None:
        """Return once the process has stopped itself.

        Raises:
            TimeoutError: It has not, or it ended.
        """
        until = time.monotonic() + LONGEST_SECONDS
        while time.monotonic() < until and not wait([self.process.sentinel], 0):
            with open(f"/proc/{self.process.pid}/stat", encoding="utf-8") as stat:  # noqa: PTH123 - no path of ours
                if stat.read().rpartition(") ")[2].startswith("T"):
                    return
            time.sleep(0.01)
        raise TimeoutError("the process did not stop itself")

    def ended(self) -> Child:
        """Wait for the process, kill it if it hangs, and return its output."""
        if not wait([self.process.sentinel], LONGEST_SECONDS):
            self.process.kill()
        with _LOCK:
            self.process.join()
            status = self.process.exitcode or 0
            self.process.close()
        lines = self.output.read_text(encoding="utf-8").splitlines()
        lines_read = [json.loads(line) for line in lines if line.endswith("}")]
        return Child(status, tuple(pair for line in lines_read for pair in line.items()))


def start(events: Sequence[object], environ: Mapping[str, str], output: Path) -> Running:
    """Start a process that hands some events to one instance of the function.

    Args:
        events: The events.
        environ: The function's environment, with `FAULT` as `child` takes it.
        output: Where its standard output goes.
    """
    process = _context().Process(target=_run, args=(list(events), dict(environ), str(output)))
    with _LOCK:
        process.start()
    return Running(process, output)


_LOCK = Lock()
"""Starting a process looks for others that have ended, and two threads must not do so at once."""


@cache
def _context() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.faults.kills.child"])
    return context


def _run(events: list[object], environ: dict[str, str], output: str) -> None:
    from tests.faults.kills.child import main

    with open(output, "w", encoding="utf-8") as sys.stdout:  # noqa: PTH123 - pathlib is not needed here
        main(events, environ)
