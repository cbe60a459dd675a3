"""Processes that are kept running: started again when they end, or when their source changes."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, final

from handler.local.processes import started, stop

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

_LOOK_SECONDS = 0.3


@dataclass(frozen=True)
class Program:
    """What is kept running.

    Attributes:
        name: What people call it.
        arguments: What follows the interpreter.
        environ: Its whole environment.
        output: The file that takes what it prints.
    """

    name: str
    arguments: Sequence[str]
    environ: Mapping[str, str]
    output: Path


@final
class Supervisor:
    """Keeps programs running until it is closed, each in a session of its own.

    Args:
        programs: What to keep running.
        sources: A folder of Python files; a change in it starts every program anew. None watches
            nothing.
        tell: Told, in one sentence, whenever something was started again.
    """

    def __init__(
        self, programs: Sequence[Program], sources: Path | None, tell: Callable[[str], None]
    ) -> None:
        self._programs = tuple(programs)
        self._sources = sources
        self._changed_at = _changed_at(sources)
        self._tell = tell
        self._lock = Lock()
        self._closed = Event()
        self._processes = [_start(program) for program in self._programs]
        self._thread = Thread(target=self._watch, name="supervisor")
        self._thread.start()

    def __enter__(self) -> Supervisor:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pids(self) -> tuple[int, ...]:
        """The ids of the processes as they are just now, in the order of the programs."""
        with self._lock:
            return tuple(process.pid for process in self._processes)

    def close(self) -> None:
        """End every process and return when they have ended."""
        self._closed.set()
        self._thread.join()
        for process in self._processes:
            stop(process)

    def _watch(self) -> None:
        before = self._changed_at
        while not self._closed.wait(_LOOK_SECONDS):
            now = _changed_at(self._sources)
            for index, process in enumerate(self._processes):
                if now > before:
                    stop(process)
                    self._start_again(index, "its source changed")
                elif process.poll() is not None:
                    self._start_again(index, f"it had ended with status {process.returncode}")
            before = now

    def _start_again(self, index: int, why: str) -> None:
        with self._lock:
            self._processes[index] = _start(self._programs[index])
        self._tell(f"{self._programs[index].name} was started again: {why}")


def _start(program: Program) -> subprocess.Popen[bytes]:
    with program.output.open("ab") as sink:
        return started(program.arguments, program.environ, sink)


def _changed_at(folder: Path | None) -> float:
    if folder is None:
        return 0.0
    times = (path.stat().st_mtime for path in folder.rglob("*.py") if path.exists())
    return max(times, default=0.0)
