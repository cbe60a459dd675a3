"""Real processes of a local run: started, waited for, and ended by their id."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

_STOPPING_SECONDS = 5.0
_POLL_SECONDS = 0.02

MAIN = Path(__file__).with_name("main.py")
"""The file that functions-framework serves."""


@contextmanager
def running(
    arguments: Sequence[str], environ: Mapping[str, str], output: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """Run this Python with arguments for as long as the block lasts.

    Args:
        arguments: What follows the interpreter, such as `-m functions_framework …`.
        environ: The process's whole environment.
        output: Where what it prints goes.
    """
    with output.open("ab") as sink:
        process = started(arguments, environ, sink)
    try:
        yield process
    finally:
        stop(process)


def started(
    arguments: Sequence[str], environ: Mapping[str, str], sink: IO[bytes]
) -> subprocess.Popen[bytes]:
    """Start this Python with arguments, in a session of its own.

    Ctrl-C in a terminal so reaches only whoever started it, who ends it in its order.
    """
    return subprocess.Popen(  # noqa: S603 - our own modules, no shell
        [sys.executable, *arguments],
        env=dict(environ),
        stdout=sink,
        stderr=sink,
        start_new_session=True,
    )


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process: asked first, then made to."""
    process.terminate()
    try:
        process.wait(_STOPPING_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def wait_until(
    ready: Callable[[], bool],
    process: subprocess.Popen[bytes] | None = None,
    *,
    seconds: float = 20.0,
) -> None:
    """Return once `ready` is true.

    Raises:
        TimeoutError: The process, if one is given, ended, or the time did, before that.
    """
    end = time.monotonic() + seconds
    while not ready():
        if (process and process.poll() is not None) or time.monotonic() > end:
            raise TimeoutError("what was started did not become ready; look at its output")
        time.sleep(_POLL_SECONDS)


def framework(port: int) -> list[str]:
    """Return the arguments that serve the function on a port of 127.0.0.1."""
    target = ["--source", str(MAIN), "--target", "invoke", "--signature-type", "http"]
    return ["-m", "functions_framework", *target, "--host", "127.0.0.1", "--port", str(port)]


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
