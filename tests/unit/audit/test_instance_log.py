"""The log of one instance: commits of many threads in one append, announced, with the function."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from handler.audit.instance_log import InstanceLog
from handler.audit.log import Decision
from handler.audit.verification.verdict import verify
from handler.errors import LogBusyError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from handler.audit.log import Committed, Decide, View
    from handler.audit.record import Record
    from handler.audit.sql.sqlite import SqliteLog

    Noted: TypeAlias = "Callable[..., Decide[str]]"

THREADS = 12


class Slow:
    """A log whose first append waits until the test lets it continue.

    Attributes:
        sizes: How many decisions each append had.
        error: What every append after the first fails with, if anything.
    """

    def __init__(self, log: SqliteLog, error: Exception | None = None) -> None:
        self.sizes: list[int] = []
        self.started, self.go_on = threading.Event(), threading.Event()
        self.error = error
        self._log = log

    def commit_all(self, decisions: Sequence[Decide[Any]]) -> tuple[Committed[Any], ...]:
        """Append them."""
        self.sizes.append(len(decisions))
        if len(self.sizes) == 1:
            self.started.set()
            assert self.go_on.wait(10)
        elif self.error:
            raise self.error
        return self._log.commit_all(decisions)


def at_once(
    slow: Slow, *decisions: Decide[Any], on_append: Callable[[Sequence[Record]], object] = len
) -> list[Any]:
    """Commit the first decision, the others while it is under way; returns values and errors."""
    grouped = InstanceLog(slow, on_append)  # type: ignore[arg-type] # only what is used
    ready = threading.Semaphore(0)

    def commit(decide: Decide[Any]) -> Any:  # noqa: ANN401 - whatever it decides
        ready.release()
        try:
            return grouped.commit(decide).value
        except Exception as error:  # noqa: BLE001 - the test looks at it
            return error

    with ThreadPoolExecutor(len(decisions)) as threads:
        first = threads.submit(commit, decisions[0])
        assert slow.started.wait(10)
        others = [threads.submit(commit, decide) for decide in decisions[1:]]
        for _ in decisions:
            ready.acquire()
        while len(grouped._group.waiting) < len(others):  # noqa: SLF001 - no other sign that all wait
            threading.Event().wait(0.001)
        slow.go_on.set()
        return [future.result() for future in (first, *others)]


def failing(_view: object) -> Decision[None]:
    """Fail as a decision about a job that was never planned does."""
    raise LookupError("never planned")


def test_decisions_that_gather_during_an_append_form_the_next(log: SqliteLog, noted: Noted) -> None:
    """Two appends for all threads, and each gets its own answer."""
    slow = Slow(log)
    notes = [f"{number}" for number in range(THREADS)]
    assert at_once(slow, *map(noted, notes)) == notes
    assert slow.sizes == [1, THREADS - 1]
    records = list(log.records())
    assert len(records) == THREADS
    assert len({str(record.fields["commit"]) for record in records}) == 2
    assert verify(records).whole


def test_each_decision_of_a_group_sees_those_before_it(log: SqliteLog, noted: Noted) -> None:
    """Two claims of one job in one group are granted once."""

    def place(view: Any) -> Decision[int]:  # noqa: ANN401 - a view
        (draft,) = noted("x")(view).drafts
        return Decision(view.head.seq, (draft,))

    seen = at_once(Slow(log), *[place] * THREADS)
    assert sorted(seen) == list(range(THREADS))


def test_a_decision_that_fails_affects_no_other_of_its_group(log: SqliteLog, noted: Noted) -> None:
    """Its own thread gets the error, all others their records."""
    first, second, error, third = at_once(Slow(log), noted("a"), noted("b"), failing, noted("c"))
    assert (first, second, third) == ("a", "b", "c")
    assert isinstance(error, LookupError)
    assert sorted(str(one.fields["note"]) for one in log.records()) == ["a", "b", "c"]


def test_every_caller_gets_the_error_of_a_log_that_cannot_be_written(
    log: SqliteLog, noted: Noted
) -> None:
    """No caller may take its record for stored; they are not retried one by one."""
    slow = Slow(log, LogBusyError("held"))
    first, *others = at_once(slow, *[noted("a")] * THREADS)
    assert first == "a"
    assert all(isinstance(error, LogBusyError) for error in others)
    assert slow.sizes == [1, THREADS - 1]


def test_one_thread_alone_commits_at_once(log: SqliteLog, noted: Noted) -> None:
    """It gets its own error."""
    grouped = InstanceLog(log)
    assert grouped.commit(noted("a")).value == "a"
    with pytest.raises(LookupError):
        grouped.commit(failing)
    assert grouped.commit(noted("b")).records[0].seq == 2


def test_each_commit_is_announced_once_with_all_its_records(log: SqliteLog, noted: Noted) -> None:
    """In order, over all its decisions; the answers come back as they were."""
    seen: list[list[str]] = []
    announced = InstanceLog(
        log, lambda records: seen.append([str(r.fields["note"]) for r in records])
    )
    committed = announced.commit_all([noted("a", "b"), noted("c")])
    one = announced.commit(noted("d"))
    assert seen == [["a", "b", "c"], ["d"]]
    assert [done.value for done in (*committed, one)] == ["b", "c", "d"]


def test_what_fails_after_an_append_does_not_commit_it_again(log: SqliteLog, noted: Noted) -> None:
    """The records are durable: each thread gets its answer, and none is appended twice."""

    def unable(_records: Sequence[Record]) -> None:
        raise RuntimeError("no line")

    notes = [f"{number}" for number in range(THREADS)]
    assert at_once(Slow(log), *map(noted, notes), on_append=unable) == notes
    assert sorted(str(one.fields["note"]) for one in log.records()) == sorted(notes)


def test_records_are_durable_before_they_are_announced(log: SqliteLog, noted: Noted) -> None:
    """The receiver of a record finds it in the log."""
    found: list[int] = []

    def listen(_records: Sequence[Record]) -> None:
        found.append(log.read(lambda view: view.head.seq))

    InstanceLog(log, listen).commit(noted("a", "b"))
    assert found == [2]


def test_only_appended_records_are_announced(log: SqliteLog) -> None:
    """A decision that fails leaves neither record nor line."""
    seen: list[object] = []

    def failing(_view: View) -> Decision[None]:
        raise LookupError("no")

    with pytest.raises(LookupError):
        InstanceLog(log, seen.append).commit(failing)
    assert seen == []


def test_every_other_call_goes_to_the_log(
    log: SqliteLog, planned: Callable[..., Decide[None]]
) -> None:
    """Reading, bodies and records come from the wrapped log."""
    announced = InstanceLog(log, lambda _records: None)
    announced.commit(planned("d", "j"))
    assert announced.read(lambda view: view.job("j")) == log.read(lambda view: view.job("j"))
    assert announced.read(lambda view: view.head, fresh=False).seq == 2
    assert announced.bodies(["j"]) == {"j": '{"body": "j"}'}
    assert [record.seq for record in announced.records(1)] == [2]
    announced.close()


def test_every_record_has_the_part_of_the_function_that_is_bound(
    log: SqliteLog, noted: Noted
) -> None:
    """Bound once per invocation; the threads of all share one group."""
    shared = InstanceLog(log)
    first, second = shared.bind({"request_id": "r-1"}), shared.bind({"request_id": "r-2"})
    first.commit(noted("a"))
    second.commit_all([noted("b"), noted("c")])
    shared.commit(noted("d"))
    found = [record.fields.get("function") for record in log.records()]
    assert found == [{"request_id": "r-1"}, *[{"request_id": "r-2"}] * 2, None]
    assert first._group is second._group  # noqa: SLF001 - so that they commit together


def test_what_waits_is_part_of_the_next_append_and_comes_first(
    log: SqliteLog, noted: Noted
) -> None:
    """Nothing is appended before that, and its value is nobody's."""
    grouped = InstanceLog(log)
    grouped.commit_with_next(noted("start"))
    assert list(log.records()) == []
    assert grouped.commit(noted("event")).value == "event"
    assert len({record.fields["commit"] for record in log.records()}) == 1
    assert [record.fields["note"] for record in log.records()] == ["start", "event"]
    grouped.commit(noted("second"))
    assert len([*log.records()]) == 3


def test_what_waits_stays_when_an_append_fails(log: SqliteLog, noted: Noted) -> None:
    """A log that is busy, or a decision that raises, does not lose it."""
    grouped = InstanceLog(log)
    grouped.commit_with_next(noted("start"))
    with pytest.raises(LookupError):
        grouped.commit(failing)
    grouped.commit(noted("event"))
    assert [record.fields["note"] for record in log.records()] == ["start", "event"]


def test_what_waits_can_be_recorded_now(log: SqliteLog, noted: Noted) -> None:
    """Once; then there is nothing to record."""
    grouped = InstanceLog(log)
    grouped.commit_with_next(noted("start"))
    head = grouped.commit_pending()
    assert head
    assert (head.seq, grouped.commit_pending()) == (1, None)
    assert [record.fields["note"] for record in log.records()] == ["start"]
