"""A command that runs beside an emulator, and the file that points other terminals at one."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from handler.errors import SettingsError, StartError
from handler.local.env_file import read_env_file
from handler.local.processes.stop_signals import stop_signals
from handler.local.processes.subprocesses import listens, stop

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from handler.emulator.server import Emulator

_LOOK_SECONDS = 0.05
_SIGNALLED = 128  # a shell's exit status for a process that a signal ended, less the signal


def run_beside(emulator: Emulator, command: Sequence[str]) -> int:
    """Run a command for which an emulator answers, and return its exit status.

    The command shares the terminal, so Ctrl-C reaches it; what asks the emulator to end ends the
    command first.

    Raises:
        StartError: There is no such command.
    """
    with stop_signals() as ended, emulator:
        try:
            process = subprocess.Popen(  # noqa: S603 - what the caller asked for, no shell
                command, env={**os.environ, **emulator.environment()}
            )
        except OSError as error:
            raise StartError(f"{command[0]} cannot be started: {error.strerror}") from error
        while process.poll() is None:
            if ended.wait(_LOOK_SECONDS):
                stop(process)
    status = process.returncode
    return status if status >= 0 else _SIGNALLED - status


def check_env_file(path: Path, names: Collection[str]) -> None:
    """Return if a file may be written: none is there, or one that an emulator has left behind.

    Args:
        path: The file.
        names: What an emulator's file sets.

    Raises:
        StartError: It holds something else, points at an emulator that is running, or its folder
            is missing.
    """
    if not path.parent.is_dir():
        raise StartError(f"{path} cannot be written: there is no folder {path.parent}")
    if not path.exists():
        return
    try:
        there = read_env_file(path)
    except SettingsError:
        there = {"": ""}
    if not there.keys() <= {*names}:
        raise StartError(f"{path} is there and was not written by an emulator; name another place")
    url = urlsplit(there.get("NIGHTDROP_OBS_ENDPOINT", ""))
    if url.port and listens(url.port):
        raise StartError(
            f"{path} belongs to an emulator that listens at {url.geturl()}; end that one first, or "
            "name another place"
        )
