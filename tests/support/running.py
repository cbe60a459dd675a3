"""How the suite runs: its workers, its temporary files, its signals, and how much it tries."""

from __future__ import annotations

import gc
import logging
import os
import signal
import tempfile
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import hypothesis
import pytest

from tests.support.depth import examples

if TYPE_CHECKING:
    from collections.abc import Iterator

MEMORY = Path("/dev/shm")  # noqa: S108 - pytest makes a folder of its own in it
"""Where temporary files go if there is room: a log is synced at each commit, slowly on a disk."""

# A loaded machine is slow, and no example is wrong for that.
hypothesis.settings.register_profile("suite", deadline=None, max_examples=examples(100))
hypothesis.settings.load_profile("suite")


def pytest_configure() -> None:
    """Let signals reach the started processes, and no process reach the user's home."""
    gc.disable()  # until everything is collected: nothing of it is garbage
    # Also where a shell runs them in the background, or `nohup` does; children inherit it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    if "TMPDIR" not in os.environ and _fits(MEMORY):
        os.environ["TMPDIR"] = str(MEMORY)
        tempfile.tempdir = None
    # The SDK's clients write an id of theirs into the home when they are imported.
    with TemporaryDirectory() as home, pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", home)
        import_module("huaweicloudsdkcore.http.user_agent")


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Keep the collected tests out of each search for garbage: they live until the end."""
    gc.freeze()
    gc.enable()


@pytest.fixture
def logged() -> Iterator[list[str]]:
    """What is logged during a test; pytest's `caplog`, which costs time in all, is turned off."""
    found: list[str] = []
    handler, root = logging.Handler(logging.WARNING), logging.getLogger()
    handler.emit = lambda record: found.append(handler.format(record))  # type: ignore[method-assign]
    root.addHandler(handler)
    yield found
    root.removeHandler(handler)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """Start two workers more than there are cores: tests wait for processes and time-outs.

    Unit tests wait for little, and each worker has to collect all of them: one more is enough.
    """
    if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ:
        return None  # xdist reads it
    return (os.cpu_count() or 1) + (1 if config.args == ["tests/unit"] else 2)


def _fits(memory: Path) -> bool:
    """Return whether a folder takes the temporary files of the suite."""
    if not os.access(memory, os.W_OK):
        return False
    found = os.statvfs(memory)
    return found.f_bavail * found.f_frsize > 2 * 1024**3 and not found.f_flag & os.ST_NOEXEC
