"""Real processes on one log in OBS: side by side, killed, and under everything OBS may answer."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from contextlib import ExitStack, closing
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from handler.audit.log import Decision
from handler.audit.record import Draft
from handler.audit.verification.verdict import verify
from handler.cli.open_stores import open_any_log

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handler.emulator.server import Emulator
    from handler.values.canonical_json import Json

ROOT = Path(__file__).parents[2]
CHILD = """
import sys
from contextlib import closing
from handler.audit.log import Decision
from handler.audit.record import Draft
from handler.cli.open_stores import open_any_log

address, mine, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
with closing(open_any_log(address)) as log:
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(count):
        draft = Draft("log.noted", "success", note=f"{mine} {number}")
        print(log.commit(lambda _view: Decision(None, (draft,))).records[0].hash, flush=True)
"""
STORM: dict[str, dict[str, float]] = {
    "AppendObject": {"lost_answer": 0.05, "cut": 0.05, "before": 0.05, "after": 0.05},
    "GetObject": {"before": 0.05, "cut": 0.05, "lost_answer": 0.05},
    "PutObject": {"before": 0.05, "cut": 0.05, "lost_answer": 0.05},
}
"""A call is given up after seven failures in a row, which must not happen by chance."""

_WAYS: dict[str, dict[str, Json]] = {
    "before": {"fault": "status", "status": 503},
    "after": {"fault": "status", "status": 500, "after": True},
}


def started(address: str, name: str, count: int) -> subprocess.Popen[str]:
    """Start a process that is ready to append."""
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD, address, name, str(count)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    return process


def start_all(processes: Sequence[subprocess.Popen[str]]) -> None:
    """Let them all begin."""
    for process in processes:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()


def notes(address: str) -> dict[str, str]:
    """Return the notes of all records by their hashes, once the chain was verified."""
    with closing(open_any_log(address)) as log:
        records = list(log.records())
        assert verify(records).whole
        assert log.read(lambda view: view.head.seq) == len(records)
    return {record.hash: str(record.fields.get("note", "")) for record in records}


def test_two_processes_append_two_thousand_records_to_one_chain(obs_address: str) -> None:
    """Side by side, over several segments; each has its own order, none is lost or doubled."""
    with ExitStack() as stack:
        processes = [stack.enter_context(started(obs_address, name, 1000)) for name in "ab"]
        start_all(processes)
        outputs = [process.communicate(timeout=100) for process in processes]
    found = notes(obs_address)
    assert [complaint for _, complaint in outputs] == ["", ""]
    for name, (output, _) in zip("ab", outputs, strict=True):
        assert [found[line] for line in output.split()] == [f"{name} {n}" for n in range(1000)]
    rolled = [note for note in found.values() if note.startswith("segment ")]
    assert rolled == [f"segment {number} ends here" for number in range(1, len(rolled) + 1)]
    assert (len(found), len(rolled) >= 3) == (2000 + len(rolled), True)


def test_records_acknowledged_to_a_killed_process_are_in_the_log(obs_address: str) -> None:
    """SIGKILL at any moment; no record is there twice, and the next process continues."""
    chance = Random(7)  # noqa: S311 - to repeat runs
    with ExitStack() as stack:
        processes = [stack.enter_context(started(obs_address, f"{n}", 10_000)) for n in range(4)]
        for process in processes:
            ending = threading.Timer(
                chance.uniform(0.2, 1.0), process.send_signal, [signal.SIGKILL]
            )
            stack.callback(ending.join)
            ending.start()
        start_all(processes)
        outputs = [process.communicate(timeout=60)[0] for process in processes]
    acknowledged = [line for output in outputs for line in output.split("\n")[:-1]]
    found = notes(obs_address)
    assert acknowledged
    assert set(acknowledged) <= found.keys()
    assert max(Counter(found.values()).values()) == 1
    with closing(open_any_log(obs_address)) as log:
        draft = Draft("log.noted", "success", note="next")
        assert log.commit(lambda _view: Decision(None, (draft,))).records[0].seq == len(found) + 1


def test_a_storm_of_answers_loses_and_doubles_nothing(
    object_server: Emulator, obs_address: str
) -> None:
    """A fifth of all requests fail, before or after they were applied."""
    with ExitStack() as stack:
        object_server.faults.set(
            [
                {**_WAYS.get(way, {"fault": way}), "operation": operation, "probability": chance}
                for operation, ways in STORM.items()
                for way, chance in ways.items()
            ]
        )
        processes = [stack.enter_context(started(obs_address, name, 60)) for name in "abc"]
        start_all(processes)
        outputs = [process.communicate(timeout=100) for process in processes]
    object_server.faults.set([])
    found = notes(obs_address)
    for name, (output, complaint) in zip("abc", outputs, strict=True):
        assert complaint == ""
        assert [found[line] for line in output.split()] == [f"{name} {n}" for n in range(60)]
    assert len(found) == 180
