"""Many threads and processes append to one log at once: one valid chain, no error."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from handler.audit.log import Decision
from handler.audit.record import Draft
from handler.audit.sql.sqlite import SqliteLog
from handler.audit.verification.verdict import verify
from handler.cli.open_stores import open_any_log

if TYPE_CHECKING:
    from handler.audit.log import Log

ROOT = Path(__file__).parents[3]
APPEND = """
import sys
from handler.audit.log import Decision
from handler.audit.record import Draft
from handler.cli.open_stores import open_any_log

log = open_any_log(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
for _ in range(int(sys.argv[2])):
    draft = Draft(action="log.noted", outcome="success")
    log.commit(lambda view: Decision(None, (draft, draft)))
log.close()
"""


def test_eight_threads_leave_one_chain(store_address: str) -> None:
    """Each commit stays together, and none is lost."""
    errors: list[BaseException] = []
    log = open_any_log(store_address)
    draft = Draft(action="log.noted", outcome="success")

    def append() -> None:
        try:
            for _ in range(12):
                log.commit(lambda _view: Decision(None, (draft, draft)))
                log.read(lambda view: view.head)
        except BaseException as error:  # noqa: BLE001 - the test reports it
            errors.append(error)

    threads = [threading.Thread(target=append) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    commits = [record.fields["commit"] for record in log.records()]
    assert errors == []
    assert count_valid(log) == 192
    assert commits[::2] == commits[1::2]
    log.close()


def test_four_processes_leave_one_chain(store_address: str) -> None:
    """The store's own lock separates them, and times stay in order."""
    started = [
        subprocess.Popen(
            [sys.executable, "-c", APPEND, store_address, "25"],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for process in started:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    complaints = [process.communicate("go\n", timeout=60)[1] for process in started]
    log = open_any_log(store_address)
    times = [str(record.fields["at"]) for record in log.records()]
    assert complaints == [""] * 4
    assert count_valid(log) == 200
    assert isinstance(log, SqliteLog) or times == sorted(times)
    log.close()


def count_valid(log: Log) -> int:
    """Return how many records are in a log, once its chain was verified."""
    verdict = verify(log.records())
    assert verdict.whole
    return verdict.head.seq
