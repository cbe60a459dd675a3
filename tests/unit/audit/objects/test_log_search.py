"""A run that ended long ago is found in a log in objects by its names, with few requests."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from handler.audit.log import Decision
from handler.audit.objects.append_position import Limits
from handler.audit.objects.log import ObjectLog
from handler.audit.record import Draft, part
from handler.audit.retention import forget
from handler.values.canonical_json import key_of
from tests.support.memory_objects import MemoryObjects, StoredObjects

if TYPE_CHECKING:
    from handler.audit.log import Decide
    from handler.audit.record import Part

RUNS = 40


def delivery_key(number: int) -> str:
    """Return a delivery's key, as long as they are."""
    return key_of(f"delivery {number}")


def job_key(number: int) -> str:
    """Return a job's key."""
    return key_of(f"job {number}")


def ended(number: int, name: str) -> Decide[None]:
    """Decide to record a run that is over."""
    key = delivery_key(number)
    about: Part = {"key": key, "trigger": "direct", "subject": f"s{number}"}
    job: Part = {"key": job_key(number), "name": name, "type": "app_upgrade", "document": 1}
    created: Part = {"job_id": f"id-{number}"}
    drafts = (
        Draft("delivery.planned", "pending", delivery=about),
        Draft("job.planned", "pending", delivery={"key": key}, job=job),
        Draft("job.created", "success", delivery={"key": key}, job=job, response=created),
        Draft(
            "job.finished", "success", delivery={"key": key}, job=job,
            response={"final": "Successful"},
        ),
    )  # fmt: skip
    return lambda _view: Decision(None, drafts)


def repeated(number: int) -> Decide[None]:
    """Decide to record that a delivery came again."""
    draft = Draft("delivery.repeated", "success", delivery={"key": delivery_key(number)})
    return lambda _view: Decision(None, (draft,))


@pytest.fixture
def bucket() -> StoredObjects:
    """A log of many short segments; the first run came again much later, most share a name."""
    bucket = StoredObjects()
    with closing(ObjectLog(MemoryObjects(bucket), limits=Limits(appends=2))) as log:
        for number in range(RUNS):
            bucket.seconds += 1
            log.commit(ended(number, f"job-{number}" if number < 2 else "nightly"))
            if number == RUNS // 2:
                log.commit(repeated(0))
    return bucket


@pytest.mark.parametrize(
    "what",
    [
        *("job-0", "id-0", job_key(0), job_key(0)[:16], job_key(0)[:20]),
        *(delivery_key(0), delivery_key(0)[:16], delivery_key(0)[:20]),
    ],
)
def test_it_is_found_by_its_name_its_id_or_what_is_shown_of_its_key(
    bucket: StoredObjects, what: str
) -> None:
    """By an instance that starts cold, which looks for new records once."""
    objects = MemoryObjects(bucket)
    with closing(ObjectLog(objects)) as log:
        log.read(lambda view: view.head)
        objects.asked.clear()
        [found] = log.read(lambda view: view.find(what))
        assert (found.key, found.jobs[0].job_id) == (delivery_key(0), "id-0")
        assert objects.asked["read"] <= 1


def test_a_key_with_another_end_is_another_key(bucket: StoredObjects) -> None:
    """However much of it is the same."""
    with closing(ObjectLog(MemoryObjects(bucket))) as log:
        assert log.read(lambda view: view.find(job_key(0)[:20] + "!")) == ()
        assert log.read(lambda view: view.job(job_key(0)[:51] + "!")) is None
        assert log.read(lambda view: view.delivery(delivery_key(0)[:51] + "!")) is None


def test_the_latest_of_many_runs_with_one_name_are_found(bucket: StoredObjects) -> None:
    """The store is asked once, however many there are."""
    objects = MemoryObjects(bucket)
    with closing(ObjectLog(objects)) as log:
        log.read(lambda view: view.head)
        objects.asked.clear()
        found = [delivery.key for delivery in log.read(lambda view: view.find("nightly"))]
        assert found[:10] == [delivery_key(RUNS - 1 - number) for number in range(10)]
        assert objects.asked["read"] <= 1


def test_its_records_are_read_from_the_segments_that_have_them(bucket: StoredObjects) -> None:
    """From its first record to its last, also if that came long after it was over."""
    objects, names = MemoryObjects(bucket), list[str]()

    def around(_verb: str, name: str, do: object) -> None:
        names.append(name)
        assert callable(do)
        do()

    with closing(ObjectLog(objects)) as log:
        log.read(lambda view: view.head)
        every = list(log.records())
        objects.around = around
        found = list(log.records_of({delivery_key(0)}))
    about = [one for one in every if part(one.fields, "delivery").get("key") == delivery_key(0)]
    assert found == about
    assert [one.fields["action"] for one in found][-1] == "delivery.repeated"
    assert names == [f"records/{number:010}" for number in range(1, RUNS // 4 + 2)]


def test_one_segment_is_read_for_a_recent_run(bucket: StoredObjects) -> None:
    """However long the log is."""
    objects = MemoryObjects(bucket)
    with closing(ObjectLog(objects)) as log:
        log.read(lambda view: view.head)
        objects.asked.clear()
        assert len(list(log.records_of({delivery_key(RUNS - 1)}))) == 4
        assert objects.asked == {"read": 1}


def test_the_records_of_a_forgotten_run_are_found_in_the_full_log(bucket: StoredObjects) -> None:
    """Its row, which names the segments, is deleted."""
    with closing(ObjectLog(MemoryObjects(bucket))) as log:
        bucket.seconds += 100 * 86_400
        forget(log, timedelta(days=90))
        assert log.read(lambda view: view.find(delivery_key(3))) == ()
        assert len(list(log.records_of({delivery_key(3)}))) == 4
