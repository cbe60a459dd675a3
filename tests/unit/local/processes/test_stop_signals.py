"""What ends a local run."""

from __future__ import annotations

import os
import signal

import pytest

from handler.local.processes.stop_signals import stop_signals


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_each_asks_for_the_end_and_raises_nothing(number: signal.Signals) -> None:
    """However often it comes; afterwards it means what it meant before."""
    before = signal.getsignal(number)
    with stop_signals() as ended:
        os.kill(os.getpid(), number)
        assert ended.wait(10)
        os.kill(os.getpid(), number)
    assert signal.getsignal(number) is before


def test_what_nohup_ignores_stays_ignored() -> None:
    """A run that was told to outlive its terminal does."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stop_signals() as ended:
            os.kill(os.getpid(), signal.SIGHUP)
            assert not ended.is_set()
    finally:
        signal.signal(signal.SIGHUP, before)
