"""The parts of `nightdrop dev`, started in order and stopped in reverse."""

from __future__ import annotations

import json
import random
from collections import Counter
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, final

import urllib3

from handler.audit.job_end import ENDED, SUCCESSFUL
from handler.cli.console import LATER
from handler.cli.dev.dashboard import Dashboard
from handler.cli.dev.emulator_process import (
    BUCKET,
    PREFIX,
    EmulatorProcess,
    emulator_process,
    write_environment,
)
from handler.cli.dev.event_line import object_key
from handler.cli.dev.folder_lock import locked_folder
from handler.cli.dev.run_plan import local_zone
from handler.emulator.http.messages import Request, Response, json_response
from handler.emulator.http.server import HttpServer
from handler.local.async_invocation.config import AsyncConfig, into_folder
from handler.local.async_invocation.dispatcher import LARGEST_EVENT, Environment, LocalFunction
from handler.local.processes.function_servers import function_servers
from handler.local.processes.subprocesses import free_port
from handler.local.triggers.drop_folder import DropFolder, make_drop_folder, watching
from handler.local.triggers.timer_scheduler import Timers
from handler.values.display import quantity
from handler.values.loopback import refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from threading import Event

    from handler.cli.dev.run_plan import DevPlan
    from handler.values.canonical_json import Json

_POLL_SECONDS = 0.5
_WRONG = frozenset({"rejected", "partial", "given up"})

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
        self._uploads = 0
        self._notified: list[str] = []  # several threads append to it
        self._reconciled: set[tuple[str, str]] | None = None
        self._statuses: set[str] = set()
        self._not_uploaded = 0
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
        """Update the dashboard until the run must end; return why it cannot go on, or "".

        With `once` it ends when nothing is left to do.
        """
        while not self._ended.wait(_POLL_SECONDS):
            quiet = self._options.once and self._is_quiet()
            if reason := self._emulator.exit_reason():
                return reason
            try:
                jobs = self._emulator.state("job_list")["job_list"]
                messages = self._emulator.state("messages")["messages"]
            except (urllib3.exceptions.HTTPError, ValueError):
                continue
            self.dashboard.show_jobs(jobs)
            self.dashboard.show_notices(messages)
            self._statuses = {str(job["status"]) for job in jobs}
            self._not_uploaded = self._drop_folder.refused
            if quiet and self._statuses <= ENDED and self._is_reconciled(jobs):
                break
        return ""

    def exit_status(self) -> int:
        """Return the exit status of a run with `once`."""
        return status_of(self.dashboard.outcomes, self._statuses, self._not_uploaded)

    def end_words(self) -> str:
        """Return what is to be said at the end of a run: where its log is, and what went wrong."""
        words = ["ended", f"log and state are in {self._options.folder}/"]
        if self._options.once:
            words += wrong_of(self.dashboard.outcomes, self._statuses, self._not_uploaded)
        return "; ".join(words)

    def _is_quiet(self) -> bool:
        """Return whether every dropped file was uploaded, and every event processed."""
        notified = len(self._notified) >= self._uploads
        return self._drop_folder.idle and notified and self._queue.settle(0)

    def _is_reconciled(self, jobs: Sequence[Mapping[str, Any]]) -> bool:
        """Return whether the reconciler has run since jobs ended; run it if it has not.

        It may start the next wave of a rollout, whose jobs end later.
        """
        ended = {(str(job["job_id"]), str(job["status"])) for job in jobs}
        if self._reconciled != ended:
            self._reconciled = ended
            self._queue.submit({"action": "reconcile"}, "timer")
            return False
        return True

    def _start(self) -> None:
        options, enter = self._options, self._stack.enter_context
        enter(locked_folder(options.folder))
        make_drop_folder(options.drop)
        self.dashboard.add_sentence(
            "starting the emulator and the function; this takes some seconds"
        )
        ports = [free_port() for _ in range(options.instances)]
        urls = [f"http://127.0.0.1:{port}/" for port in ports]
        queue = self._queue = self._start_queue(urls)
        self._stack.callback(queue.close)
        notify_url = enter(event_listener(self._submit_notification))
        self._emulator = self._start_emulator(notify_url)
        environ = self._plan.function_environment(self._emulator.environ)
        report = self.dashboard.add_sentence
        enter(self._operator_settings(environ))
        enter(function_servers(ports, environ, options.folder, self._ended, report))
        timers = Timers(self._plan.timers, queue.submit, self._plan.clock, local_zone())
        self._stack.callback(timers.stop)
        timers.start()
        largest = self._plan.largest_spec
        self._drop_folder = DropFolder(options.drop, self._upload, report, largest)
        enter(watching(self._drop_folder))
        self._show_addresses(urls)

    def _upload(self, name: str, data: bytes) -> None:
        self._uploads += 1
        try:
            self._emulator.obs.write(
                BUCKET, f"{PREFIX}{name}", data, content_type="application/octet-stream"
            )
        except BaseException:
            self._uploads -= 1
            raise

    def _submit_notification(self, event: Json) -> str:
        """Submit an event of the bucket, unless the trigger's prefix excludes its object."""
        if not object_key(event).startswith(PREFIX):
            return "filtered"
        request_id = self._queue.submit(event, "object")
        self._notified.append(request_id)
        return request_id

    def _start_queue(self, urls: list[str]) -> LocalFunction:
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
        arguments += ["--notify", notify_url, "--shape", options.shape, "--notices"]
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


def status_of(outcomes: Sequence[str], statuses: Collection[str], not_uploaded: int) -> int:
    """Return the exit status of a run with `once`.

    Args:
        outcomes: The words for its events; the last one is that of the reconciler.
        statuses: The statuses of the jobs on the fleet.
        not_uploaded: How many files in the drop folder were not uploaded.
    """
    if wrong_of(outcomes, statuses, not_uploaded):
        return 1
    return 0 if [*outcomes][-1:] == ["completed"] else LATER


def wrong_of(outcomes: Sequence[str], statuses: Collection[str], not_uploaded: int) -> list[str]:
    """Return what went wrong in a run, in words; the arguments are those of `status_of`."""
    counted = Counter(word for word in outcomes if word in _WRONG)
    wrong = [f"{quantity(count, 'event')} {word}" for word, count in counted.items()]
    if not_uploaded:
        wrong.append(f"{quantity(not_uploaded, 'file')} not uploaded")
    bad = sorted({*statuses} - {SUCCESSFUL})
    return [*wrong, *([f"a job on the fleet is {', '.join(bad)}"] if bad else [])]


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
