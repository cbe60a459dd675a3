"""The initializer of a process."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from handler.local.runtime.http_invocation import Initializer


def test_many_threads_initialise_once() -> None:
    """All of them wait for the one run, and none overtakes it."""
    runs: list[object] = []
    together = threading.Barrier(8, timeout=5)
    initializer_once = Initializer(runs.append)

    def first_call(number: int) -> int:
        together.wait()
        initializer_once.ensure(number)
        return len(runs)

    with ThreadPoolExecutor(8) as threads:
        seen = list(threads.map(first_call, range(8)))
    assert seen == [1] * 8


def test_a_failed_initializer_is_run_again() -> None:
    """The call that failed tells why; a later one may succeed."""
    answers = iter([RuntimeError("no disk"), None])

    def initializer(_context: object) -> None:
        failure = next(answers)
        if failure:
            raise failure

    initializer_once = Initializer(initializer)
    with pytest.raises(RuntimeError, match="no disk"):
        initializer_once.ensure(None)
    initializer_once.ensure(None)
    initializer_once.ensure(None)
