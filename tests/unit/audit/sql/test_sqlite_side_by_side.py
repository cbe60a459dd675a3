"""Many threads and processes append to one file at once: one valid chain, no error."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from handler.audit.sql.sqlite import SqliteLog
from handler.audit.verification.verdict import verify

if TYPE_CHECKING:
    from collections.abc import Callable

    from handler.audit.log import Decide

Noted: TypeAlias = "Callable[..., Decide[str]]"

ROOT = Path(__file__).parents[4]
APPEND = """
import sys
from handler.audit.log import Decision
from handler.audit.record import Draft
from handler.audit.sql.sqlite import SqliteLog

print("ready", flush=True)
sys.stdin.readline()
log = SqliteLog(sys.argv[1])
for _ in range(int(sys.argv[2])):
    draft = Draft(action="log.noted", outcome="success")
    log.commit(lambda view: Decision(None, (draft, draft)))
log.close()
"""


def processes(path: Path, number: int, commits: int) -> list[str]:
    """Start processes that append when all are ready; return their error output."""
    started = [
        subprocess.Popen(
            [sys.executable, "-c", APPEND, str(path), str(commits)],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(number)
    ]
    for process in started:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    for process in started:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    return [process.communicate(timeout=60)[1] for process in started]


def test_eight_threads_leave_one_chain(log: SqliteLog, noted: Noted) -> None:
    """Each commit stays together, and none is lost."""
    errors: list[BaseException] = []

    def append() -> None:
        try:
            for _ in range(25):
                log.commit(noted("a", "b"))
                log.read(lambda view: view.head)
        except BaseException as error:  # noqa: BLE001 - the test reports it
            errors.append(error)

    threads = [threading.Thread(target=append) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    verdict = verify(log.records())
    commits = [record.fields["commit"] for record in log.records()]
    assert errors == []
    assert (verdict.whole, verdict.head.seq) == (True, 400)
    assert commits[::2] == commits[1::2]


def test_four_processes_and_a_thread_leave_one_chain(path: Path, noted: Noted) -> None:
    """SQLite's lock separates them."""
    log = SqliteLog(path)
    mine = threading.Thread(target=lambda: [log.commit(noted("a", "b")) for _ in range(40)])
    mine.start()
    complaints = processes(path, 4, 40)
    mine.join()
    verdict = verify(log.records())
    log.close()
    assert complaints == [""] * 4
    assert (verdict.whole, verdict.head.seq) == (True, 400)


def test_many_processes_may_open_a_new_file_at_once(path: Path) -> None:
    """One creates the tables, the others wait for it."""
    assert processes(path, 8, 1) == [""] * 8
    log = SqliteLog(path)
    assert verify(log.records()).head.seq == 16
    log.close()


def test_many_threads_may_open_a_new_file_at_once(path: Path) -> None:
    """Each with a connection of its own, over and over."""
    errors: list[BaseException] = []

    def reopen(file: Path, gate: threading.Barrier) -> None:
        try:
            gate.wait()
            SqliteLog(file).close()
        except BaseException as error:  # noqa: BLE001 - the test reports it
            errors.append(error)

    for round_number in range(12):
        gate = threading.Barrier(6)
        file = path.with_name(f"{round_number}.db")
        threads = [threading.Thread(target=reopen, args=(file, gate)) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert errors == []
