"""Runs an emulator until a signal or the end of a command, with its environment file."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from handler.errors import SettingsError, StartError
from handler.local.env_file import read_env_file
from handler.local.processes.stop_signals import stop_signals
from handler.local.processes.subprocesses import listens, stop

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from handler.emulator.server import Emulator

_POLL_SECONDS = 0.05
_SIGNALLED = 128  # a shell's exit status for a process that a signal ended, less the signal


def serve(
    emulator: Emulator,
    env_file: Path | None,
    announce: Callable[[str], None] = lambda _url: None,
) -> None:
    """Run an emulator until SIGTERM, SIGINT or SIGHUP; call it in the main thread.

    Args:
        emulator: The emulator, not yet started.
        env_file: The file for its environment, as `NAME=value` lines, while it listens; None for
            no file. It is removed at the end.
        announce: Called with its URL once it listens and the file is written.

    Raises:
        OSError: The file cannot be written.
    """
    with stop_signals() as ended:
        with emulator:
            if env_file is not None:
                write_environment(env_file, emulator.environment())
            announce(emulator.url)
            ended.wait()
        if env_file is not None:
            _remove_environment(env_file, emulator.environment())


def run_with_command(emulator: Emulator, command: Sequence[str]) -> int:
    """Run an emulator until a command that uses it exits, and return the command's exit status.

    The command shares the terminal, so Ctrl-C reaches it. A signal to the emulator ends the command
    first.

    Raises:
        StartError: The command cannot be started.
    """
    with stop_signals() as ended, emulator:
        try:
            process = subprocess.Popen(  # noqa: S603 - the user's own command, no shell
                command, env={**os.environ, **emulator.environment()}
            )
        except OSError as error:
            raise StartError(f"cannot start {command[0]}: {error.strerror}") from error
        while process.poll() is None:
            if ended.wait(_POLL_SECONDS):
                stop(process)
    status = process.returncode
    return status if status >= 0 else _SIGNALLED - status


def check_env_file(path: Path, names: Collection[str]) -> None:
    """Check that a file can be written: it does not exist, or an emulator left it behind.

    Args:
        path: The file.
        names: The names that an emulator's file sets.

    Raises:
        StartError: It has other content, it points at a running emulator, or its folder is missing.
    """
    if not path.parent.is_dir():
        raise StartError(f"cannot write {path}: the folder {path.parent} does not exist")
    if not path.exists():
        return
    try:
        present = read_env_file(path)
    except SettingsError:
        present = {"": ""}
    if not present.keys() <= {*names}:
        raise StartError(f"{path} was not written by an emulator; name another file")
    url = urlsplit(present.get("NIGHTDROP_OBS_ENDPOINT", ""))
    if url.port and listens(url.port):
        raise StartError(
            f"{path} belongs to the emulator at {url.geturl()}; stop it, or name another file"
        )


def write_environment(path: Path, environment: Mapping[str, str]) -> None:
    """Write `NAME=value` lines atomically.

    Raises:
        OSError: The file cannot be written.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(_lines(environment))
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _remove_environment(path: Path, environment: Mapping[str, str]) -> None:
    """Remove the file if its content is unchanged."""
    with contextlib.suppress(OSError):
        if path.read_text(encoding="utf-8") == _lines(environment):
            path.unlink()


def _lines(environment: Mapping[str, str]) -> str:
    return "".join(f"{key}={value}\n" for key, value in environment.items())
