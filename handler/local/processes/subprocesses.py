"""Real processes of a local run: started, waited for, and ended by their id."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from handler.errors import StartError
from handler.values.display import display

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path
    from threading import Event

_STOPPING_SECONDS = 5.0
_POLL_SECONDS = 0.02
_START_SECONDS = 30.0
_TAIL_BYTES = 4096


@dataclass(frozen=True)
class Program:
    """What is run as a process of its own.

    Attributes:
        name: What people call it, such as `the function`.
        arguments: What follows the interpreter, such as `-m functions_framework …`.
        environ: Its whole environment.
        output: The file that takes what it prints.
    """

    name: str
    arguments: Sequence[str]
    environ: Mapping[str, str]
    output: Path


@contextmanager
def running(program: Program) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program for as long as the block lasts."""
    process = started(program)
    try:
        yield process
    finally:
        stop(process)


def started(program: Program) -> subprocess.Popen[bytes]:
    """Start a program, in a session of its own.

    Ctrl-C in a terminal so reaches only whoever started it, who ends it in its order.

    Raises:
        StartError: Its output cannot be written.
    """
    try:
        sink = os.open(program.output, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    except OSError as error:
        raise StartError(f"{program.output} cannot be written: {error.strerror}") from error
    try:
        return subprocess.Popen(  # noqa: S603 - our own modules, no shell
            [sys.executable, *program.arguments],
            env=dict(program.environ),
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            start_new_session=True,
        )
    finally:
        os.close(sink)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process: asked first, then made to."""
    process.terminate()
    try:
        process.wait(_STOPPING_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def wait_until_ready(
    program: Program,
    process: subprocess.Popen[bytes],
    ready: Callable[[], bool],
    ended: Event,
    seconds: float = _START_SECONDS,
) -> None:
    """Return once a program that was started is ready.

    Args:
        program: What was started.
        process: Its process.
        ready: Whether it is ready.
        ended: Set when the whole run is to end.
        seconds: How long it may take.

    Raises:
        StartError: The process ended, or the time did; the message has the last line it printed.
        KeyboardInterrupt: The run is to end.
    """
    end = time.monotonic() + seconds
    while not ready():
        if process.poll() is not None:
            raise StartError(f"{program.name} did not start: {last_words(program.output)}")
        if time.monotonic() > end:
            raise StartError(
                f"{program.name} was not ready within {seconds:g} seconds; see {program.output}"
            )
        if ended.wait(_POLL_SECONDS):
            raise KeyboardInterrupt


def last_words(output: Path) -> str:
    """Return the last line that a program printed, and where to read the rest."""
    try:
        with output.open("rb") as file:
            file.seek(max(0, output.stat().st_size - _TAIL_BYTES))
            lines = file.read().decode("utf-8", "replace").split("\n")
    except OSError as error:
        return f"{output} cannot be read ({error.strerror})"
    said = [line.strip() for line in lines if line.strip()]
    last = display(said[-1].removeprefix("Error: ")) if said else "it printed nothing"
    return f"{last} (see {output})"


def free_port() -> int:
    """Return a port on 127.0.0.1 that nothing listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    """Return whether something answers on a port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
