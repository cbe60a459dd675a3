"""A desk with the real pieces on it: the emulator and the function, each a process of its own."""

from __future__ import annotations

import os
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import urllib3

from handler.cloud.credentials import credentials
from handler.cloud.http_transport import Transport
from handler.cloud.obs.client import Obs
from handler.errors import StartError
from handler.local.env_file import read_env_file
from handler.local.processes.framework import framework, server_files
from handler.local.processes.subprocesses import (
    Program,
    free_port,
    listens,
    running,
    wait_until_ready,
)
from handler.local.triggers.event_factory import object_event
from handler.values.display import display

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from threading import Event

BUCKET = "nightdrop-drop"
_LARGEST_OBJECT = 1_048_576
_SUCCESS = 200


@dataclass(frozen=True)
class Desk:
    """An emulator and a function that talk to each other over HTTP.

    Attributes:
        cloud: The emulator's URL.
        function: The function's URL.
        obs: OBS, as somebody who drops files calls it.
        ended: Set when the run is to end.
    """

    cloud: str
    function: str
    obs: Obs
    ended: Event

    def invoke(self, event: object) -> dict[str, Any]:
        """POST an event to the function and return its reply.

        Raises:
            StartError: The function failed; the message is the platform's error message.
            KeyboardInterrupt: The run is to end.
        """
        if self.ended.is_set():
            raise KeyboardInterrupt
        try:
            answer = urllib3.request("POST", self.function, json=event, timeout=30)
            reply: dict[str, Any] = answer.json()
        except (urllib3.exceptions.HTTPError, ValueError) as error:
            raise StartError("the function does not answer; see function.log") from error
        if answer.status != _SUCCESS:
            raise StartError(f"the function failed: {display(str(reply.get('errorMessage')))}")
        return reply

    def drop(self, key: str, data: bytes) -> dict[str, Any]:
        """Put a file into the bucket and return the event that OBS would deliver for it."""
        self.obs.write(BUCKET, key, data, content_type="application/octet-stream")
        return object_event(
            BUCKET,
            key,
            data,
            request_id=uuid.uuid4().hex.upper(),
            at=datetime.now(timezone.utc),
        )

    def read(self, key: str) -> bytes:
        """Return a file from the bucket."""
        return self.obs.read(BUCKET, key, max_bytes=_LARGEST_OBJECT).data

    def misbehave(self, *faults: dict[str, Any]) -> None:
        """Make the emulator misbehave; no fault makes it behave again."""
        urllib3.request("POST", f"{self.cloud}/_emulator/faults", json=list(faults))

    def holds(self) -> dict[str, Any]:
        """Return everything the emulator holds."""
        state: dict[str, Any] = urllib3.request("GET", f"{self.cloud}/_emulator/state").json()
        return state


@contextmanager
def desk(folder: Path, settings: Mapping[str, str], ended: Event) -> Iterator[Desk]:
    """Start both processes, and end them with the block.

    Args:
        folder: Where their output and the emulator's environment file go.
        settings: Further settings for the function.
        ended: Set when the run is to end.

    Raises:
        StartError: A process did not start.
        KeyboardInterrupt: The run is to end.
    """
    env_file = folder / "emulator.env"
    start = ["-m", "handler.cli", "emulator", "--env-file", str(env_file)]
    emulator = Program("the emulator", start, os.environ, folder / "emulator.log")
    with running(emulator) as process, server_files() as files:
        wait_until_ready(emulator, process, env_file.exists, ended)
        environ = {**_kept_environment(), **read_env_file(env_file), **settings, **files}
        port = free_port()
        function = Program("the function", framework(port), environ, folder / "function.log")
        with running(function) as served:
            wait_until_ready(function, served, lambda: listens(port), ended)
            transport = Transport(timeout=10)
            cloud = environ["NIGHTDROP_OBS_ENDPOINT"]
            obs = Obs(cloud, credentials(None, environ), transport, _now)
            try:
                yield Desk(cloud, f"http://127.0.0.1:{port}/", obs, ended)
            finally:
                transport.close()


def _kept_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if "NIGHTDROP" not in name}


def _now() -> datetime:
    return datetime.now(timezone.utc)
