"""Fixtures of the end-to-end tests: an emulated cloud, an instance of the function, processes."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import Any, TypeAlias
from uuid import uuid4

import pytest
import urllib3

from handler.audit.sql.sqlite import SqliteLog
from handler.audit.verification.verdict import verify
from handler.emulator.server import Emulator
from handler.function import handle
from handler.invocation.instance import Instance, open_instance
from handler.local.processes.function_servers import function_servers
from handler.local.processes.subprocesses import free_port
from handler.local.runtime.context import Context

pytest_plugins = (
    "tests.support.running",
    "tests.support.postgres_server",
    "tests.support.object_server",
    "tests.support.month",
)

ROOT = Path(__file__).parent.parent
BUCKET = "nightdrop-drop"

Environ: TypeAlias = dict[str, str]
Reply: TypeAlias = dict[str, Any]
Fire: TypeAlias = Callable[[object], Reply]
Drop: TypeAlias = Callable[..., Any]
Post: TypeAlias = Callable[..., "tuple[int, Any]"]
Spawn: TypeAlias = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """An emulated cloud that runs for one test."""
    with Emulator() as running:
        yield running


@pytest.fixture
def environ(emulator: Emulator, tmp_path: Path) -> Environ:
    """The environment of a function that works against the emulator, with a log of its own."""
    return environment(emulator, tmp_path)


@pytest.fixture
def lines() -> list[str]:
    """The log lines that instances have written."""
    return []


@pytest.fixture
def fire_in(lines: list[str]) -> Iterator[Callable[[Environ, object], Reply]]:
    """Hand an event to an instance opened in an environment; each has one instance."""
    instances: dict[str, Instance] = {}
    with ExitStack() as stack:

        def fire(environ: Environ, event: object) -> Reply:
            place = json.dumps(environ, sort_keys=True)
            if place not in instances:
                instances[place] = open_instance(context(environ), environ, lines.append)
                stack.callback(instances[place].close)
            return handle(event, context(environ), instances[place])

        yield fire


@pytest.fixture
def fire(environ: Environ, fire_in: Callable[[Environ, object], Reply]) -> Fire:
    """Hand an event to one instance of the function, in a fresh context each time."""
    return lambda event: fire_in(environ, event)


@pytest.fixture
def drop(emulator: Emulator) -> Drop:
    """Put an object into the emulated bucket and return its event."""
    return dropping(emulator)


@pytest.fixture
def sample() -> Callable[[str], bytes]:
    """Read a sample event or job spec by its path under `events`."""
    return lambda name: (ROOT / "events" / name).read_bytes()


@pytest.fixture
def tick() -> Callable[..., Reply]:
    """Build the event of a timer whose user event is an inline spec."""
    return timer_event


@pytest.fixture
def recorded(environ: Environ) -> Callable[[], list[Reply]]:
    """Return the fields of every record so far, once the chain was verified."""
    return lambda: records(environ)


@pytest.fixture
def answering() -> Iterator[Callable[[int, bytes], str]]:
    """Start services that answer every request alike; returns each one's URL."""
    with ExitStack() as stack:
        yield lambda status, body: stack.enter_context(_always(status, body))


@pytest.fixture
def spawn() -> Iterator[Spawn]:
    """Start Python processes with the package to import; ended by their ids after the test."""
    with ExitStack() as stack:
        yield lambda arguments, environ: stack.enter_context(_process(arguments, environ))


@pytest.fixture(scope="module")
def cloud() -> Iterator[Emulator]:
    """An emulated cloud that runs for the tests of one module."""
    with Emulator() as running:
        yield running


@pytest.fixture(scope="module")
def cloud_environ(cloud: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Environ:
    """The environment of a function that works against `cloud`, with one log for the module."""
    return environment(cloud, tmp_path_factory.mktemp("cloud"))


@pytest.fixture(scope="module")
def cloud_drop(cloud: Emulator) -> Drop:
    """Put an object into the bucket in `cloud` and return its event."""
    return dropping(cloud)


@pytest.fixture(scope="module")
def cloud_records(cloud_environ: Environ) -> Callable[[], list[Reply]]:
    """Return the fields of every record in the module's log, once its chain was verified."""
    return lambda: records(cloud_environ)


@pytest.fixture(scope="module")
def cloud_fire(cloud_environ: Environ) -> Iterator[Fire]:
    """Hand an event to one instance of the function that works against `cloud`."""
    opened = open_instance(context(cloud_environ), cloud_environ, lambda _line: None)
    yield lambda event: handle(event, context(cloud_environ), opened)
    opened.close()


@pytest.fixture(scope="module")
def serve() -> Iterator[Callable[[Environ], Post]]:
    """Start functions-framework in an environment and return how to POST to it."""
    with ExitStack() as stack:

        def start(environ: Environ) -> Post:
            url = stack.enter_context(serving(environ))
            pool = stack.enter_context(urllib3.PoolManager(retries=False))
            return lambda event, **headers: _posted(pool, url, event, headers)

        yield start


@pytest.fixture(scope="module")
def post(serve: Callable[[Environ], Post], cloud_environ: Environ) -> Post:
    """POST an event to the function behind functions-framework, a process of its own."""
    return serve(cloud_environ)


def environment(emulator: Emulator, folder: Path) -> Environ:
    """Return the settings and keys for a function with its log in a folder."""
    return {
        **emulator.environment(),
        "NIGHTDROP_AUDIT": f"sqlite:///{folder}/audit.db",
        "NIGHTDROP_PREFIX": "drop/",
        "NIGHTDROP_RESULTS": f"obs://{BUCKET}/results/",
        "NIGHTDROP_SWEEP_FROM": "2000-01-01T00:00:00Z",  # before the log of any test
    }


def context(environ: Any) -> Context:  # noqa: ANN401 - any mapping of texts
    """Return the context of an invocation that begins now."""
    return Context.from_environment(environ, str(uuid4()), time.monotonic)


def timer_event(user_event: str, time: str = "2026-11-24T02:00:00+08:00") -> Reply:
    """Return a timer's event."""
    tick = {"version": "v1.0", "trigger_type": "TIMER", "trigger_name": "nightly"}
    return {**tick, "time": time, "user_event": user_event}


def dropping(emulator: Emulator) -> Drop:
    """Return how to drop a file into an emulator's bucket."""

    def put(name: str, data: bytes, *, bucket: str = BUCKET, event_name: str = "Put") -> Reply:
        emulator.state.put_object(bucket, name, data)
        entry = {
            "eventName": f"ObjectCreated:{event_name}",
            "eventTime": "2026-11-23T14:05:31.482Z",
            "responseElements": {"x-obs-request-id": uuid4().hex},
            "obs": {"bucket": {"name": bucket}, "object": {"key": name, "size": len(data)}},
        }
        return {"Records": [entry]}

    return put


def records(environ: Environ) -> list[Reply]:
    """Return the fields of every record, once the chain was verified."""
    log = SqliteLog(environ["NIGHTDROP_AUDIT"].removeprefix("sqlite:///"))
    try:
        kept = list(log.records())
    finally:
        log.close()
    assert verify(kept).whole
    return [record.fields for record in kept]


@contextmanager
def serving(environ: Environ) -> Iterator[str]:
    """Run functions-framework until the end of the block and give its URL."""
    port = free_port()
    with (
        TemporaryDirectory() as folder,
        function_servers([port], _inherited() | environ, Path(folder), Event()),
    ):
        yield f"http://127.0.0.1:{port}/"


def _inherited() -> Environ:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    return {**kept, "PYTHONPATH": str(ROOT), "THREADS": "4"}


@contextmanager
def _process(command: list[str], environ: Environ) -> Iterator[subprocess.Popen[str]]:
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command,
        env=_inherited() | environ,
        stdin=pipe,
        stdout=pipe,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def _posted(
    pool: urllib3.PoolManager, url: str, event: object, headers: dict[str, str]
) -> tuple[int, Any]:
    body = event if isinstance(event, bytes) else json.dumps(event).encode()
    headers = {"Content-Type": "application/json", **headers}
    response = pool.request("POST", url, body=body, headers=headers, timeout=30)
    return response.status, response.json()


@contextmanager
def _always(status: int, body: bytes) -> Iterator[str]:
    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()
