"""Starts, awaits and stops the processes of a local run; turns signals into an orderly stop."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Thread
from typing import TYPE_CHECKING

from handler.errors import StartError
from handler.values.display import display

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from pathlib import Path

_STOPPING_SECONDS = 5.0
_POLL_SECONDS = 0.02
_START_SECONDS = 30.0
_TAIL_BYTES = 4096

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True)
class Program:
    """A Python program that runs as a process of its own, in a complete environment.

    `name` is for messages, such as `the function`; output is appended to the file `output`.
    """

    name: str
    arguments: Sequence[str]
    environ: Mapping[str, str]
    output: Path


@contextmanager
def running(program: Program) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program until the block ends."""
    process = start(program)
    try:
        yield process
    finally:
        stop(process)


def start(program: Program) -> subprocess.Popen[bytes]:
    """Start a program, in a session of its own.

    So Ctrl-C in a terminal reaches only the parent, which stops its programs in order.

    Raises:
        StartError: Its output cannot be written.
    """
    try:
        output = os.open(program.output, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    except OSError as error:
        raise StartError(f"cannot write {program.output}: {error.strerror}") from error
    try:
        return subprocess.Popen(  # noqa: S603 - our own modules, no shell
            [sys.executable, *program.arguments],
            env=dict(program.environ),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    finally:
        os.close(output)


def stop(process: subprocess.Popen[bytes]) -> None:
    """Stop a process: SIGTERM, then SIGKILL after five seconds."""
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
    """Wait until `ready` returns true, at most some seconds.

    Raises:
        StartError: The process exited or the time is over; the message has its last line of output.
        KeyboardInterrupt: `ended` was set.
    """
    deadline = time.monotonic() + seconds
    while not ready():
        if process.poll() is not None:
            raise StartError(f"{program.name} did not start: {last_output_line(program.output)}")
        if time.monotonic() > deadline:
            raise StartError(
                f"{program.name} was not ready within {seconds:g} seconds; see {program.output}"
            )
        if ended.wait(_POLL_SECONDS):
            raise KeyboardInterrupt


def last_output_line(output: Path) -> str:
    """Return the last line of a program's output, and the name of the file."""
    try:
        with output.open("rb") as file:
            file.seek(max(0, output.stat().st_size - _TAIL_BYTES))
            lines = file.read().decode("utf-8", "replace").split("\n")
    except OSError as error:
        return f"cannot read {output} ({error.strerror})"
    printed = [line.strip() for line in lines if line.strip()]
    last = display(printed[-1].removeprefix("Error: ")) if printed else "no output"
    return f"{last} (see {output})"


def free_port() -> int:
    """Return a port of 127.0.0.1 that is free at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    """Return whether a server listens on a port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def stop_signals(numbers: Collection[signal.Signals] = _SIGNALS) -> Iterator[Event]:
    """Yield an event that some signals set; no stop signal has another effect in the block.

    No exception is raised at an arbitrary instruction, so no process is started and then lost; a
    second signal does not interrupt the stop. A signal that is ignored (`nohup`) stays ignored. Use
    it in the main thread only.
    """
    ended = Event()
    reader, writer = socket.socketpair()
    writer.setblocking(False)  # noqa: FBT003 - the name says what it is

    def wait() -> None:
        while number := reader.recv(1):
            if number[0] in numbers:
                ended.set()

    # A handler may not take the event's lock, which the interrupted thread may hold: the
    # interpreter writes the signal's number, and this thread reads it.
    waiting = Thread(target=wait, daemon=True)
    waiting.start()
    woken = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, lambda _signal, _frame: None)
    try:
        yield ended
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(woken)
        writer.shutdown(socket.SHUT_WR)  # a forked process may hold a copy
        waiting.join()
        writer.close()
        reader.close()
