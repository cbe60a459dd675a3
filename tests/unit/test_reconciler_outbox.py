"""The reconciler, when bodies in the outbox were exchanged: none of them is used."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from handler.errors import NoAnswerError
from handler.jobs.hold import hold, release
from tests.unit.test_reconciler import (
    RECONCILE,
    UPGRADE,
    asked,
    commit,
    faulty,
    result,
    states,
    written,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from handler.emulator.server import Emulator

    Environ = dict[str, str]
    Reply = dict[str, Any]


def tampered(environ: Environ, sql: str) -> None:
    """Change a body in the outbox, as an attacker with access to the file can."""
    path = environ["NIGHTDROP_AUDIT"].removeprefix("sqlite:///")
    with closing(sqlite3.connect(path)) as db, db:
        assert db.execute(sql).rowcount == 1


def test_a_request_that_was_exchanged_is_never_sent(
    fire: Callable[[object], Reply],
    drop: Callable[..., Any],
    environ: Environ,
    emulator: Emulator,
    lines: list[str],
) -> None:
    """The job waits, the log says why and what to do, once, and a line asks for attention."""
    commit(environ, hold("a test", actor={}))
    fire(drop("drop/hall.yaml", UPGRADE))
    tampered(environ, "UPDATE outbox SET body = replace(body, 'node-1', 'node-2')")
    commit(environ, release(actor={}))
    for _ in range(2):
        reply = fire(RECONCILE)
    assert states(reply) == ["deferred"]
    assert asked(emulator, "CreateBatchJob") == 0
    (line,) = (line for line in lines if '"attention.needed","of":"job.doubted"' in line)
    assert "nightdrop jobs abandon" in line


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE outbox SET body = replace(body, 'drop/hall.yaml', 'drop/wall.yaml')",
        "DELETE FROM outbox",
    ],
    ids=["exchanged", "gone"],
)
def test_a_delivery_whose_body_was_tampered_with_is_not_started_over(  # noqa: PLR0913, PLR0917 - fixtures
    fire: Callable[[object], Reply],
    drop: Callable[..., Any],
    environ: Environ,
    emulator: Emulator,
    recorded: Callable[[], list[Reply]],
    sql: str,
) -> None:
    """It is rejected with a record and a result file for the person who dropped it."""
    faulty(emulator, "GetObject", fault="cut", times=1)
    event = drop("drop/hall.yaml", UPGRADE)
    written(emulator, time.time() - 30_000)
    with pytest.raises(NoAnswerError):
        fire(event)
    tampered(environ, sql)
    fire(RECONCILE)
    rejected = [one for one in recorded() if one["action"] == "delivery.rejected"]
    assert [one["delivery"]["subject"] for one in rejected] == [
        "obs://nightdrop-drop/drop/hall.yaml"
    ]
    assert "deliver it again" in rejected[0]["note"]
    assert asked(emulator, "CreateBatchJob") == 0
    assert result(emulator)["outcome"] == "rejected"
