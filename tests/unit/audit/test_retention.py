"""Closed deliveries are forgotten after a time, in every store, and their records stay."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest
from click.testing import CliRunner

from handler.audit.actions import FORGOTTEN
from handler.audit.instance_log import InstanceLog
from handler.audit.log import Decision
from handler.audit.objects.append_position import SegmentLimits
from handler.audit.objects.log import ObjectLog
from handler.audit.record import Draft
from handler.audit.retention import forget, forget_closed
from handler.audit.verification.sources.objects import ObjectsSource
from handler.audit.verification.verifier import Evidence, verify_log
from handler.cli.main import main
from handler.cli.open_stores import open_any_log, open_any_source
from handler.errors import LogError
from handler.values.canonical_json import sha256_hex
from tests.support.memory_objects import MemoryObjects, StoredObjects
from tests.support.rollout_log import RolloutLog, named

if TYPE_CHECKING:
    from collections.abc import Iterator

    from handler.audit.log import Decide, Log
    from handler.audit.record import Part

FUNCTION: Part = {"name": "nightdrop"}
DAY = 86_400
KEEP = timedelta(days=90)
AT_ONCE = timedelta(days=-2)
"""A retention that has long passed for everything, in a store whose clock no test can move."""


def delivery_draft(word: str, key: str) -> Draft:
    """Return a record about a delivery."""
    about: Part = {"key": key, "trigger": "direct", "subject": f"s-{key}"}
    return Draft(f"delivery.{word}", "pending", delivery=about)


def job_draft(word: str, key: str) -> Draft:
    """Return a record about the job of a delivery."""
    job: Part = {"key": f"j-{key}", "name": key, "type": "app_upgrade", "document": 1}
    return Draft(f"job.{word}", "success", delivery={"key": key}, job=job)


def recorded(*drafts: Draft) -> Decide[None]:
    """Decide to record something."""
    return lambda _view: Decision(None, drafts)


def closed(key: str) -> Decide[None]:
    """Decide to record a run whose job was refused."""
    return recorded(
        delivery_draft("planned", key), job_draft("planned", key), job_draft("refused", key)
    )


def known(log: Log, *keys: str) -> list[str]:
    """Return the deliveries and jobs that are in the state."""
    deliveries = [key for key in keys if log.read(lambda view: view.delivery(key))]  # noqa: B023 - read at once
    jobs = [f"j-{key}" for key in keys if log.read(lambda view: view.job(f"j-{key}"))]  # noqa: B023 - same reason
    return deliveries + jobs


@pytest.fixture
def log(store_address: str) -> Iterator[Log]:
    """A log with a closed delivery, one that waits, one with an open job, and a rejected one."""
    with closing(open_any_log(store_address)) as opened:
        opened.commit(closed("closed"))
        opened.commit(recorded(delivery_draft("received", "waits")))
        opened.commit(recorded(delivery_draft("planned", "open"), job_draft("planned", "open")))
        opened.commit(recorded(delivery_draft("rejected", "rejected")))
        yield opened


def test_closed_deliveries_are_forgotten_and_open_ones_stay(log: Log) -> None:
    """A delivery that waits or has an open job is known for as long as it takes."""
    forget(log, AT_ONCE)
    assert known(log, "closed", "waits", "open", "rejected") == ["waits", "open", "j-open"]
    assert log.read(lambda view: view.find("closed")) == ()


def test_a_run_is_known_as_long_as_the_one_that_followed_it(log: Log) -> None:
    """Or the same spec, delivered once more, would be planned beside the later run."""
    again = delivery_draft("received", "again")
    log.commit(recorded(again._replace(delivery={**again.delivery, "repeats": "closed"})))
    log.commit(recorded(delivery_draft("planned", "again"), job_draft("planned", "again")))
    forget(log, AT_ONCE)
    assert known(log, "closed", "again") == ["closed", "again", "j-closed", "j-again"]
    log.commit(recorded(job_draft("refused", "again")))
    forget(log, AT_ONCE)  # the later run, and after it the earlier one
    forget(log, AT_ONCE)
    assert known(log, "closed", "again") == []


def test_the_records_stay_and_one_lists_what_was_forgotten(log: Log) -> None:
    """With the moment up to which, and who did it."""
    before = list(log.records())
    forget(InstanceLog(log, function=FUNCTION), AT_ONCE)
    *records, last = log.records()
    assert records == before
    assert last.fields["action"] == FORGOTTEN
    assert last.fields["function"] == FUNCTION
    assert set(log.records_of(["closed"])) == set(before[:3])


def test_a_forgotten_delivery_that_returns_is_planned_as_new(log: Log) -> None:
    """As if it had never been; the earlier records are still in the log."""
    forget(log, AT_ONCE)
    log.commit(recorded(delivery_draft("received", "closed")))
    found = log.read(lambda view: view.delivery("closed"))
    assert found
    assert (found.state, found.jobs) == ("received", ())


def test_what_a_job_that_returns_is_sent_with_survives_a_rebuild(log: Log) -> None:
    """Its earlier run, which was forgotten, has settled a body of the same key."""
    forget(log, AT_ONCE)
    again = job_draft("planned", "closed")._replace(body="{}", request={"digest": sha256_hex("{}")})
    log.commit(recorded(delivery_draft("planned", "closed"), again))
    cast("Any", log).rebuild()
    assert log.bodies(["j-closed"]) == {"j-closed": "{}"}


def test_forgetting_verifies_and_survives_a_rebuild(log: Log, store_address: str) -> None:
    """Folding the records again yields the same rows."""
    forget(log, AT_ONCE)
    log.commit(closed("later"))
    expected = known(log, "closed", "waits", "open", "later")
    with closing(open_any_source(store_address)) as source:
        assert verify_log(source, Evidence()).faults == ()
    log.rebuild()  # type: ignore[attr-defined] # every store has it
    assert known(log, "closed", "waits", "open", "later") == expected


@pytest.mark.parametrize("what", ["closed", "j-closed"])
def test_audit_show_finds_a_forgotten_delivery(log: Log, store_address: str, what: str) -> None:
    """By folding the records without forgetting, once nothing that is known has the name."""
    forget(log, AT_ONCE)
    found = CliRunner().invoke(main, ["audit", "show", what, "--audit", store_address, "-ojson"])
    assert [json.loads(line)["action"] for line in found.output.splitlines()] == [
        "delivery.planned",
        "job.planned",
        "job.refused",
    ]


def test_two_instances_that_forget_at_once_leave_one_record(log: Log) -> None:
    """The second finds nothing left to forget."""
    decide = forget_closed(AT_ONCE)
    first, second = log.commit(decide), log.commit(decide)
    assert (len(first.records), second.records) == (1, ())


def objects_log(bucket: StoredObjects, appends: int = 500) -> ObjectLog:
    """Open a log whose clock the test moves."""
    return ObjectLog(MemoryObjects(bucket), limits=SegmentLimits(appends=appends))


def test_nothing_is_forgotten_before_its_time() -> None:
    """Within a day of it, so that there is at most one record a day."""
    bucket = StoredObjects()
    with closing(objects_log(bucket)) as log:
        log.commit(closed("a"))
        bucket.seconds = 90 * DAY
        forget(log, KEEP)
        assert known(log, "a") == ["a", "j-a"]
        bucket.seconds = 91 * DAY + 1
        forget(log, KEEP)
        assert known(log, "a") == []


def test_a_late_answer_keeps_a_delivery_known() -> None:
    """It counts from the last record of its jobs, whatever happened to the delivery itself."""
    bucket = StoredObjects()
    with closing(objects_log(bucket)) as log:
        log.commit(closed("a"))
        bucket.seconds = 60 * DAY
        log.commit(recorded(job_draft("abandoned", "a")))
        bucket.seconds = 92 * DAY
        forget(log, KEEP)
        assert known(log, "a") == ["a", "j-a"]


def test_a_run_that_finds_nothing_makes_no_request() -> None:
    """The reconciler looks at every run."""
    objects = MemoryObjects()
    with closing(ObjectLog(objects)) as log:
        log.commit(closed("a"))
        objects.asked.clear()
        forget(log, KEEP)
        assert objects.asked == {}


@pytest.mark.parametrize("appends", [1, 2, 500])
def test_a_snapshot_holds_what_is_remembered(appends: int) -> None:
    """An instance that starts cold knows as much as one that saw it happen, and it verifies."""
    bucket = StoredObjects()
    with closing(objects_log(bucket, appends)) as log:
        log.commit(closed("old"))
        bucket.seconds = 92 * DAY
        log.commit(closed("new"))
        forget(log, KEEP)
        log.commit(closed("newer"))
        with closing(objects_log(bucket)) as cold:
            assert known(cold, "old", "new", "newer") == known(log, "old", "new", "newer")
            assert known(cold, "old") == []
    with closing(ObjectsSource(MemoryObjects(bucket))) as source:
        assert verify_log(source, Evidence()).faults == ()


def test_a_log_that_cannot_be_read_is_an_error(log: Log) -> None:
    """The reconciler reports it like any other."""
    log.close()
    with pytest.raises(LogError):
        forget(log, KEEP)


def test_a_rollout_that_is_open_is_never_forgotten() -> None:
    """It may be paused for as long as it takes."""
    one = RolloutLog()
    key = one.plan(named(2))
    one.operate("pause")
    one.now += timedelta(days=100)
    forget(one.log, timedelta(days=90))
    assert one.log.read(lambda view: view.rollouts.get(key))
