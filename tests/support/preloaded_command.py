"""The `nightdrop` command for shells, without the time that its imports take.

A server process imports the package once. Each call of the command that `preloaded_command` writes
is a process forked from it, with the caller's arguments, folder, environment and standard streams.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from ast import literal_eval
from contextlib import ExitStack, contextmanager, suppress
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import handler
from handler.cli.entry import run

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]

_CLIENT = """\
#!{python} -IS
import os, signal, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    call = [sys.argv, os.getcwd(), dict(os.environ)]
    socket.send_fds(server, [b"."], [0, 1, 2])
    process = int(server.recv(16))
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: os.kill(process, number))
    server.sendall(repr(call).encode())
    server.shutdown(socket.SHUT_WR)
    status = server.recv(4)
sys.exit(int(status) if status else "the command was killed")
"""
"""Of the standard library's quick part only: it starts in a twentieth of the command's time.

It hands the signals that end a command on to the process that runs it.
"""

_SLOW = "handler.cli.audit.web"
"""What takes long to import: only the page of the log needs it."""


@contextmanager
def preloaded_command(*modules: str) -> Iterator[Path]:
    """Yield a folder with the command `nightdrop`, which works until the end of the block.

    Args:
        modules: What is imported; all modules of the package but those of the page by default.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        address = str(folder / "server")
        client = folder / "nightdrop"
        client.write_text(_CLIENT.format(python=sys.executable, address=address))
        client.chmod(0o755)
        call = [sys.executable, "-m", "tests.support.preloaded_command", address, *modules]
        server = stack.enter_context(subprocess.Popen(call, cwd=ROOT, stdout=subprocess.PIPE))
        try:
            assert server.stdout
            assert server.stdout.readline(), "the server of the command did not start"
            yield folder
        finally:
            server.terminate()


def _serve(address: str, *modules: str) -> None:
    for name in modules or _all_but_the_page():
        import_module(name)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(16)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        signal.signal(signal.SIGCHLD, _reap)
        while True:
            connection, _ = listener.accept()
            if not os.fork():
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                listener.close()
                _answer(connection)
            connection.close()


def _all_but_the_page() -> list[str]:
    found = [module.name for module in walk_packages(handler.__path__, "handler.")]
    return [name for name in found if not name.startswith(_SLOW) and not name.endswith("__main__")]


def _reap(*_: object) -> None:
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _answer(connection: socket.socket) -> None:
    """Run the command as a caller asks, and end this process."""
    _, streams, _, _ = socket.recv_fds(connection, 1, 3)
    connection.sendall(str(os.getpid()).encode())
    with connection.makefile("rb") as request:
        arguments, folder, environ = literal_eval(request.read().decode())
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environ)
    tempfile.tempdir = None
    sys.argv = arguments
    status = _status()
    connection.sendall(str(status).encode())
    os._exit(status)


def _status() -> int:
    """Return the status that the command exits with, once all it says is written."""
    try:
        run()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    except BaseException:  # noqa: BLE001 - as the interpreter would
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 1


if __name__ == "__main__":
    _serve(*sys.argv[1:])
