"""`nightdrop emulator`: its options, and the events it posts."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from datetime import datetime, timezone
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
import urllib3
from click.testing import CliRunner

from handler.cli.dev.emulator import EventSender
from handler.cli.main import main
from handler.cloud.credentials import credentials
from handler.cloud.http_transport import Transport
from handler.cloud.obs.client import Obs
from handler.emulator.obs.notifications import Notification
from handler.local.triggers.event_factory import SHAPES
from handler.triggers.event_parser import parse_event

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = "drop/a b+c ü.yaml"
ROOT = Path(__file__).parents[3]
FLEET = "nodes: [{name: only, state: UNCONNECTED}]"


class HttpListener(BaseHTTPRequestHandler):
    """Takes events into a queue, or refuses them with a status."""

    def __init__(self, events: Queue[Any], status: int, *connection: Any) -> None:  # noqa: ANN401 - passed on
        self._events = events
        self._status = status
        super().__init__(*connection)

    def do_POST(self) -> None:
        """Take an event."""
        self._events.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(self._status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@contextmanager
def receiver(events: Queue[Any], status: int = 202) -> Iterator[str]:
    """Listen for events; gives the URL."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(HttpListener, events, status)) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()
        thread.join()


@contextmanager
def running(folder: Path, *options: str) -> Iterator[dict[str, str]]:
    """Run the command; gives the content of its environment file."""
    file = folder / "emulator.env"
    command = [sys.executable, "-m", "handler.cli", "emulator", "--env-file", str(file), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert "listens at" in process.stdout.readline()
            yield dict(line.split("=", 1) for line in file.read_text().splitlines())
        finally:
            process.send_signal(signal.SIGTERM)
            status = process.wait(30)
        assert status == 0


def put(environ: dict[str, str], key: str) -> None:
    """Write an object into the emulated bucket."""
    transport = Transport(timeout=5)
    clock = partial(datetime.now, timezone.utc)
    obs = Obs(environ["NIGHTDROP_OBS_ENDPOINT"], credentials(None, environ), transport, clock)
    obs.write("nightdrop-drop", key, b"12", content_type="text/plain")
    transport.close()


def state(environ: dict[str, str]) -> Any:  # noqa: ANN401 - any JSON
    """Return what the emulator holds."""
    return urllib3.request("GET", f"{environ['NIGHTDROP_OBS_ENDPOINT']}/_emulator/state").json()


def test_a_drop_is_posted_and_stored_with_the_requested_fleet(tmp_path: Path) -> None:
    """The event names the object, and another start finds the object again."""
    events: Queue[Any] = Queue()
    (tmp_path / "fleet.yaml").write_text(FLEET)
    kept = ("--dir", str(tmp_path / "cloud"), "--fleet", str(tmp_path / "fleet.yaml"))
    with receiver(events) as url, running(tmp_path, *kept, "--notify", url) as environ:
        put(environ, KEY)
        event = events.get(timeout=5)
    with running(tmp_path, *kept) as environ:
        after = state(environ)
    assert "drop%2Fa+b%2Bc+%C3%BC.yaml" in str(event)
    assert list(after["objects"]["nightdrop-drop"]) == [KEY]
    assert [(node["name"], node["state"]) for node in after["nodes"]] == [("only", "UNCONNECTED")]


UPLOAD = Notification("nightdrop-drop", KEY, 2, "e", "null", "ObjectCreated:Put", "r1")


@pytest.mark.parametrize("shape", list(SHAPES))
def test_an_event_is_what_the_function_takes(shape: str) -> None:
    """In each shape the key comes out as it went in."""
    events: Queue[Any] = Queue()
    with receiver(events) as url:
        EventSender(url, shape)(UPLOAD)
    found = parse_event(events.get(timeout=1), eventgrid_keys="encoded")
    assert isinstance(found, tuple)
    assert [getattr(one, "source", {}).get("key") for one in found] == [KEY]
    assert "r1" in str(found)


def test_an_event_that_is_refused_is_an_error() -> None:
    """So that it is posted again."""
    with receiver(Queue(), 500) as url, pytest.raises(urllib3.exceptions.HTTPError, match="500"):
        EventSender(url, "obs")(UPLOAD)
    with pytest.raises(urllib3.exceptions.HTTPError):
        EventSender("http://127.0.0.1:1/", "obs")(UPLOAD)


@pytest.mark.parametrize(
    ("text", "message"),
    [("nodes: [{name: a, state: x}]", "line 1, nodes[0].state: must be one of"), ("", "empty")],
)
def test_a_fleet_with_errors_is_refused(tmp_path: Path, text: str, message: str) -> None:
    """With the file and the line, and without a trace."""
    (tmp_path / "fleet.yaml").write_text(text)
    result = CliRunner().invoke(main, ["emulator", "--fleet", str(tmp_path / "fleet.yaml")])
    assert (result.exit_code, message in result.output) == (2, True)


def test_a_directory_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    """The message says why."""
    (tmp_path / "emulator.jsonl").write_text("something else\n")
    result = CliRunner().invoke(main, ["emulator", "--dir", str(tmp_path)])
    assert (result.exit_code, "is not an emulator's" in result.output) == (2, True)


def refused(folder: Path, *arguments: str) -> str:
    """Run `nightdrop emulator` here, in a folder and to its end; return its only sentence."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        done = CliRunner().invoke(main, ["emulator", *arguments])
    assert (done.exit_code, done.stdout) == (2, "")
    return done.stderr


def command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `nightdrop emulator` in a folder to its end."""
    return subprocess.run(
        [sys.executable, "-m", "handler.cli", "emulator", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_command_runs_beside_an_emulator_that_is_ready(tmp_path: Path) -> None:
    """With the settings that point at it, and the command's own exit status."""
    code = (
        "import os, sys, urllib3; url = os.environ['NIGHTDROP_IEF_ENDPOINT']; "
        "sys.exit(urllib3.request('GET', url + '/_emulator/state').status - 193)"
    )
    done = command(tmp_path, "--", sys.executable, "-c", code)
    assert (done.returncode, done.stdout, done.stderr) == (7, "", "")


def test_the_environment_file_is_there_while_a_command_runs(tmp_path: Path) -> None:
    """Another terminal can use the same emulator; the file goes with it."""
    file = tmp_path / "emulator.env"
    code = f"print(open({str(file)!r}).read())"
    done = command(tmp_path, "--env-file", str(file), "--", sys.executable, "-c", code)
    assert "NIGHTDROP_OBS_ENDPOINT=http://127.0.0.1:" in done.stdout
    assert not file.exists()


def test_ctrl_c_is_the_commands_own_affair(tmp_path: Path) -> None:
    """It reaches both on a terminal; the emulator stays until the command has ended."""
    code = (
        "import os, signal, sys, time\n"
        "signal.signal(signal.SIGINT, lambda *_: (time.sleep(0.2), sys.exit(5)))\n"
        "os.kill(os.getppid(), signal.SIGINT)\n"
        "os.kill(os.getpid(), signal.SIGINT)\n"
        "time.sleep(9)"
    )
    done = command(tmp_path, "--", sys.executable, "-c", code)
    assert (done.returncode, done.stderr) == (5, "")


def test_a_missing_command_fails_with_one_sentence(tmp_path: Path) -> None:
    """With the status of a command that cannot start."""
    assert refused(tmp_path, "--", "no-such-command") == (
        "nightdrop: cannot start no-such-command: No such file or directory\n"
    )


def test_the_environment_file_is_removed_with_its_emulator_and_not_taken_from_another(
    tmp_path: Path,
) -> None:
    """A second one is refused while the first runs; one left behind by a kill is replaced."""
    file = tmp_path / "emulator.env"
    with running(tmp_path):
        before = file.read_text()
        second = refused(tmp_path, "--env-file", str(file))
        assert "belongs to the emulator at http://127.0.0.1:" in second
        assert file.read_text() == before
    assert not file.exists()
    file.write_text(before)
    port = before.partition("NIGHTDROP_OBS_ENDPOINT=http://127.0.0.1:")[2].split("\n", 1)[0]
    again = command(tmp_path, "--port", port, "--env-file", str(file), "--", "true")
    assert (again.returncode, again.stderr) == (0, "")
    file.write_text(before)
    with running(tmp_path):
        assert file.read_text() != before


@pytest.mark.parametrize("text", ["A=1\n", "no settings at all\n"])
def test_a_file_that_no_emulator_wrote_is_not_replaced(tmp_path: Path, text: str) -> None:
    """Settings of another program, or no settings."""
    (tmp_path / "my.env").write_text(text)
    assert "was not written by an emulator" in refused(tmp_path, "--env-file", "my.env")
    assert (tmp_path / "my.env").read_text() == text


@pytest.mark.parametrize("url", ["foo", "ftp://127.0.0.1/", "http:///"])
def test_the_address_for_events_must_be_a_url(tmp_path: Path, url: str) -> None:
    """Or each event would be lost."""
    assert "must be the URL of a function" in refused(tmp_path, "--notify", url)


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    """With a remedy."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        sentence = refused(tmp_path, "--port", str(port))
    assert f"port {port} of 127.0.0.1 is in use; name another with --port" in sentence
