"""What runs behind `nightdrop dev`: every piece, started in order and ended in reverse."""

from __future__ import annotations

import random
from contextlib import ExitStack
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, final

import urllib3

import handler
from handler.cli.dev.dashboard import Board
from handler.cli.dev.emulator_run import check_env_file
from handler.cli.dev.job_names import PREFIX, object_key
from handler.cli.dev.run_plan import BUCKET, CLOUD_NAMES, clean_environment, local_zone
from handler.cloud.credentials import credentials
from handler.cloud.http_transport import Transport
from handler.cloud.obs.client import Obs
from handler.local.async_invocation.config import AsyncConfig
from handler.local.async_invocation.dispatcher import Environment, LocalFunction
from handler.local.async_invocation.failure_destination import into_folder
from handler.local.env_file import read_env_file
from handler.local.processes.folder_lock import locked_folder
from handler.local.processes.framework import framework, server_files
from handler.local.processes.subprocesses import (
    Program,
    free_port,
    last_words,
    listens,
    running,
    wait_until_ready,
)
from handler.local.processes.supervisor import Supervisor
from handler.local.triggers.drop_folder import DropFolder
from handler.local.triggers.folder_watcher import FolderWatcher, make_drop_folder
from handler.local.triggers.http_listener import HttpListener
from handler.local.triggers.timer_scheduler import Timers

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from threading import Event

    from handler.cli.dev.run_plan import DevPlan
    from handler.values.canonical_json import Json

_LOOK_SECONDS = 0.5


@final
class DevDesk:
    """The emulator, the function, its queue, the timers and the dropbox, from start to end.

    Args:
        plan: What is to run.
        ended: Set when the run is to end.
        echo: Told of every line, where there is no screen to draw on.

    Raises:
        StartError: On entering: something cannot be started, or the folder is in use.
        KeyboardInterrupt: On entering: the run is to end before it has begun.
    """

    def __init__(
        self, plan: DevPlan, ended: Event, echo: Callable[[str], None] | None = None
    ) -> None:
        self._plan = plan
        self._options = plan.options
        self._ended = ended
        self._stack = ExitStack()
        self._cloud = ""
        self._emulator: tuple[Program, subprocess.Popen[bytes]] | None = None
        places: dict[str, str] = {}
        self._places = places
        self.board = Board(places, plan.clock.now, echo)

    def __enter__(self) -> DevDesk:
        try:
            self._start()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.board.say("ending the function and the emulator")
        self._stack.close()

    def watch(self) -> str:
        """Keep the board up to date until the run is to end; return why it cannot go on, or ""."""
        while not self._ended.wait(_LOOK_SECONDS):
            if self._emulator and self._emulator[1].poll() is not None:
                return f"the emulator ended by itself: {last_words(self._emulator[0].output)}"
            try:
                state = urllib3.request(
                    "GET", f"{self._cloud}/_emulator/state?only=jobs", retries=False, timeout=5
                ).json()
            except (urllib3.exceptions.HTTPError, ValueError):
                continue
            self.board.show_jobs(state["jobs"])
        return ""

    def _start(self) -> None:
        self._stack.enter_context(locked_folder(self._options.folder))
        make_drop_folder(self._options.drop)
        self.board.say("starting the emulator and the function; this takes some seconds")
        ports = [free_port() for _ in range(self._options.instances)]
        urls = [f"http://127.0.0.1:{port}/" for port in ports]
        queue = LocalFunction(urls, self._config(), self._surroundings())
        self._stack.callback(queue.close)
        door = self._stack.enter_context(HttpListener(partial(_notified, queue)))
        cloud = self._start_cloud(door.url)
        self._cloud = cloud["NIGHTDROP_OBS_ENDPOINT"]
        self._start_function(ports, cloud)
        timers = Timers(self._plan.timers, queue.submit, self._plan.clock, local_zone())
        self._stack.callback(timers.stop)
        timers.start()
        self._start_dropbox(cloud)
        self._tell_where_to_look(urls)

    def _config(self) -> AsyncConfig:
        return AsyncConfig(
            max_retries=self._options.retries,
            on_failure=into_folder(self._options.folder / "failures"),
        )

    def _surroundings(self) -> Environment:
        chaos = self._options.chaos
        return Environment(
            clock=self._plan.clock,
            chance=random.Random(),  # noqa: S311 - request ids and the spread of retries
            listen=self.board.step,
            chaos=None if chaos is None else random.Random(chaos),  # noqa: S311 - likewise
        )

    def _start_cloud(self, door: str) -> dict[str, str]:
        """Start the emulator and return the settings that point at it."""
        options, folder = self._options, self._options.folder
        env_file = folder / "emulator.env"
        check_env_file(env_file, CLOUD_NAMES)
        env_file.unlink(missing_ok=True)
        arguments = ["-m", "handler.cli", "emulator", "--env-file", str(env_file)]
        arguments += ["--dir", str(folder / "cloud"), "--notify", door, "--shape", options.shape]
        arguments += ["--speed", str(self._plan.fleet_speed)]
        arguments += ["--fleet", str(options.fleet)] if options.fleet else []
        output = folder / "emulator.log"
        program = Program("the emulator", arguments, clean_environment(), output)
        process = self._stack.enter_context(running(program))
        wait_until_ready(program, process, env_file.exists, self._ended)
        self._emulator = program, process
        return read_env_file(env_file)

    def _start_function(self, ports: list[int], cloud: dict[str, str]) -> None:
        folder = self._options.folder
        environ = self._plan.function_environment(cloud)
        programs = [
            Program(
                "the function",
                framework(port),
                {**environ, **self._stack.enter_context(server_files())},
                folder / f"function-{port}.log",
            )
            for port in ports
        ]
        source = Path(handler.__file__).parent
        supervisor = Supervisor(programs, source, self.board.say)
        self._stack.callback(supervisor.close)
        for port, program, process in zip(ports, programs, supervisor.processes, strict=True):
            wait_until_ready(program, process, partial(listens, port), self._ended)
        supervisor.watch()

    def _start_dropbox(self, cloud: dict[str, str]) -> None:
        transport = Transport(timeout=10)
        self._stack.callback(transport.close)
        obs = Obs(self._cloud, credentials(None, cloud), transport, _now)
        folder = DropFolder(
            self._options.drop, partial(_upload, obs), self.board.say, self._plan.largest_spec
        )
        self._stack.enter_context(FolderWatcher(folder))

    def _tell_where_to_look(self, urls: list[str]) -> None:
        folder = self._options.folder
        own_log = "NIGHTDROP_AUDIT" not in self._plan.given
        self._places |= {
            "drop job specs into": f"{self._options.drop}/",
            "the function": " ".join(urls),
            "the cloud": f"{self._cloud}/_emulator/state",
            "audit log": f"nightdrop audit list --audit sqlite:///{folder / 'audit.db'}"
            if own_log
            else f"where {self._options.settings} says (NIGHTDROP_AUDIT)",
            "failure notices": f"{folder / 'failures'}/",
        }
        for name, place in self._places.items():
            if self.board.echo:
                self.board.echo(f"{name}: {place}")
        self.board.say(f"ready: drop a job spec into {self._options.drop}/")


def _notified(queue: LocalFunction, event: Json) -> str:
    """Submit what the bucket tells of, as far as the trigger's prefix lets it through."""
    return queue.submit(event, "object") if object_key(event).startswith(PREFIX) else "filtered"


def _upload(obs: Obs, name: str, data: bytes) -> None:
    obs.write(BUCKET, f"{PREFIX}{name}", data, content_type="application/octet-stream")


def _now() -> datetime:
    return datetime.now(timezone.utc)
