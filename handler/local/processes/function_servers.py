"""Runs the function under functions-framework, one supervised process for each instance."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, final

import handler
from handler.errors import StartError
from handler.local.processes.subprocesses import (
    Program,
    last_output_line,
    listens,
    start,
    stop,
    wait_until_ready,
)

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator, Mapping, Sequence

_POLL_SECONDS = 0.3
_EARLY = 10.0  # seconds after its start; a program that exits within them would do so again
_FIRST_WAIT = 0.5  # seconds before the second start in a row; doubled before each further one
_MOST_STARTS = 5

_MAIN = Path(__file__).parents[1] / "main.py"


@dataclass
class _Supervised:
    """A program under supervision; times are in seconds of a monotonic clock.

    `failures` are early exits in a row; `due` is None while it runs or is given up.
    """

    program: Program
    process: subprocess.Popen[bytes]
    started: float
    failures: int = 0
    due: float | None = None


@final
class Supervisor:
    """Keeps programs running until it is closed, each in a session of its own.

    A program that exits is restarted, after a growing wait if it exits soon after its start. After
    five such exits in a row it is not restarted until its source changes.

    Args:
        programs: The programs; they start at once, and are watched once `watch` is called.
        sources: A folder of Python files; a change in it restarts every program. None watches no
            folder.
        report: Receives one sentence about each restart, and about each program it gives up.
        seconds: A monotonic clock, in seconds.
        poll: How long to wait between two looks at the programs and their source, in seconds.

    Raises:
        StartError: The output of a program cannot be written.
    """

    def __init__(
        self,
        programs: Sequence[Program],
        sources: Path | None,
        report: Callable[[str], None],
        seconds: Callable[[], float] = time.monotonic,
        poll: float = _POLL_SECONDS,
    ) -> None:
        self._sources = sources
        self._changed_at = _changed_at(sources)
        self._report = report
        self._seconds = seconds
        self._poll = poll
        self._lock = Lock()
        self._closed = Event()
        self._thread = Thread(target=self._watch, name="supervisor")
        self._supervised: list[_Supervised] = []
        try:
            for program in programs:
                self._supervised.append(_Supervised(program, start(program), seconds()))
        except BaseException:
            self.close()
            raise

    @property
    def processes(self) -> tuple[subprocess.Popen[bytes], ...]:
        """The present processes, in the order of the programs."""
        with self._lock:
            return tuple(entry.process for entry in self._supervised)

    def watch(self) -> None:
        """Start the supervision, in a thread of its own."""
        self._thread.start()

    def close(self) -> None:
        """Stop every process and return when they have exited."""
        self._closed.set()
        if self._thread.ident is not None:
            self._thread.join()
        for entry in self._supervised:
            stop(entry.process)

    def _watch(self) -> None:
        before = self._changed_at
        while not self._closed.wait(self._poll):
            now = _changed_at(self._sources)
            for entry in self._supervised:
                if now > before:
                    stop(entry.process)
                    entry.failures = 0
                    self._start(entry, "its source changed")
                else:
                    self._check(entry)
            before = now

    def _check(self, entry: _Supervised) -> None:
        """Restart a program that is due, or detect that it has exited."""
        now, status = self._seconds(), entry.process.poll()
        if entry.due is not None:
            if now >= entry.due:
                self._start(entry, f"it had exited with status {status}")
        elif status is not None and entry.failures < _MOST_STARTS:
            entry.failures = entry.failures + 1 if now - entry.started < _EARLY else 0
            if entry.failures >= _MOST_STARTS:
                self._give_up(entry, status)
            else:
                entry.due = now + (_FIRST_WAIT * 2 ** (entry.failures - 1) if entry.failures else 0)

    def _start(self, entry: _Supervised, why: str) -> None:
        entry.due, entry.started = None, self._seconds()
        try:
            process = start(entry.program)
        except StartError as error:
            self._report(f"{entry.program.name} was not restarted: {error}")
            entry.failures = _MOST_STARTS
            return
        with self._lock:
            entry.process = process
        self._report(f"{entry.program.name} was restarted: {why}")

    def _give_up(self, entry: _Supervised, status: int) -> None:
        self._report(
            f"{entry.program.name} exited with status {status} soon after {_MOST_STARTS} starts in "
            f"a row; it restarts when its source changes: {last_output_line(entry.program.output)}"
        )


def _changed_at(folder: Path | None) -> float:
    """Return when a Python file in a folder changed last; files that disappear are ignored."""
    latest = 0.0
    for root, _, names in os.walk(folder) if folder is not None else ():
        for name in names:
            if name.endswith(".py"):
                with suppress(OSError):
                    latest = max(latest, Path(root, name).stat().st_mtime)
    return latest


@contextmanager
def function_servers(
    ports: Sequence[int],
    environ: Mapping[str, str],
    folder: Path,
    ended: Event,
    report: Callable[[str], None] | None = None,
) -> Iterator[None]:
    """Serve the function on ports of 127.0.0.1 until the block ends.

    Args:
        ports: The ports, one for each instance.
        environ: The complete environment of each instance.
        folder: Where output goes: `function-PORT.log`.
        ended: Stops the start when it is set.
        report: If given, instances restart when they exit or their source changes, and each restart
            is reported in one sentence.

    Raises:
        StartError: An instance did not start.
        KeyboardInterrupt: `ended` was set before all instances were ready.
    """
    with TemporaryDirectory(prefix="nightdrop-") as sockets:
        programs = [_program(port, environ, folder, Path(sockets)) for port in ports]
        source = Path(handler.__file__).parent
        supervisor = Supervisor(programs, source, report or (lambda _sentence: None))
        try:
            for port, program, process in zip(ports, programs, supervisor.processes, strict=True):
                wait_until_ready(program, process, partial(listens, port), ended)
            if report:
                supervisor.watch()
            yield
        finally:
            supervisor.close()


def _program(port: int, environ: Mapping[str, str], folder: Path, sockets: Path) -> Program:
    """Return an instance, with a folder of its own for the control socket of gunicorn.

    gunicorn puts it into `XDG_RUNTIME_DIR` or `~/.gunicorn`, replacing the socket of any other
    gunicorn there. functions-framework does not pass on the setting `control_socket`.
    """
    runtime = sockets / str(port)
    runtime.mkdir(mode=0o700)
    target = ["--source", str(_MAIN), "--target", "invoke", "--signature-type", "http"]
    arguments = ["-m", "functions_framework", *target, "--host", "127.0.0.1", "--port", str(port)]
    own = {"XDG_RUNTIME_DIR": str(runtime)}
    return Program("the function", arguments, {**environ, **own}, folder / f"function-{port}.log")
