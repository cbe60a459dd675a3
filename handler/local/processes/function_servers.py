"""Runs the function under functions-framework, one process for each instance."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import handler
from handler.local.processes.subprocesses import Program, listens, wait_until_ready
from handler.local.processes.supervisor import Supervisor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from threading import Event

_MAIN = Path(__file__).parents[1] / "main.py"


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
