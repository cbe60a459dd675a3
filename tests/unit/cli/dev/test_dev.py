"""How `nightdrop dev` notices that it cannot continue."""

from __future__ import annotations

import threading
from threading import Event, Thread

from handler.cli.dev.dev import watch_threads


def test_a_thread_that_dies_ends_the_run_with_a_sentence() -> None:
    """A run that looks alive and does nothing would be worse."""
    before, ended = threading.excepthook, Event()

    def die() -> None:
        raise OSError("a file\nvanished")

    with watch_threads(ended) as dead:
        thread = Thread(target=die, name="timers")
        thread.start()
        thread.join()
    assert ended.is_set()
    assert dead == [r"its part 'timers' failed: OSError: a file\nvanished"]
    assert threading.excepthook is before


def test_threads_that_end_normally_do_not_end_the_run() -> None:
    """The run continues."""
    ended = Event()
    with watch_threads(ended) as dead:
        thread = Thread(target=ended.is_set)
        thread.start()
        thread.join()
    assert (dead, ended.is_set()) == ([], False)
