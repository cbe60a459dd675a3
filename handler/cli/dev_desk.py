"""What runs behind `nightdrop dev`: every piece, started in order and ended in reverse."""

from __future__ import annotations

import os
import random
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, final

import urllib3

import handler
from handler.cli.dev_board import Board
from handler.cli.dev_names import object_key
from handler.cloud.credentials import credentials
from handler.cloud.obs import Obs
from handler.cloud.transport import Transport
from handler.local.async_config import AsyncConfig
from handler.local.destination import into_folder
from handler.local.door import Door
from handler.local.dropbox import Dropbox
from handler.local.functiongraph import LocalFunction, Surroundings
from handler.local.processes import framework, free_port, listens, running, wait_until
from handler.local.supervisor import Program, Supervisor
from handler.local.timers import Timers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import tzinfo
    from threading import Event

    from handler.canonical import Json
    from handler.local.clock import Clock
    from handler.local.timers import Timer

BUCKET = "nightdrop-drop"
PREFIX = "drop/"
_LOOK_SECONDS = 0.5
# With them in its environment the function would not miss an agency.
_KEYS = ("HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK", "HUAWEICLOUD_SDK_SECURITY_TOKEN")


@dataclass(frozen=True)
class DevOptions:
    """What the command line asks for; its `--help` says what each means."""

    drop: Path
    timers: tuple[str, ...]
    settings: Path | None
    folder: Path
    instances: int
    retries: int
    shape: str
    speed: float
    start: datetime | None
    chaos: int | None
    fleet: Path | None
    no_agency: bool
    odd_clock: bool


@final
class DevDesk:
    """The emulator, the function, its queue, the timers and the dropbox, from start to end.

    Args:
        options: What was asked for.
        timers: The timers, read.
        clock: The clock of timers and queue.
        echo: Told of every line, where there is no screen to draw on.
    """

    def __init__(
        self,
        options: DevOptions,
        timers: Sequence[Timer],
        clock: Clock,
        echo: Callable[[str], None] | None,
    ) -> None:
        self._options = options
        self._timers = timers
        self._clock = clock
        self._stack = ExitStack()
        self._cloud = ""
        places: dict[str, str] = {}
        self._places = places
        self.board = Board(places, clock.now, echo)

    def __enter__(self) -> DevDesk:
        try:
            self._start()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def watch(self, ended: Event) -> None:
        """Keep the board up to date until it is said to end."""
        while not ended.wait(_LOOK_SECONDS):
            try:
                state = urllib3.request(
                    "GET", f"{self._cloud}/_emulator/state?only=jobs", retries=False, timeout=5
                ).json()
            except (urllib3.exceptions.HTTPError, ValueError):
                continue
            self.board.show_jobs(state["jobs"])

    def _start(self) -> None:
        self._options.folder.mkdir(parents=True, exist_ok=True)
        ports = [free_port() for _ in range(self._options.instances)]
        urls = [f"http://127.0.0.1:{port}/" for port in ports]
        queue = LocalFunction(urls, self._config(), self._surroundings())
        self._stack.callback(queue.close)
        door = self._stack.enter_context(Door(partial(_notified, queue)))
        cloud = self._start_cloud(door.url)
        self._cloud = cloud["NIGHTDROP_OBS_ENDPOINT"]
        self._start_function(ports, cloud)
        timers = Timers(self._timers, queue.submit, self._clock, local_zone())
        self._stack.callback(timers.stop)
        timers.start()
        self._start_dropbox(cloud)
        self._tell_where_to_look(urls)

    def _config(self) -> AsyncConfig:
        return AsyncConfig(
            max_retries=self._options.retries,
            on_failure=into_folder(self._options.folder / "failures"),
        )

    def _surroundings(self) -> Surroundings:
        chaos = self._options.chaos
        return Surroundings(
            clock=self._clock,
            chance=random.Random(),  # noqa: S311 - request ids and the spread of retries
            listen=self.board.step,
            chaos=None if chaos is None else random.Random(chaos),  # noqa: S311 - likewise
        )

    def _start_cloud(self, door: str) -> dict[str, str]:
        """Start the emulator and return the settings that point at it."""
        options, folder = self._options, self._options.folder
        env_file = folder / "emulator.env"
        env_file.unlink(missing_ok=True)
        arguments = ["-m", "handler.cli", "emulator", "--env-file", str(env_file)]
        arguments += ["--dir", str(folder / "cloud"), "--notify", door, "--shape", options.shape]
        arguments += ["--speed", str(max(60.0, options.speed))]
        arguments += ["--fleet", str(options.fleet)] if options.fleet else []
        output = folder / "emulator.log"
        process = self._stack.enter_context(running(arguments, _environment(), output))
        wait_until(env_file.exists, process)
        return _lines(env_file)

    def _start_function(self, ports: list[int], cloud: dict[str, str]) -> None:
        options, folder = self._options, self._options.folder
        environ = {
            **_environment(),
            "NIGHTDROP_AUDIT": f"sqlite:///{(folder / 'audit.db').resolve()}",
            "NIGHTDROP_PREFIX": PREFIX,
            "NIGHTDROP_RESULTS": f"obs://{BUCKET}/results/",
            **self._context(cloud),
            **(_lines(options.settings) if options.settings else {}),
        }
        programs = [
            Program("the function", framework(port), environ, folder / f"function-{port}.log")
            for port in ports
        ]
        source = Path(handler.__file__).parent
        self._stack.enter_context(Supervisor(programs, source, self.board.say))
        for port in ports:
            wait_until(partial(listens, port))

    def _context(self, cloud: dict[str, str]) -> dict[str, str]:
        """Return what the function is told of the cloud: no keys, but where its agency is."""
        told = {name: value for name, value in cloud.items() if name not in _KEYS}
        if not self._options.no_agency:
            told["DESK_AGENCY"] = f"{self._cloud}/_emulator/credentials"
        if self._options.odd_clock:
            told["DESK_ODD_CLOCK"] = "1"
        return told

    def _start_dropbox(self, cloud: dict[str, str]) -> None:
        transport = Transport(timeout=10)
        self._stack.callback(transport.close)
        obs = Obs(self._cloud, credentials(None, cloud), transport, _now)
        self._stack.enter_context(
            Dropbox(self._options.drop, partial(_upload, obs), self.board.say)
        )

    def _tell_where_to_look(self, urls: list[str]) -> None:
        folder = self._options.folder
        self._places |= {
            "drop job specs into": f"{self._options.drop}/",
            "the function": " ".join(urls),
            "the cloud": f"{self._cloud}/_emulator/state",
            "audit log": f"nightdrop audit list --audit sqlite:///{folder / 'audit.db'}",
            "failure notices": f"{folder / 'failures'}/",
        }
        for name, place in self._places.items():
            if self.board.echo:
                self.board.echo(f"{name}: {place}")


def _notified(queue: LocalFunction, event: Json) -> str:
    """Submit what the bucket tells of, as far as the trigger's prefix lets it through."""
    return queue.submit(event, "object") if object_key(event).startswith(PREFIX) else "filtered"


def _upload(obs: Obs, name: str, data: bytes) -> None:
    obs.write(BUCKET, f"{PREFIX}{name}", data, content_type="application/octet-stream")


def _environment() -> dict[str, str]:
    """Return this process's environment without what would reach into the desk from outside."""
    return {
        name: value
        for name, value in os.environ.items()
        if "NIGHTDROP" not in name and name not in _KEYS and not name.startswith("DESK_")
    }


def _lines(file: Path) -> dict[str, str]:
    lines = (line.strip() for line in file.read_text().splitlines())
    named = [line for line in lines if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in named)


def local_zone() -> tzinfo:
    """Return this machine's zone, in which schedules without one are read."""
    return datetime.now().astimezone().tzinfo or timezone.utc


def _now() -> datetime:
    return datetime.now(timezone.utc)
