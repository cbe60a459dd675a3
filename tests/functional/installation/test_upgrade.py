"""The present function on the log of the very first version."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    Environ = dict[str, str]
    Reply = dict[str, Any]
    Fire = Callable[[object], Reply]
    Drop = Callable[..., Any]
    Recorded = Callable[[], list[Reply]]

FIRST = Path(__file__).parents[2] / "unit" / "audit" / "logs" / "first.sql"
HALL = """kind: node_upgrade
name: hall-1
targets: {nodes: [node-1]}
---
kind: node_upgrade
name: hall-2
targets: {nodes: [node-1]}
"""


@pytest.fixture(autouse=True)
def old(environ: Environ) -> None:
    """The log is there before the function is."""
    with closing(sqlite3.connect(environ["NIGHTDROP_AUDIT"].removeprefix("sqlite:///"))) as db:
        db.executescript(FIRST.read_text())


def test_a_run_of_the_old_version_is_not_repeated(
    fire: Fire, drop: Drop, recorded: Recorded
) -> None:
    """The file is dropped once more, as it was, and creates nothing."""
    reply = fire(drop("drop/hall.yaml", HALL.encode()))
    assert reply["outcome"] == "duplicate"
    assert {job["state"] for job in reply["jobs"]} == {"created"}
    assert len(recorded()) > 45


def test_work_that_waited_under_the_old_version_is_completed(fire: Fire, environ: Environ) -> None:
    """One job was deferred, one unknown; they are sent now or, being old, expire."""
    environ["NIGHTDROP_SETTLE_AFTER"] = "1"
    fire({"action": "reconcile"})
    reply = fire({"action": "reconcile"})
    assert reply["open"]["jobs"] == 0
