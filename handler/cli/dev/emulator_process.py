"""Runs an emulator: in this process until a signal or the end of a command, or as a process."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from handler.cli.configuration.environment import environment
from handler.cli.configuration.value import KEYS
from handler.cloud.credentials import credentials
from handler.cloud.http_transport import Transport
from handler.cloud.obs.client import Obs
from handler.errors import SettingsError, StartError
from handler.local.env_file import read_env_file
from handler.local.processes.subprocesses import (
    Program,
    last_output_line,
    listens,
    running,
    stop,
    stop_signals,
    wait_until_ready,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from threading import Event

    from handler.emulator.server import Emulator

BUCKET = "nightdrop-drop"
"""The bucket that files are dropped into."""

PREFIX = "drop/"
"""The prefix of their keys."""

ENV_NAMES = frozenset(
    {
        "NIGHTDROP_REGION",
        "NIGHTDROP_PROJECT_ID",
        "NIGHTDROP_IEF_ENDPOINT",
        "NIGHTDROP_OBS_ENDPOINT",
        "NIGHTDROP_BUCKETS",
        "NIGHTDROP_NOTIFY",
        "NIGHTDROP_SMN_ENDPOINT",
        "HUAWEICLOUD_SDK_PROJECT_ID",
        *KEYS,
    }
)
"""The names that the emulator's environment file sets."""

_TIMEOUT = 10  # seconds

_POLL_SECONDS = 0.05
_SIGNALLED = 128  # a shell's exit status for a process that a signal ended, less the signal


@dataclass(frozen=True)
class EmulatorProcess:
    """A running emulator, with the settings that point at it."""

    environ: Mapping[str, str]
    obs: Obs
    _program: Program
    _process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        """Where it listens, such as `http://127.0.0.1:8071`."""
        return self.environ["NIGHTDROP_OBS_ENDPOINT"]

    def state(self, only: str = "") -> dict[str, Any]:
        """Return its state, or one part of it, such as `jobs`.

        Raises:
            urllib3.exceptions.HTTPError: It does not answer.
            ValueError: Its answer is not JSON.
        """
        import urllib3  # the emulator itself does not pay for its client

        url = f"{self.url}/_emulator/state?only={only}"
        state: dict[str, Any] = urllib3.request("GET", url, retries=False, timeout=_TIMEOUT).json()
        return state

    def set_faults(self, *faults: dict[str, Any]) -> None:
        """Replace all faults that are set; without arguments, clear them."""
        import urllib3  # as above

        urllib3.request("POST", f"{self.url}/_emulator/faults", json=list(faults))

    def exit_reason(self) -> str:
        """Return why it has ended, "" while it runs."""
        if self._process.poll() is None:
            return ""
        return f"the emulator ended by itself: {last_output_line(self._program.output)}"


@contextmanager
def emulator_process(folder: Path, ended: Event, *options: str) -> Iterator[EmulatorProcess]:
    """Run an emulator until the block ends; output and environment file go to the folder.

    `ended` stops the start when it is set; `options` are further ones of `nightdrop emulator`.

    Raises:
        StartError: It did not start.
        KeyboardInterrupt: `ended` was set before it was ready.
    """
    env_file = folder / "emulator.env"
    check_env_file(env_file, ENV_NAMES)
    env_file.unlink(missing_ok=True)
    arguments = ["-m", "handler.cli", "emulator", "--env-file", str(env_file), *options]
    program = Program("the emulator", arguments, clean_environment(), folder / "emulator.log")
    with running(program) as process:
        wait_until_ready(program, process, env_file.exists, ended)
        environ = read_env_file(env_file)
        transport = Transport(timeout=_TIMEOUT)
        now = partial(datetime.now, timezone.utc)
        obs = Obs(environ["NIGHTDROP_OBS_ENDPOINT"], credentials(None, environ), transport, now)
        try:
            yield EmulatorProcess(environ, obs, program, process)
        finally:
            transport.close()


def clean_environment() -> dict[str, str]:
    """Return this process's environment without settings and keys, which would affect the run."""
    return {
        name: value
        for name, value in os.environ.items()
        if "NIGHTDROP" not in name and name not in KEYS and not name.startswith("DESK_")
    }


def serve_emulator(
    emulator: Emulator,
    env_file: Path | None,
    on_listening: Callable[[str], None] = lambda _url: None,
) -> None:
    """Run an emulator until SIGTERM, SIGINT or SIGHUP; call it in the main thread.

    While it listens, its environment is in `env_file` as `NAME=value` lines. `on_listening` is
    called with its URL once the file is written.

    Raises:
        OSError: The file cannot be written.
    """
    with stop_signals() as ended, emulator, _environment_in(env_file, emulator):
        on_listening(emulator.url)
        ended.wait()


def run_with_command(emulator: Emulator, env_file: Path | None, command: Sequence[str]) -> int:
    """Run an emulator until a command that uses it exits, and return the command's exit status.

    The command shares the terminal: Ctrl-C reaches it, and what it does then is its own affair.
    SIGTERM or SIGHUP to the emulator ends the command first. While it listens, its environment is
    in `env_file` as well.

    Raises:
        OSError: The file cannot be written.
        StartError: The command cannot be started.
    """
    ending = {signal.SIGTERM, signal.SIGHUP}
    with stop_signals(ending) as ended, emulator, _environment_in(env_file, emulator):
        try:
            process = subprocess.Popen(  # noqa: S603 - the user's own command, no shell
                command, env={**environment(), **emulator.environment()}
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

    An emulator's file sets no other names than the given ones.

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
            f"{path} belongs to the emulator at {url.geturl()}; stop it, or name another file "
            "(`nightdrop dev`: another --dir)"
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


@contextmanager
def _environment_in(path: Path | None, emulator: Emulator) -> Iterator[None]:
    """Keep the environment of a listening emulator in a file; remove it if it is unchanged."""
    if path is None:
        yield
        return
    environment = emulator.environment()
    write_environment(path, environment)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            if path.read_text(encoding="utf-8") == _lines(environment):
                path.unlink()


def _lines(environment: Mapping[str, str]) -> str:
    return "".join(f"{key}={value}\n" for key, value in environment.items())
