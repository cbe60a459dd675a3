"""The emulator as a whole: in a test, and as a process of its own."""

from __future__ import annotations

import ast
import base64
import hashlib
import hmac
import http.client
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing
from dataclasses import asdict
from datetime import datetime, timezone
from email.utils import formatdate
from pathlib import Path
from queue import Queue
from typing import TYPE_CHECKING

import pytest
import urllib3

from handler.cli.dev.emulator_process import serve_emulator, write_environment
from handler.emulator import server
from handler.emulator.credentials import DEMO_ACCOUNT, Account
from handler.emulator.ief.signature import sign
from handler.emulator.server import Emulator

if TYPE_CHECKING:
    from handler.emulator.obs.notifications import Notification

JOBS = f"/v2/{DEMO_ACCOUNT.project_id}/productmgr/jobs"
SERVE = """
import sys
from pathlib import Path
from handler.cli.dev.emulator_process import serve_emulator
from handler.emulator.server import Emulator
serve_emulator(Emulator(), Path(sys.argv[1]), lambda url: print(url, flush=True))
"""


def create(emulator: Emulator, name: str = "nightly") -> int:
    """Create a job with a signature of the current time and return the status."""
    host = emulator.url.removeprefix("http://")
    date = f"{datetime.now(timezone.utc):%Y%m%dT%H%M%SZ}"
    body = f'{{"job_name": "{name}", "job_type": "node_upgrade"}}'.encode()
    digest = hashlib.sha256(body).hexdigest()
    canonical = f"POST\n{JOBS}/\n\nhost:{host}\nx-sdk-date:{date}\n\nhost;x-sdk-date\n{digest}"
    authorization = (
        f"SDK-HMAC-SHA256 Access={DEMO_ACCOUNT.access_key}, SignedHeaders=host;x-sdk-date, "
        f"Signature={sign(canonical, date, DEMO_ACCOUNT)}"
    )
    headers = {"Host": host, "X-Sdk-Date": date, "Authorization": authorization}
    with closing(http.client.HTTPConnection(host, timeout=5)) as connection:
        connection.request("POST", JOBS, body, headers | {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        return answer.status


def test_a_signature_is_refused_once_it_is_older_than_the_emulator_allows() -> None:
    """The maximum age can be set, so that a test need not wait 15 minutes."""
    with Emulator(clock=lambda: time.time() + 60, signature_seconds=30) as strict:
        assert create(strict) == 400
    with Emulator(clock=lambda: time.time() + 60, signature_seconds=90) as patient:
        assert create(patient) == 201


def test_the_environment_points_a_function_at_it() -> None:
    """Endpoints, project, buckets and keys."""
    with Emulator(buckets=("one", "two")) as emulator:
        environment = emulator.environment()
    assert environment["NIGHTDROP_IEF_ENDPOINT"] == emulator.url
    assert environment["NIGHTDROP_OBS_ENDPOINT"] == emulator.url
    assert environment["NIGHTDROP_BUCKETS"] == "one,two"
    assert environment["HUAWEICLOUD_SDK_SK"] == DEMO_ACCOUNT.secret_key
    assert "HUAWEICLOUD_SDK_SECURITY_TOKEN" not in environment


def test_the_environment_of_temporary_keys_has_their_token() -> None:
    """Under the SDK's own name."""
    with Emulator(account=Account("a", "s", "p", "token")) as emulator:
        assert emulator.environment()["HUAWEICLOUD_SDK_SECURITY_TOKEN"] == "token"


def test_the_keys_are_not_in_an_accounts_text() -> None:
    """A failing test prints its values."""
    text = repr(Account("a", "the-secret", "p", "the-token"))
    assert "the-secret" not in text
    assert "the-token" not in text


def test_every_request_is_remembered_with_its_answer() -> None:
    """Method, path, operation and status."""
    with Emulator(clock=lambda: time.time() + 5) as emulator:
        create(emulator)
        create(emulator, "Bad")
        seen = [(one.method, one.operation, one.status) for one in emulator.state.requests]
    assert seen == [("POST", "CreateBatchJob", 201), ("POST", "CreateBatchJob", 400)]


def test_a_lost_answer_leaves_a_job_and_no_status() -> None:
    """The connection is cut after the commit."""
    with Emulator() as emulator:
        emulator.faults.set([{"operation": "CreateBatchJob", "fault": "lost_answer", "times": 1}])
        with pytest.raises(http.client.RemoteDisconnected):
            create(emulator)
        assert [job.name for job in emulator.state.all_jobs()] == ["nightly"]
        assert [(one.status, one.fault) for one in emulator.state.requests] == [
            (None, "lost_answer")
        ]
        assert create(emulator) == 201


def test_a_duplicate_name_is_refused_on_demand() -> None:
    """Whether the real service does it is unknown."""
    with Emulator() as emulator:
        emulator.faults.set([{"operation": "CreateBatchJob", "fault": "duplicate_name"}])
        assert [create(emulator), create(emulator), create(emulator, "other")] == [201, 400, 201]


def test_a_delayed_request_is_judged_by_the_time_it_arrives() -> None:
    """A signature that grows too old on the way is refused."""
    started = time.time()
    # This clock runs 10,000 times as fast, so a tenth of a second is 1,000 seconds.
    with Emulator(clock=lambda: started + (time.time() - started) * 10_000) as emulator:
        emulator.faults.set([{"operation": "CreateBatchJob", "fault": "delay", "seconds": 0.1}])
        assert create(emulator) == 400
        assert emulator.state.all_jobs() == []


def test_stopping_drops_late_commits() -> None:
    """No thread and no job outlives the emulator."""
    with Emulator() as emulator:
        emulator.faults.set(
            [{"operation": "CreateBatchJob", "fault": "late_commit", "seconds": 60}]
        )
        with pytest.raises(http.client.RemoteDisconnected):
            create(emulator)
        started = time.monotonic()
    assert time.monotonic() - started < 5
    assert emulator.state.all_jobs() == []


def test_a_reset_drops_late_commits() -> None:
    """What belongs to the time before it does not turn up after it."""
    with Emulator() as emulator:
        emulator.faults.set(
            [{"operation": "CreateBatchJob", "fault": "late_commit", "seconds": 60}]
        )
        host = emulator.url.removeprefix("http://")
        with pytest.raises(http.client.RemoteDisconnected):
            create(emulator)
        with closing(http.client.HTTPConnection(host, timeout=5)) as connection:
            connection.request(
                "POST", "/_emulator/reset", headers={"Content-Type": "application/json"}
            )
            assert connection.getresponse().status == 204
        assert [one for one in threading.enumerate() if isinstance(one, threading.Timer)] == []
        assert emulator.state.all_jobs() == []


def test_serving_puts_the_signal_handlers_back() -> None:
    """The process that served behaves as before."""
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    serve_emulator(Emulator(), None, lambda _url: os.kill(os.getpid(), signal.SIGTERM))
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == before


def test_it_shares_no_code_with_what_it_judges() -> None:
    """Of Nightdrop it imports how files are read and checked, who may call; of the SDK nothing."""
    folder = Path(server.__file__).parent
    trees = [ast.parse(file.read_text(encoding="utf-8")) for file in folder.rglob("*.py")]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    named = {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    named |= {one.name for node in nodes if isinstance(node, ast.Import) for one in node.names}
    foreign = {name for name in named if name.split(".")[0] not in sys.stdlib_module_names}
    outside = {name for name in foreign if not name.startswith("handler.emulator")}
    assert outside == {
        "handler.values.canonical_json",
        "handler.values.duration",
        "handler.errors",
        "handler.values.loopback",
        "handler.parsing",
        "handler.parsing.validation_errors",
        "pydantic",
    }


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_process_writes_its_environment_and_ends_at_a_signal(
    tmp_path: Path, number: signal.Signals
) -> None:
    """The file is complete when the URL is announced, and its addresses are listening."""
    file = tmp_path / "emulator.env"
    command = [sys.executable, "-c", SERVE, str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        settings = dict(line.split("=", 1) for line in file.read_text().splitlines())
        host = settings["NIGHTDROP_OBS_ENDPOINT"].removeprefix("http://")
        with closing(http.client.HTTPConnection(host, timeout=5)) as connection:
            connection.request("GET", "/", headers=obs_headers(settings))
            status = connection.getresponse().status
        process.send_signal(number)
        assert process.wait(5) == 0
    assert (url, status) == (settings["NIGHTDROP_IEF_ENDPOINT"], 200)


def obs_headers(settings: dict[str, str], method: str = "GET", path: str = "/") -> dict[str, str]:
    """Sign a request, or a list of the buckets, with the keys of a settings file."""
    date = formatdate(usegmt=True)
    key, text = settings["HUAWEICLOUD_SDK_SK"].encode(), f"{method}\n\n\n{date}\n{path}"
    digest = base64.b64encode(hmac.new(key, text.encode(), hashlib.sha1).digest()).decode()
    return {"Date": date, "Authorization": f"OBS {settings['HUAWEICLOUD_SDK_AK']}:{digest}"}


def test_a_new_object_is_notified_with_its_requests_id() -> None:
    """The id is that of the answer; requests that only read send no notification."""
    notifications: Queue[Notification] = Queue()
    with Emulator(raise_event=notifications.put) as emulator:
        host, headers = emulator.url.removeprefix("http://"), {}
        for method in ("PUT", "GET"):
            with closing(http.client.HTTPConnection(host, timeout=5)) as connection:
                signed = obs_headers(emulator.environment(), method, "/nightdrop-drop/a%20b%2B")
                connection.request(method, "/nightdrop-drop/a%20b%2B", b"12", headers=signed)
                answer = connection.getresponse()
                answer.read()
                headers[method] = answer.headers
        notification = notifications.get(timeout=2)
        assert notifications.empty()
    assert asdict(notification) == {
        "bucket": "nightdrop-drop",
        "key": "a b+",
        "size": 2,
        "etag": hashlib.md5(b"12").hexdigest(),  # noqa: S324 - as OBS
        "version_id": "null",
        "event_name": "ObjectCreated:Put",
        "request_id": headers["PUT"]["x-obs-request-id"],
        "raw_key": False,
    }


def test_the_environment_file_is_complete_and_private(tmp_path: Path) -> None:
    """It replaces an older file; only its owner can read the keys."""
    file = tmp_path / "emulator.env"
    file.write_text("old")
    write_environment(file, {"A": "1", "B": "x=y"})
    assert file.read_text() == "A=1\nB=x=y\n"
    assert file.stat().st_mode & 0o077 == 0
    assert [path.name for path in tmp_path.iterdir()] == ["emulator.env"]


def test_an_environment_file_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    """The error names the path."""
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder"):
        write_environment(tmp_path / "folder", {"A": "1"})
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_faults_nested_too_deeply_are_refused() -> None:
    """As anything that is no list of faults."""
    with Emulator() as emulator:
        headers = {"Content-Type": "application/json"}
        address = f"{emulator.url}/_emulator/faults"
        answer = urllib3.request("POST", address, body=b"[" * 3000, headers=headers)
        assert answer.status == 400
