"""A log that says aloud what was recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import pytest

from handler.audit.alerting_log import AlertingLog

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from handler.audit.log import Decide, Decision, View
    from handler.audit.record import Record
    from handler.audit.sql.sqlite import SqliteLog

Noted: TypeAlias = "Callable[..., Decide[str]]"


def test_each_commit_is_announced_once_with_all_its_records(log: SqliteLog, noted: Noted) -> None:
    """In order, over all its decisions; the answers come back as they were."""
    heard: list[list[str]] = []
    announced = AlertingLog(
        log, lambda records: heard.append([str(r.fields["note"]) for r in records])
    )
    committed = announced.commit_all([noted("a", "b"), noted("c")])
    one = announced.commit(noted("d"))
    assert heard == [["a", "b", "c"], ["d"]]
    assert [done.value for done in (*committed, one)] == ["b", "c", "d"]


def test_records_are_durable_before_they_are_announced(log: SqliteLog, noted: Noted) -> None:
    """Who hears of a record finds it in the log."""
    found: list[int] = []

    def listen(_records: Sequence[Record]) -> None:
        found.append(log.read(lambda view: view.head.seq))

    AlertingLog(log, listen).commit(noted("a", "b"))
    assert found == [2]


def test_nothing_is_announced_that_was_not_appended(log: SqliteLog) -> None:
    """A decision that fails leaves neither record nor line."""
    heard: list[object] = []

    def failing(_view: View) -> Decision[None]:
        raise LookupError("no")

    with pytest.raises(LookupError):
        AlertingLog(log, heard.append).commit(failing)
    assert heard == []


def test_everything_else_is_the_logs_own(
    log: SqliteLog, planned: Callable[..., Decide[None]]
) -> None:
    """Reading, bodies and records come from beneath."""
    announced = AlertingLog(log, lambda _records: None)
    announced.commit(planned("d", "j"))
    assert announced.read(lambda view: view.job("j")) == log.read(lambda view: view.job("j"))
    assert announced.read(lambda view: view.head, fresh=False).seq == 2
    assert announced.bodies(["j"]) == {"j": '{"body": "j"}'}
    assert [record.seq for record in announced.records(1)] == [2]
    announced.close()
