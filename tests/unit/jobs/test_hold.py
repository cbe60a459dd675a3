"""Hold and release: recorded with who asked, and released by hand alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from handler.audit.log import Decision
from handler.audit.record import Draft
from handler.audit.sql.sqlite import SqliteLog
from handler.jobs.hold import hold, release

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from handler.audit.log import Switch

OPERATOR = {"kind": "operator", "name": "kim"}


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SqliteLog]:
    """An empty log."""
    log = SqliteLog(tmp_path / "audit.db")
    yield log
    log.close()


def why(log: SqliteLog, name: Switch) -> str:
    """Return why a switch is on."""
    return log.read(lambda view: view.switch(name))


def suspend(log: SqliteLog) -> None:
    """Suspend the conclusion that a job is absent."""
    draft = Draft("settling.suspended", "failure", note="marks are lost")
    log.commit(lambda _view: Decision(None, (draft,)))


def test_nothing_is_held_at_first(log: SqliteLog) -> None:
    """Nor suspended."""
    assert (why(log, "hold"), why(log, "suspension")) == ("", "")


def test_a_hold_is_recorded_with_its_reason_and_who_pulled_it(log: SqliteLog) -> None:
    """It is on until it is lifted."""
    held = log.commit(hold("freeze", actor=OPERATOR))
    fields = held.records[0].fields
    assert (held.value, why(log, "hold")) == ("", "freeze")
    assert (fields["action"], fields["actor"], fields["note"]) == (
        *("sending.held", OPERATOR, "freeze"),
    )


def test_another_reason_is_recorded_too_and_counts(log: SqliteLog) -> None:
    """Who gives it learns the one before."""
    log.commit(hold("freeze", actor=OPERATOR))
    again = log.commit(hold("another", actor=OPERATOR))
    assert (again.value, why(log, "hold")) == ("freeze", "another")
    assert [one.fields["note"] for one in again.records] == ["another"]


@pytest.mark.parametrize("reason", ["", "freeze"])
def test_a_second_hold_without_another_reason_changes_nothing(log: SqliteLog, reason: str) -> None:
    """The first reason stands."""
    log.commit(hold("freeze", actor=OPERATOR))
    again = log.commit(hold(reason, actor=OPERATOR))
    assert (again.value, again.records, why(log, "hold")) == ("freeze", (), "freeze")


def test_a_hold_without_a_reason_is_by_hand(log: SqliteLog) -> None:
    """A hold always has one."""
    log.commit(hold(actor=OPERATOR))
    assert why(log, "hold") == "by hand"


def test_a_release_lifts_both_and_says_what_was_on(log: SqliteLog) -> None:
    """Each has a record of its own."""
    log.commit(hold("freeze", actor=OPERATOR))
    suspend(log)
    lifted = log.commit(release(actor=OPERATOR))
    assert lifted.value == ("freeze", "marks are lost")
    assert [one.fields["action"] for one in lifted.records] == [
        *("sending.released", "settling.released"),
    ]
    assert all(one.fields["actor"] == OPERATOR for one in lifted.records)
    assert (why(log, "hold"), why(log, "suspension")) == ("", "")


def test_a_release_of_nothing_leaves_no_record(log: SqliteLog) -> None:
    """And says so."""
    released = log.commit(release(actor=OPERATOR))
    assert (released.value, released.records) == ((), ())


def test_a_hold_can_be_pulled_again(log: SqliteLog) -> None:
    """With another reason."""
    log.commit(hold("freeze", actor=OPERATOR))
    log.commit(release(actor=OPERATOR))
    assert log.commit(hold("another", actor=OPERATOR)).value == ""
    assert why(log, "hold") == "another"


def test_switches_are_folded_from_the_records(log: SqliteLog) -> None:
    """Like every other state."""
    log.commit(hold("freeze", actor=OPERATOR))
    suspend(log)
    log.rebuild()
    assert (why(log, "hold"), why(log, "suspension")) == ("freeze", "marks are lost")
