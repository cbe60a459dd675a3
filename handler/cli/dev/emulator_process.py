"""Runs the emulator as a process, and calls it as its users do."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import partial
from typing import TYPE_CHECKING, Any

import urllib3

from handler.cli.dev.emulator_run import check_env_file
from handler.cloud.credentials import credentials
from handler.cloud.http_transport import Transport
from handler.cloud.obs.client import Obs
from handler.local.env_file import read_env_file
from handler.local.processes.subprocesses import (
    Program,
    last_output_line,
    running,
    wait_until_ready,
)

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from threading import Event

BUCKET = "nightdrop-drop"
"""The bucket that files are dropped into."""

PREFIX = "drop/"
"""The prefix of their keys."""

KEYS = ("HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK", "HUAWEICLOUD_SDK_SECURITY_TOKEN")
"""Environment variables with the keys that the SDK signs with."""

ENV_NAMES = frozenset(
    {
        "NIGHTDROP_REGION",
        "NIGHTDROP_PROJECT_ID",
        "NIGHTDROP_IEF_ENDPOINT",
        "NIGHTDROP_OBS_ENDPOINT",
        "NIGHTDROP_BUCKETS",
        "HUAWEICLOUD_SDK_PROJECT_ID",
        *KEYS,
    }
)
"""The names that the emulator's environment file sets."""

_TIMEOUT = 10  # seconds


@dataclass(frozen=True)
class EmulatorProcess:
    """A running emulator.

    Attributes:
        environ: The settings that point at it.
        obs: Its OBS.
    """

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
        url = f"{self.url}/_emulator/state?only={only}"
        state: dict[str, Any] = urllib3.request("GET", url, retries=False, timeout=_TIMEOUT).json()
        return state

    def set_faults(self, *faults: dict[str, Any]) -> None:
        """Replace all faults that are set; without arguments, clear them."""
        urllib3.request("POST", f"{self.url}/_emulator/faults", json=list(faults))

    def exit_reason(self) -> str:
        """Return why it has ended, "" while it runs."""
        if self._process.poll() is None:
            return ""
        return f"the emulator ended by itself: {last_output_line(self._program.output)}"


@contextmanager
def emulator_process(folder: Path, ended: Event, *options: str) -> Iterator[EmulatorProcess]:
    """Run an emulator until the block ends.

    Args:
        folder: Where its output and its environment file go.
        ended: Stops the start when it is set.
        options: Further options of `nightdrop emulator`.

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
