"""Processes that are kept running."""

from __future__ import annotations

import itertools
import os
import signal
import time
from contextlib import closing, contextmanager
from threading import Event, Thread
from typing import TYPE_CHECKING

from handler.local.processes.function_servers import Supervisor, _changed_at
from handler.local.processes.subprocesses import Program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path


POLL = 0.005


def sleeper(folder: Path) -> Program:
    """Return a program that does nothing for a minute."""
    return Program("the sleeper", ["-c", "import time; time.sleep(60)"], os.environ, folder / "out")


def wait_for(ready: Callable[[], bool], seconds: float = 10) -> None:
    """Wait until the condition holds; fail if it takes too long."""
    end = time.monotonic() + seconds
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


@contextmanager
def supervised(
    programs: Sequence[Program],
    sources: Path | None,
    report: Callable[[str], None],
    seconds: Callable[[], float] = time.monotonic,
) -> Iterator[Supervisor]:
    """Keep programs running until the block ends."""
    supervisor = Supervisor(programs, sources, report, seconds, POLL)
    supervisor.watch()
    with closing(supervisor):
        yield supervisor


def pids_of(supervisor: Supervisor) -> tuple[int, ...]:
    """Return the ids of the running processes."""
    return tuple(process.pid for process in supervisor.processes)


class Clock:
    """A clock that advances only while a program is down."""

    def __init__(self) -> None:
        self.shown = 0.0
        self.supervisor: Supervisor | None = None

    def __call__(self) -> float:
        """Return the time, a quarter of a second later with each look."""
        if self.supervisor and self.supervisor.processes[0].poll() is not None:
            self.shown += 0.25
        return self.shown


def test_a_killed_program_is_started_again(tmp_path: Path) -> None:
    """The reason is reported."""
    messages: list[str] = []
    with supervised([sleeper(tmp_path)], None, messages.append) as supervisor:
        (first,) = pids_of(supervisor)
        os.kill(first, signal.SIGKILL)
        wait_for(lambda: bool(messages))
        assert pids_of(supervisor) != (first,)
    assert messages == ["the sleeper was restarted: it had exited with status -9"]


def test_a_change_of_source_starts_every_program_again(tmp_path: Path) -> None:
    """The old process ends before the new one begins."""
    source = tmp_path / "source"
    source.mkdir()
    messages: list[str] = []
    with supervised([sleeper(tmp_path)], source, messages.append) as supervisor:
        (first,) = pids_of(supervisor)
        (source / "new.py").write_text("")
        wait_for(lambda: bool(messages))
        assert gone(first)
    assert messages == ["the sleeper was restarted: its source changed"]


def test_a_program_that_crashes_at_its_start_is_given_up_after_some_attempts(
    tmp_path: Path,
) -> None:
    """Each after a longer wait than the last; the sentence names its last line and its output."""
    messages: list[str] = []
    clock = Clock()
    starts: list[float] = []

    def report(text: str) -> None:
        messages.append(text)
        starts.append(clock.shown)

    crash = Program(
        "the function", ["-c", "raise SystemExit('no such module')"], os.environ, tmp_path / "out"
    )
    with supervised([crash], None, report, clock) as clock.supervisor:
        wait_for(lambda: "restarts when" in str(messages[-1:]), seconds=60)
        (tmp_path / "out").unlink()
        given_up = clock.shown
        wait_for(lambda: clock.shown > given_up + 9)
        assert not (tmp_path / "out").exists(), "it was restarted"
    assert messages[-1].endswith(f"no such module (see {tmp_path / 'out'})")
    assert len(messages) == 5
    assert starts[3] - starts[2] > 1.5 * (starts[1] - starts[0])


def test_a_program_that_was_given_up_starts_again_when_its_source_changes(tmp_path: Path) -> None:
    """The change may have fixed it."""
    source = tmp_path / "source"
    source.mkdir()
    messages: list[str] = []
    clock = Clock()
    crash = Program("the function", ["-c", "raise SystemExit(3)"], os.environ, tmp_path / "out")
    with supervised([crash], source, messages.append, clock) as clock.supervisor:
        wait_for(lambda: "restarts when" in str(messages[-1:]), seconds=60)
        (source / "fixed.py").write_text("")
        wait_for(lambda: "the function was restarted: its source changed" in messages)


def test_files_that_vanish_while_they_are_looked_at_do_not_end_the_watch(tmp_path: Path) -> None:
    """Editors write beside a file and rename; folders go, too."""
    source = tmp_path / "source"
    source.mkdir()
    stop, messages = Event(), list[str]()

    def churn() -> None:
        for number in itertools.count():
            if stop.is_set():
                return
            folder = source / f"f{number % 3}"
            folder.mkdir(exist_ok=True)
            file = folder / f"k{number % 5}.py"
            file.write_text("")
            os.utime(file, (1, 1))  # old, so that it restarts nothing
            file.unlink()
            folder.rmdir()

    churning = Thread(target=churn)
    churning.start()
    try:
        for _ in range(2000):
            _changed_at(source)
    finally:
        stop.set()
        churning.join()
    with supervised([sleeper(tmp_path)], source, messages.append):
        (source / "new.py").write_text("")
        wait_for(lambda: bool(messages))


def test_no_process_is_left_behind(tmp_path: Path) -> None:
    """Closing ends every process."""
    with supervised([sleeper(tmp_path), sleeper(tmp_path)], None, print) as supervisor:
        pids = pids_of(supervisor)
    assert all(gone(pid) for pid in pids)
