"""The parts of `nightdrop dev`, started in order and stopped in reverse."""

from __future__ import annotations

import fcntl
import json
import os
import random
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, final

import urllib3

from handler.cli.dev.dashboard import Dashboard
from handler.cli.dev.emulator_process import (
    BUCKET,
    PREFIX,
    EmulatorProcess,
    emulator_process,
    write_environment,
)
from handler.cli.dev.event_line import object_key
from handler.cli.dev.run_plan import local_zone
from handler.emulator.http.messages import Request, Response, json_response
from handler.emulator.http.server import HttpServer
from handler.errors import StartError
from handler.local.async_invocation.config import AsyncConfig, into_folder
from handler.local.async_invocation.dispatcher import LARGEST_EVENT, Environment, LocalFunction
from handler.local.processes.function_servers import function_servers
from handler.local.processes.subprocesses import free_port
from handler.local.triggers.drop_folder import DropFolder, make_drop_folder, watching
from handler.local.triggers.timer_scheduler import Timers
from handler.values.loopback import refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path
    from threading import Event

    from handler.cli.dev.run_plan import DevPlan
    from handler.cloud.obs.client import Obs
    from handler.values.canonical_json import Json

_POLL_SECONDS = 0.5

_NAME = ".lock"

OPERATOR_FILE = "operator.env"
"""The settings and keys for commands against the run, in its folder."""


@final
class LocalRun:
    """The emulator, the function with its queue, the timers and the drop folder.

    `ended` is set when the run must end; `echo` receives every line if there is no screen.

    Raises:
        StartError: On entering: something cannot be started, or the folder is in use.
        KeyboardInterrupt: On entering: `ended` was set before everything was started.
    """

    def __init__(
        self, plan: DevPlan, ended: Event, echo: Callable[[str], None] | None = None
    ) -> None:
        self._plan = plan
        self._options = plan.options
        self._ended = ended
        self._stack = ExitStack()
        self.dashboard = Dashboard(plan.clock.now, echo)

    def __enter__(self) -> LocalRun:
        try:
            self._start()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.dashboard.add_sentence("stopping the function and the emulator")
        self._stack.close()

    def watch(self) -> str:
        """Update the dashboard until the run must end; return why it cannot go on, or ""."""
        while not self._ended.wait(_POLL_SECONDS):
            if reason := self._emulator.exit_reason():
                return reason
            try:
                jobs = self._emulator.state("jobs")["jobs"]
            except (urllib3.exceptions.HTTPError, ValueError):
                continue
            self.dashboard.show_jobs(jobs)
        return ""

    def _start(self) -> None:
        options, enter = self._options, self._stack.enter_context
        enter(locked_folder(options.folder))
        make_drop_folder(options.drop)
        self.dashboard.add_sentence(
            "starting the emulator and the function; this takes some seconds"
        )
        ports = [free_port() for _ in range(options.instances)]
        urls = [f"http://127.0.0.1:{port}/" for port in ports]
        queue = self._queue(urls)
        self._stack.callback(queue.close)
        notify_url = enter(event_listener(partial(_submit_notification, queue)))
        self._emulator = self._start_emulator(notify_url)
        environ = self._plan.function_environment(self._emulator.environ)
        report = self.dashboard.add_sentence
        enter(self._operator_settings(environ))
        enter(function_servers(ports, environ, options.folder, self._ended, report))
        timers = Timers(self._plan.timers, queue.submit, self._plan.clock, local_zone())
        self._stack.callback(timers.stop)
        timers.start()
        upload = partial(_upload, self._emulator.obs)
        enter(watching(DropFolder(options.drop, upload, report, self._plan.largest_spec)))
        self._show_addresses(urls)

    def _queue(self, urls: list[str]) -> LocalFunction:
        options = self._options
        config = AsyncConfig(
            max_retries=options.retries, on_failure=into_folder(options.folder / "failures")
        )
        environment = Environment(
            clock=self._plan.clock,
            chance=random.Random(),  # noqa: S311 - request ids and the spread of retries
            listen=self.dashboard.add_event,
            chaos=None if options.chaos is None else random.Random(options.chaos),  # noqa: S311 - injects faults
        )
        return LocalFunction(urls, config, environment)

    def _start_emulator(self, notify_url: str) -> EmulatorProcess:
        options = self._options
        arguments = ["--dir", str(options.folder / "cloud"), "--speed", str(self._plan.fleet_speed)]
        arguments += ["--notify", notify_url, "--shape", options.shape]
        arguments += ["--fleet", str(options.fleet)] if options.fleet else []
        process = emulator_process(options.folder, self._ended, *arguments)
        return self._stack.enter_context(process)

    @contextmanager
    def _operator_settings(self, environ: Mapping[str, str]) -> Iterator[None]:
        """Write the settings and keys for commands against this run into a file; remove it."""
        file = self._options.folder / OPERATOR_FILE
        given = {name: value for name, value in environ.items() if "NIGHTDROP" in name}
        write_environment(file, {**self._emulator.environ, **given})
        try:
            yield
        finally:
            file.unlink(missing_ok=True)

    def _show_addresses(self, urls: list[str]) -> None:
        folder = self._options.folder
        own_log = "NIGHTDROP_AUDIT" not in self._plan.given
        addresses = {
            "drop job specs into": f"{self._options.drop}/",
            "the function": " ".join(urls),
            "the cloud": f"{self._emulator.url}/_emulator/state",
            "audit log": f"nightdrop audit list --audit sqlite:///{folder / 'audit.db'}"
            if own_log
            else f"set in {self._options.settings} (NIGHTDROP_AUDIT)",
            "failure notices": f"{folder / 'failures'}/",
            "commands": f"nightdrop --env-file {folder / OPERATOR_FILE} …",
        }
        self.dashboard.show_addresses(addresses)
        self.dashboard.add_sentence(f"ready: drop a job spec into {self._options.drop}/")


def _submit_notification(queue: LocalFunction, event: Json) -> str:
    """Submit an event of the bucket, unless the trigger's prefix excludes its object."""
    return queue.submit(event, "object") if object_key(event).startswith(PREFIX) else "filtered"


def _upload(obs: Obs, name: str, data: bytes) -> None:
    obs.write(BUCKET, f"{PREFIX}{name}", data, content_type="application/octet-stream")


@contextmanager
def event_listener(submit: Callable[[Json], str]) -> Iterator[str]:
    """Accept events on a free port of 127.0.0.1 until the block ends, and yield the URL.

    `POST /` answers 202 with the id of the request, which `submit` returns; it is called by several
    threads. No web page can post to it.
    """
    server = HttpServer(0, partial(_accept_event, submit), largest_body=LARGEST_EVENT)
    server.start()
    try:
        yield f"http://127.0.0.1:{server.port}/"
    finally:
        server.stop()


def _accept_event(submit: Callable[[Json], str], request: Request) -> Response:
    if refused := refusal("POST", request.values):
        return json_response(refused.status, {"error": refused.reason})
    if (request.method, request.path) != ("POST", "/"):
        return json_response(404, {"error": "POST events to /"})
    try:
        return json_response(202, {"request_id": submit(json.loads(request.body))})
    except (ValueError, RecursionError) as error:
        return json_response(400, {"error": f"the event was not accepted: {error}"})


@contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """Lock a folder until the block ends; create it if it does not exist.

    The system releases the lock when the process ends, however it ends; the lock file stays.

    Raises:
        StartError: The folder cannot be created or written, or another process has locked it.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = os.open(folder / _NAME, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StartError(
            f"cannot use the folder {folder}: {error.strerror}; name another with --dir"
        ) from error
    try:
        _lock(file, folder)
        yield
    finally:
        os.close(file)


def _lock(file: int, folder: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = os.read(file, 20).decode("ascii", "replace").strip()
        raise StartError(
            f"the folder {folder} is in use by another run"
            + (f", process {holder}" if holder.isdecimal() else "")
            + "; stop it, or name another folder with --dir"
        ) from error
    os.ftruncate(file, 0)
    os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
