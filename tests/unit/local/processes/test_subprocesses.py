"""Processes of a local run."""

from __future__ import annotations

import os
import signal
import stat
import time
from threading import Event, Thread
from typing import TYPE_CHECKING

import pytest

from handler.errors import StartError
from handler.local.processes.subprocesses import (
    Program,
    last_output_line,
    running,
    stop_signals,
    wait_until_ready,
)

if TYPE_CHECKING:
    from pathlib import Path

FOREVER = "import time; time.sleep(60)"


def program(folder: Path, code: str) -> Program:
    """Return a program that runs some Python."""
    return Program("the emulator", ["-c", code], os.environ, folder / "emulator.log")


def test_a_process_that_ends_before_it_is_ready_is_quoted_with_its_last_line(
    tmp_path: Path,
) -> None:
    """The message names the file with the rest, which only its owner can read."""
    one = program(tmp_path, "raise SystemExit('a traceback\\n\\nError: the port is taken')")
    with (
        running(one) as process,
        pytest.raises(StartError) as failed,
    ):
        wait_until_ready(one, process, lambda: False, Event())
    assert str(failed.value) == (
        f"the emulator did not start: the port is taken (see {one.output})"
    )
    assert stat.S_IMODE(one.output.stat().st_mode) == 0o600


def test_a_process_that_takes_too_long_is_named(tmp_path: Path) -> None:
    """With the time that was allowed."""
    one = program(tmp_path, FOREVER)
    with running(one) as process, pytest.raises(StartError, match=r"not ready within 0\.1 seconds"):
        wait_until_ready(one, process, lambda: False, Event(), seconds=0.1)


def test_waiting_ends_when_the_run_must_end(tmp_path: Path) -> None:
    """At once, and the process with it."""
    one, ended = program(tmp_path, FOREVER), Event()
    ended.set()
    with pytest.raises(KeyboardInterrupt), running(one) as process:
        wait_until_ready(one, process, lambda: False, ended)
    assert process.poll() is not None


def test_an_output_that_cannot_be_written_fails_with_one_sentence(tmp_path: Path) -> None:
    """Instead of a traceback."""
    with pytest.raises(StartError, match=r"cannot write .*: No such file"):
        running(program(tmp_path / "none", FOREVER)).__enter__()


def test_last_output_line_cannot_forge_a_line(tmp_path: Path) -> None:
    """The output of a process is foreign text; no output is handled, too."""
    output = tmp_path / "log"
    output.write_bytes(b"first\n\x1b[2Kforged\r\n")
    assert last_output_line(output) == f"\\x1b[2Kforged (see {output})"
    output.write_bytes(b"")
    assert last_output_line(output) == f"no output (see {output})"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_each_signal_asks_for_the_end_and_raises_nothing(number: signal.Signals) -> None:
    """However often it arrives; afterwards its former handler is restored."""
    before = signal.getsignal(number)
    with stop_signals() as ended:
        os.kill(os.getpid(), number)
        assert ended.wait(10)
        os.kill(os.getpid(), number)
    assert signal.getsignal(number) is before


def test_signals_close_together_ask_for_one_end() -> None:
    """A second one may arrive while the first is handled: tried a hundred times, 0.6 ms apart."""
    for round_ in range(100):
        with stop_signals() as ended:
            pid = os.getpid()

            def send(pid: int = pid, pause: float = round_ * 6e-6) -> None:
                os.kill(pid, signal.SIGINT)
                time.sleep(pause)
                os.kill(pid, signal.SIGTERM)

            sending = Thread(target=send)
            sending.start()
            assert ended.wait(10)
            sending.join()


def test_signals_that_nohup_ignores_stay_ignored() -> None:
    """A run that must outlive its terminal does."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stop_signals() as ended:
            os.kill(os.getpid(), signal.SIGHUP)
            assert not ended.is_set()
    finally:
        signal.signal(signal.SIGHUP, before)
