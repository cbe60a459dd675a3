"""A log in a file of its own, with a clock that the test moves."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from handler.audit.log import Decision
from handler.audit.record import Draft
from handler.audit.sql.sqlite import SqliteLog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from handler.audit.log import Decide


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the log is."""
    return tmp_path / "audit.db"


@pytest.fixture
def log(path: Path) -> Iterator[SqliteLog]:
    """An open, empty log whose clock gains a second at each look."""
    ticks = iter(range(10**9))
    start = datetime(2026, 11, 23, 2, tzinfo=timezone.utc)
    opened = SqliteLog(path, clock=lambda: start + timedelta(seconds=next(ticks)), lock_timeout=5)
    yield opened
    opened.close()


@pytest.fixture
def noted() -> Callable[..., Decide[str]]:
    """Make a decision that appends one record with each of these notes, and returns the last."""

    def make(*notes: str) -> Decide[str]:
        drafts = tuple(Draft(action="log.noted", outcome="success", note=note) for note in notes)
        return lambda _view: Decision(notes[-1], drafts)

    return make


@pytest.fixture
def planned() -> Callable[..., Decide[None]]:
    """Make a decision that plans a delivery with some jobs, by their keys."""

    def make(delivery: str, *jobs: str, subject: str = "obs://b/k") -> Decide[None]:
        about = {"key": delivery, "trigger": "object", "subject": subject}
        drafts = [
            Draft(
                action="job.planned",
                outcome="pending",
                delivery={"key": delivery},
                job={"key": key, "name": f"name-{key}", "type": "app_deployment", "document": n},
                body=f'{{"body": "{key}"}}',
            )
            for n, key in enumerate(jobs, 1)
        ]
        plan = Draft(action="delivery.planned", outcome="pending", delivery=about)
        return lambda _view: Decision(None, (plan, *drafts))

    return make
