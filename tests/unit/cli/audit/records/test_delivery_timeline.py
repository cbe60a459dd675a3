"""The timeline of a delivery, built from its records."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import pytest

from handler.audit.record import Draft, Head, part, seal
from handler.audit.sql.sqlite import SqliteLog
from handler.cli.audit.records.delivery_timeline import (
    DeliveryTimeline,
    Step,
    build_timelines,
)

if TYPE_CHECKING:
    from pathlib import Path

    from handler.audit.record import Part


@pytest.fixture(scope="module")
def timelines(month: Path) -> dict[str, DeliveryTimeline]:
    """The timelines of the month by their delivery's key."""
    with closing(SqliteLog(month)) as log:
        about = [record for record in log.records() if part(record.fields, "delivery")]
    return {timeline.key: timeline for timeline in build_timelines(about)}


def with_state(timelines: dict[str, DeliveryTimeline], state: str) -> DeliveryTimeline:
    """Return the first timeline with a job in this state, or of a delivery in it."""
    return next(
        timeline
        for timeline in timelines.values()
        if timeline.state == state or any(job.state == state for job in timeline.jobs)
    )


def test_a_dropped_file_is_named_with_its_uploader(
    timelines: dict[str, DeliveryTimeline],
) -> None:
    """Its size and tag, too, and the event's own id."""
    facts = dict(with_state(timelines, "refused").facts)
    assert facts["asked for by"].startswith("uploader 8e61b3f4")
    assert facts["asked for by"].rpartition(" ")[2].startswith("192.0.2.")
    assert facts["through"].startswith("obs://nightdrop-drop/drop/")
    assert facts["through"].endswith(" bytes)")
    assert facts["event"].startswith("ObjectCreated:Put, ")


def action_of(step: Step) -> str:
    """Return what happened in a step."""
    return step.action


def test_a_timer_event_is_named_with_its_time(timelines: dict[str, DeliveryTimeline]) -> None:
    """The actor is the timer."""
    facts = dict(next(iter(timelines.values())).facts)
    assert facts["asked for by"] == "timer nightly-upgrade"
    assert facts["through"] == "timer tick at 2026-10-25T18:00:00+00:00"


def test_a_lost_answer_is_followed_to_the_end_of_its_job(
    timelines: dict[str, DeliveryTimeline],
) -> None:
    """Unknown, then adopted, then successful."""
    timeline = next(one for one in timelines.values() if "job.adopted" in map(action_of, one.steps))
    actions = [step.action for step in timeline.steps if step.job]
    assert actions == ["job.planned", "job.sending", "job.unknown", "job.adopted", "job.finished"]
    assert timeline.jobs[0].after == timeline.steps[-4].after.removeprefix("+ ")
    assert (timeline.jobs[0].state, timeline.jobs[0].ended) == ("succeeded", "Successful (1 of 1)")


def test_a_rejection_lists_every_error(timelines: dict[str, DeliveryTimeline]) -> None:
    """The first error in the result, all of them among the steps."""
    timeline = with_state(timelines, "rejected")
    assert dict(timeline.facts)["result"].startswith("document 1, line 2, kind:")
    assert dict(timeline.facts)["result"].endswith("(and 12 more, see below)")
    rejected = next(step for step in timeline.steps if step.action == "spec.rejected")
    assert rejected.detail.count("\n") == 12
    assert timeline.jobs == ()


def test_a_repetition_names_the_delivery_it_repeats(timelines: dict[str, DeliveryTimeline]) -> None:
    """By the first characters of its key."""
    timeline = with_state(timelines, "repeated")
    repeated = next(step for step in timeline.steps if step.action == "delivery.repeated")
    named = repeated.detail.splitlines()[0].removeprefix("see ")
    assert any(key.startswith(named) for key in timelines)


def test_timelines_are_ordered_by_first_record(timelines: dict[str, DeliveryTimeline]) -> None:
    """By the number of their first record."""
    numbers = [timeline.steps[0].seq for timeline in timelines.values()]
    assert numbers == sorted(numbers)


def test_the_records_of_waves_name_the_wave() -> None:
    """The approvals of two waves differ, and an operator's name follows."""
    key: Part = {"key": "d"}
    second: Part = {"key": "r", "wave": 2}
    ada: Part = {"kind": "operator", "name": "ada"}
    drafts = [
        Draft("delivery.planned", "pending", delivery={**key, "jobs": 0}),
        Draft("wave.started", "success", delivery=key, rollout={"key": "r", "wave": 1}),
        Draft("wave.approved", "success", key, ada, rollout=second, note="by hand"),
    ]
    at = datetime(2026, 11, 24, 2, tzinfo=timezone.utc)
    records = [
        seal(draft, Head(seq, "0" * 64), at=at, commit="c") for seq, draft in enumerate(drafts)
    ]
    [timeline] = build_timelines(records)
    assert [step.detail for step in timeline.steps] == [
        "0 jobs",
        "wave 1",
        "wave 2\nby ada\nby hand",
    ]
