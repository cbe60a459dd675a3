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
from handler.cloud.obs import Obs
from handler.cloud.transport import Transport
from handler.local.events import object_event
from handler.local.processes import framework, free_port, listens, running, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

BUCKET = "nightdrop-drop"
_LARGEST_OBJECT = 1_048_576


@dataclass(frozen=True)
class Desk:
    """An emulator and a function that talk to each other over HTTP.

    Attributes:
        cloud: The emulator's URL.
        function: The function's URL.
        obs: OBS, as somebody who drops files calls it.
    """

    cloud: str
    function: str
    obs: Obs

    def invoke(self, event: object) -> dict[str, Any]:
        """POST an event to the function and return its reply."""
        answer = urllib3.request("POST", self.function, json=event, timeout=30)
        reply: dict[str, Any] = answer.json()
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
def desk(folder: Path, settings: Mapping[str, str]) -> Iterator[Desk]:
    """Start both processes, and end them with the block.

    Args:
        folder: Where their output and the emulator's environment file go.
        settings: Further settings for the function.
    """
    env_file = folder / "emulator.env"
    env_file.unlink(missing_ok=True)
    start = ["-m", "handler.cli", "emulator", "--env-file", str(env_file)]
    with running(start, os.environ, folder / "emulator.log") as process:
        wait_until(env_file.exists, process)
        environ = {**_kept_environment(), **_read(env_file), **settings}
        port = free_port()
        with running(framework(port), environ, folder / "function.log") as served:
            wait_until(lambda: listens(port), served)
            transport = Transport(timeout=10)
            cloud = environ["NIGHTDROP_OBS_ENDPOINT"]
            obs = Obs(cloud, credentials(None, environ), transport, _now)
            try:
                yield Desk(cloud, f"http://127.0.0.1:{port}/", obs)
            finally:
                transport.close()


def _kept_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if "NIGHTDROP" not in name}


def _read(env_file: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in env_file.read_text().splitlines())


def _now() -> datetime:
    return datetime.now(timezone.utc)
