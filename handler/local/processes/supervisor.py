"""Processes that are kept running: started again when they end, or when their source changes."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, final

from handler.errors import StartError
from handler.local.processes.subprocesses import Program, last_words, started, stop

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Sequence

__all__ = ["Program", "Supervisor"]

_LOOK_SECONDS = 0.3
_SOON = 10.0  # seconds after its start; who ends within them would end again
_FIRST_WAIT = 0.5  # seconds before the second start in a row; doubled before each further one
_MOST_STARTS = 5


@dataclass
class _Kept:
    """A program that is kept running, and how it went so far.

    Attributes:
        program: The program.
        process: Its process, which may have ended.
        begun: When that was started, in seconds of a monotonic clock.
        failures: How often in a row it ended soon after its start.
        due: When it is started again, in the same seconds; None while it runs or is given up.
    """

    program: Program
    process: subprocess.Popen[bytes]
    begun: float
    failures: int = 0
    due: float | None = None


@final
class Supervisor:
    """Keeps programs running until it is closed, each in a session of its own.

    A program that ends is started again, after a growing wait if it ends soon after its start.
    After five such ends in a row it is left alone until its source changes.

    Args:
        programs: What to keep running; they are started at once, and watched from `watch` on.
        sources: A folder of Python files; a change in it starts every program anew. None watches
            nothing.
        tell: Told, in one sentence, whenever something was started again or given up.
        seconds: A monotonic clock, in seconds.

    Raises:
        StartError: The output of a program cannot be written.
    """

    def __init__(
        self,
        programs: Sequence[Program],
        sources: Path | None,
        tell: Callable[[str], None],
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sources = sources
        self._changed_at = _changed_at(sources)
        self._tell = tell
        self._seconds = seconds
        self._lock = Lock()
        self._closed = Event()
        self._thread = Thread(target=self._watch, name="supervisor")
        self._kept: list[_Kept] = []
        try:
            for program in programs:
                self._kept.append(_Kept(program, started(program), seconds()))
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Supervisor:
        self.watch()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def processes(self) -> tuple[subprocess.Popen[bytes], ...]:
        """The processes as they are just now, in the order of the programs."""
        with self._lock:
            return tuple(kept.process for kept in self._kept)

    def watch(self) -> None:
        """Begin to start again what ends, in a thread of its own."""
        self._thread.start()

    def close(self) -> None:
        """End every process and return when they have ended."""
        self._closed.set()
        if self._thread.ident is not None:
            self._thread.join()
        for kept in self._kept:
            stop(kept.process)

    def _watch(self) -> None:
        before = self._changed_at
        while not self._closed.wait(_LOOK_SECONDS):
            now = _changed_at(self._sources)
            for kept in self._kept:
                if now > before:
                    stop(kept.process)
                    kept.failures = 0
                    self._start(kept, "its source changed")
                else:
                    self._look_at(kept)
            before = now

    def _look_at(self, kept: _Kept) -> None:
        """Start a program again whose time has come, or see whether it has ended."""
        now, status = self._seconds(), kept.process.poll()
        if kept.due is not None:
            if now >= kept.due:
                self._start(kept, f"it had ended with status {status}")
        elif status is not None and kept.failures < _MOST_STARTS:
            kept.failures = kept.failures + 1 if now - kept.begun < _SOON else 0
            if kept.failures >= _MOST_STARTS:
                self._give_up(kept, status)
            else:
                kept.due = now + (_FIRST_WAIT * 2 ** (kept.failures - 1) if kept.failures else 0)

    def _start(self, kept: _Kept, why: str) -> None:
        kept.due, kept.begun = None, self._seconds()
        try:
            process = started(kept.program)
        except StartError as error:
            self._tell(f"{kept.program.name} was not started again: {error}")
            kept.failures = _MOST_STARTS
            return
        with self._lock:
            kept.process = process
        self._tell(f"{kept.program.name} was started again: {why}")

    def _give_up(self, kept: _Kept, status: int) -> None:
        self._tell(
            f"{kept.program.name} ended with status {status} soon after {_MOST_STARTS} starts in a "
            f"row; it starts again when its source changes: {last_words(kept.program.output)}"
        )


def _changed_at(folder: Path | None) -> float:
    """Return when a file of Python in a folder changed last; what vanishes meanwhile is nothing."""
    latest = 0.0
    for root, _, names in os.walk(folder) if folder is not None else ():
        for name in names:
            if name.endswith(".py"):
                with suppress(OSError):
                    latest = max(latest, Path(root, name).stat().st_mtime)
    return latest
