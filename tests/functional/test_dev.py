"""`nightdrop dev`, started as a user starts it."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from handler.audit.sqlite import SqliteLog
from handler.audit.verify import verify

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
TICK = 'tick=@every 2s={"action": "reconcile"}'


@contextmanager
def dev(folder: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """Run `nightdrop dev` in a folder; ended by Ctrl-C, and by its id if that does nothing."""
    kept = {name: value for name, value in os.environ.items() if "NIGHTDROP" not in name}
    with (folder / "told.txt").open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "handler.cli", "dev", *options],
            cwd=folder,
            env={**kept, "PYTHONPATH": str(ROOT)},
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
        )
    try:
        wait_for(lambda: "failure notices" in told(folder), seconds=40)
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def told(folder: Path) -> str:
    """Return what it has printed so far."""
    return (folder / "told.txt").read_text()


def wait_for(ready: Callable[[], bool], seconds: float = 60) -> None:
    """Return once something is so; fail if it takes too long."""
    end = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.05)


def children(pid: int) -> dict[int, str]:
    """Return the processes below one, with their command lines."""
    found: dict[int, str] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except (OSError, IndexError):
            continue
        if parent == pid:
            found[int(entry.name)] = line
            found |= children(int(entry.name))
    return found


def jobs(folder: Path) -> list[tuple[str, str]]:
    """Return name and state of every job in the log, which may still be without tables."""
    with closing(sqlite3.connect(folder / "dev/audit.db")) as log:
        if not log.execute("SELECT 1 FROM sqlite_master WHERE name = 'jobs'").fetchall():
            return []
        return log.execute("SELECT name, state FROM jobs ORDER BY name").fetchall()


def test_every_dropped_file_becomes_its_jobs_once_though_the_function_is_killed(
    tmp_path: Path,
) -> None:
    """Three files, a kill in the middle, ticks: five jobs, each once, and a whole chain."""
    settings = tmp_path / "patience.env"
    settings.write_text(
        "NIGHTDROP_SETTLE_AFTER=1\nNIGHTDROP_REQUEST_TIMEOUT=2\nRUNTIME_TIMEOUT=8\n"
    )
    options = ["--timer", TICK, "--retries", "2", "--settings", str(settings)]
    with dev(tmp_path, *options) as process:
        samples = ROOT / "events/specs"
        for name in ("nightly-upgrade.yaml", "many.jsonl", "deploy-camera.yaml"):
            (tmp_path / "drop" / name).write_bytes((samples / name).read_bytes())
        wait_for(lambda: "arrived" in told(tmp_path))
        for pid, line in children(process.pid).items():
            if "functions_framework" in line:
                os.kill(pid, signal.SIGKILL)
        wait_for(lambda: "was started again" in told(tmp_path))
        wait_for(
            lambda: len(jobs(tmp_path)) == 5 and "sending" not in dict(jobs(tmp_path)).values()
        )
        wait_for(lambda: {state for _, state in jobs(tmp_path)} <= {"created", "adopted"})
        below = children(process.pid)
    assert process.returncode == 0
    assert not [pid for pid in below if Path(f"/proc/{pid}").exists()], "something is left behind"
    with closing(SqliteLog(tmp_path / "dev/audit.db")) as log:
        assert verify(log.records()).whole


def test_a_broken_file_and_a_mended_one(tmp_path: Path) -> None:
    """The first is told to be rejected, and dropped again under its name it runs."""
    with dev(tmp_path):
        dropped = tmp_path / "drop" / "line 4 + more.yaml"
        dropped.write_text("kind: node_upgrade\nname: Bad\n")
        wait_for(lambda: "rejected" in told(tmp_path))
        dropped.write_text("kind: node_upgrade\nname: good\ntargets: {nodes: [n1]}\n")
        wait_for(lambda: "completed" in told(tmp_path))
    assert "file line 4 + more.yaml" in told(tmp_path)
    assert [state for _, state in jobs(tmp_path)] == ["created"]


def test_what_is_given_up_leaves_a_notice(tmp_path: Path) -> None:
    """Without an agency the function raises, and the failure message says what it needs."""
    with dev(tmp_path, "--no-agency", "--odd-clock", "--retries", "0"):
        (tmp_path / "drop" / "n.yaml").write_text("kind: node_upgrade\n")
        wait_for(lambda: "given up" in told(tmp_path))
    (notice,) = (tmp_path / "dev/failures").iterdir()
    assert "CredentialsError" in notice.read_text()
    assert "give the function an execution agency" in notice.read_text()


def test_a_wrong_schedule_is_told_before_anything_starts(tmp_path: Path) -> None:
    """With status 2, and with what would be right."""
    done = subprocess.run(
        [sys.executable, "-m", "handler.cli", "dev", "--timer", "tick=sometimes=x"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "a cron expression has six fields" in done.stderr
    assert not (tmp_path / "dev").exists()


def test_a_supervisors_signal_ends_what_was_started_too(tmp_path: Path) -> None:
    """As Ctrl-C does: neither the cloud nor the function stays behind."""
    with dev(tmp_path) as process:
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    [cloud] = [line for line in told(tmp_path).splitlines() if line.startswith("the cloud: ")]
    port = urlsplit(cloud.removeprefix("the cloud: ")).port or 0
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)
