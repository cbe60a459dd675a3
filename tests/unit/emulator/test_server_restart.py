"""An emulator whose state is in a directory: restarted, and killed."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import sys
import time
from contextlib import closing, contextmanager, suppress
from datetime import datetime, timezone
from hashlib import sha256
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from handler.emulator.credentials import DEMO_ACCOUNT
from handler.emulator.ief.signature import sign
from handler.emulator.obs.bucket import ObjectVersion
from handler.emulator.server import Emulator
from handler.emulator.state.changes import BucketCreated, ObjectPut, VersioningSet
from handler.emulator.state.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from handler.values.canonical_json import Json

JOBS = f"/v2/{DEMO_ACCOUNT.project_id}/productmgr/jobs"
KEPT = """
import sys
from pathlib import Path
from handler.emulator.state.journal import Journal
from handler.cli.dev.emulator_process import serve_emulator
from handler.emulator.server import Emulator
serve_emulator(Emulator(directory=Path(sys.argv[1])), None, lambda url: print(url, flush=True))
"""


def upgrade(name: str) -> dict[str, Json]:
    """Build the body of an upgrade job."""
    content: Json = {"targets": [{"target_id": f"n{number}"} for number in range(9)]}
    return {"job_name": name, "job_type": "node_upgrade", "job_content": content}


def create_at(url: str, name: str) -> int:
    """Create a job with a signature of the current time and return the status."""
    host = url.removeprefix("http://")
    date = f"{datetime.now(timezone.utc):%Y%m%dT%H%M%SZ}"
    body = json.dumps(upgrade(name)).encode()
    digest = sha256(body).hexdigest()
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


@contextmanager
def kept_in(folder: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Run an emulator that stores its state in a directory; gives its URL and its process."""
    command = [sys.executable, "-c", KEPT, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip(), process
        process.kill()


def kill_after(process: subprocess.Popen[str], answered: list[str], count: int) -> None:
    """Kill a process once so much has been answered; it is likely to be at work just then."""
    end = time.monotonic() + 10
    while len(answered) < count and time.monotonic() < end:
        time.sleep(0.001)
    process.kill()


def test_a_killed_emulator_continues_where_it_stopped(tmp_path: Path) -> None:
    """Its acknowledged changes are there, also when it is killed in the middle of the work."""
    answered: list[str] = []
    with kept_in(tmp_path) as (url, process):
        Thread(target=kill_after, args=(process, answered, 20)).start()
        with suppress(OSError, http.client.HTTPException):
            while create_at(url, f"job-{len(answered)}") == 201:
                answered.append(f"job-{len(answered)}")
        assert process.wait(5) == -signal.SIGKILL
    with Emulator(directory=tmp_path) as emulator:
        names = [job.name for job in emulator.state.all_jobs()]
    assert len(answered) >= 20
    assert names in (answered, [*answered, f"job-{len(answered)}"])


def test_a_directory_stores_jobs_objects_and_versions(tmp_path: Path) -> None:
    """A new emulator says what the one before would say."""
    with Emulator(directory=tmp_path, job_seconds=0, failure_rate=0.5) as first:
        state = first.state
        state.create_job(upgrade("a"))
        state.delete_job(state.create_job(upgrade("b")).job_id)
        state.change(BucketCreated("other"))
        state.change(VersioningSet("other", "Enabled"))
        for data in (b"one", b"two"):
            state.change(ObjectPut("other", "k", ObjectVersion(data, 1, version_id=data.decode())))
        before = state.snapshot()
        assert "Failed" in str(before["jobs"])
    with Emulator(directory=tmp_path) as second:
        bucket_ = second.state.bucket("other")
        assert second.state.snapshot() == before
        assert bucket_ is not None
        assert [one.data for one in bucket_.history("k")] == [b"two", b"one"]
        assert second.state.create_job(upgrade("c")).number == 3


def test_a_reset_is_stored_too(tmp_path: Path) -> None:
    """The state stays empty after a restart."""
    with Emulator(directory=tmp_path) as first:
        first.state.create_job(upgrade("a"))
        first.state.reset()
    with Emulator(directory=tmp_path) as second:
        assert second.state.all_jobs() == []
        assert list(second.state.buckets) == ["nightdrop-drop"]


def test_an_emulator_that_cannot_start_leaves_its_directory_free(tmp_path: Path) -> None:
    """Its port was taken, say."""
    with Emulator() as other, pytest.raises(OSError, match="in use"):
        Emulator(directory=tmp_path, port=int(other.url.rpartition(":")[2]))
    Journal(tmp_path).close()
