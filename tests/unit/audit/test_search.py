"""The names of a delivery or a job lead to it and its records, in every store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from handler.audit.log import Decision
from handler.audit.name_lookup import find_job
from handler.audit.record import Draft
from handler.audit.search import MOST_FOUND
from handler.cli.open_stores import open_any_log

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from handler.audit.log import Decide, Log

    Planned = Callable[..., Decide[None]]


@pytest.fixture
def log(store_address: str, planned: Planned) -> Iterator[Log]:
    """A log with two deliveries, the second planned last, the first changed last but one."""
    opened = open_any_log(store_address)
    opened.commit(planned("d1", "one", "two"))
    opened.commit(planned("d2", "three"))
    opened.commit(message("log.noted"))
    opened.commit(message("job.created", "d1", "one", job_id="7"))
    opened.commit(message("job.refused", "d2", "three"))
    yield opened
    opened.close()


def message(action: str, delivery: str = "", job: str = "", **response: str) -> Decide[None]:
    """Decide to record an event of a job, or of none."""
    parts = {"delivery": {"key": delivery}, "job": {"key": job}} if job else {}
    draft = Draft(action, "success", response=response, **parts)  # type: ignore[arg-type]
    return lambda _view: Decision(None, (draft,))


@pytest.mark.parametrize(
    ("what", "found"),
    [
        ("d1", ["d1"]),
        ("d", ["d2", "d1"]),
        ("name-one", ["d1"]),
        ("name-", ["d2", "d1"]),
        ("three", ["d2"]),
        ("t", ["d2", "d1"]),
        ("7", ["d1"]),
        ("", []),
        ("%", []),
        ("\0", []),
        ("x", []),
        ("obs://b/k", ["d2", "d1"]),
        ("k", ["d2", "d1"]),
        ("obs", ["d2", "d1"]),
        ("o", ["d1"]),
    ],
)
def test_a_delivery_is_found_by_its_names(log: Log, what: str, found: list[str]) -> None:
    """By names, ids and keys and their beginnings, the latest first."""
    assert [delivery.key for delivery in log.read(lambda view: view.find(what))] == found


@pytest.mark.parametrize("what", ["one", "name-one", "7", "name-o"])
def test_a_job_is_found_by_its_names(log: Log, what: str) -> None:
    """By its key, name or id, or the beginning of one, in every store."""
    assert log.read(lambda view: find_job(view, what)).key == "one"


@pytest.mark.parametrize("what", ["7", "89", "8", "9"])
def test_a_job_that_exists_twice_is_found_by_the_id_of_each_copy(log: Log, what: str) -> None:
    """Or the beginning of one, in every store."""
    for copy in ("89", "9"):
        log.commit(message("job.duplicated", "d1", "one", job_id=copy))
    assert log.read(lambda view: find_job(view, what)).key == "one"
    assert [delivery.key for delivery in log.read(lambda view: view.find(what))] == ["d1"]


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("name-", "could be any of these"),
        ("nane-one", "Similar: name-one"),
        ("zzz", 'Nothing named "zzz"'),
        ("", "Nothing named"),
    ],
)
def test_an_unknown_or_ambiguous_job_is_answered_with_names(
    log: Log, what: str, message: str
) -> None:
    """All that are meant, or similar ones."""
    with pytest.raises(LookupError, match=message):
        log.read(lambda view: find_job(view, what))


def test_the_latest_jobs_come_first(log: Log) -> None:
    """At most as many as are asked for."""
    jobs = log.read(lambda view: view.latest_jobs(2))
    assert [job.key for job in jobs] == ["three", "two"]


def test_a_delivery_that_is_found_has_its_jobs(log: Log) -> None:
    """In their present state."""
    [delivery] = log.read(lambda view: view.find("7"))
    assert [(job.key, job.state) for job in delivery.jobs] == [
        ("one", "created"),
        ("two", "planned"),
    ]


def test_an_exact_name_comes_before_a_longer_one(log: Log, planned: Planned) -> None:
    """The newer run does not hide the one that was named."""
    log.commit(planned("d1x", "four"))
    assert [delivery.key for delivery in log.read(lambda view: view.find("d1"))] == ["d1", "d1x"]


def test_the_records_of_a_delivery_are_found(log: Log) -> None:
    """All of them, in order, and no others."""
    kept = list(log.records())
    assert [record.seq for record in log.records_of({"d1", "none"})] == [1, 2, 3, 7]
    assert list(log.records_of(["d2"])) == [kept[3], kept[4], kept[7]]
    assert list(log.records_of([])) == []


def test_a_beginning_of_too_many_names_means_no_job(log: Log, planned: Planned) -> None:
    """A second job of that name may be among those that were not looked at; a full name is."""
    for number in range(MOST_FOUND):
        log.commit(planned(f"one-{number}", f"j{number}"))
    log.commit(planned("d9", "one2"))
    with pytest.raises(LookupError, match="begins too many names"):
        log.read(lambda view: find_job(view, "on"))
    assert log.read(lambda view: find_job(view, "one")).key == "one"
