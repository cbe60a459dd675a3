"""Processes that are kept running."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

from handler.local.supervisor import Program, Supervisor

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def sleeper(folder: Path) -> Program:
    """Return a program that does nothing for a minute."""
    return Program("the sleeper", ["-c", "import time; time.sleep(60)"], os.environ, folder / "out")


def wait_for(ready: Callable[[], bool]) -> None:
    """Return once something is so; fail after ten seconds."""
    end = time.monotonic() + 10
    while not ready():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.02)


def gone(pid: int) -> bool:
    """Return whether no process has this id any more."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_a_program_that_is_killed_is_started_again(tmp_path: Path) -> None:
    """And whoever listens is told why."""
    told: list[str] = []
    with Supervisor([sleeper(tmp_path)], None, told.append) as supervisor:
        (first,) = supervisor.pids
        os.kill(first, signal.SIGKILL)
        wait_for(lambda: bool(told))
        assert supervisor.pids != (first,)
    assert told == ["the sleeper was started again: it had ended with status -9"]


def test_a_change_of_source_starts_every_program_again(tmp_path: Path) -> None:
    """The old process ends before the new one begins."""
    source = tmp_path / "source"
    source.mkdir()
    told: list[str] = []
    with Supervisor([sleeper(tmp_path)], source, told.append) as supervisor:
        (first,) = supervisor.pids
        (source / "new.py").write_text("")
        wait_for(lambda: bool(told))
        assert gone(first)
    assert told == ["the sleeper was started again: its source changed"]


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    """Closing ends every process."""
    with Supervisor([sleeper(tmp_path), sleeper(tmp_path)], None, print) as supervisor:
        pids = supervisor.pids
    assert all(gone(pid) for pid in pids)
