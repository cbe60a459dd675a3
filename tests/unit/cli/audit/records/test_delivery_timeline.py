"""The story of a delivery, told from its records."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handler.audit.record import part
from handler.audit.sql.sqlite import SqliteLog
from handler.cli.audit.records.delivery_timeline import (
    DeliveryTimeline,
    Step,
    build_timelines,
    format_span,
)

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def stories(month: Path) -> dict[str, DeliveryTimeline]:
    """The month's stories by their delivery's key."""
    with closing(SqliteLog(month)) as log:
        about = [record for record in log.records() if part(record.fields, "delivery")]
    return {story.key: story for story in build_timelines(about)}


def with_state(stories: dict[str, DeliveryTimeline], state: str) -> DeliveryTimeline:
    """Return the first story with a job in this state, or of a delivery in it."""
    return next(
        story
        for story in stories.values()
        if story.state == state or any(job.state == state for job in story.jobs)
    )


def test_a_file_that_was_dropped_is_named_with_who_dropped_it(
    stories: dict[str, DeliveryTimeline],
) -> None:
    """Its size and tag, too, and the event's own id."""
    facts = dict(with_state(stories, "refused").facts)
    assert facts["asked for by"].startswith("uploader 8e61b3f4")
    assert facts["asked for by"].rpartition(" ")[2].startswith("192.0.2.")
    assert facts["through"].startswith("obs://nightdrop-drop/drop/")
    assert facts["through"].endswith(" bytes)")
    assert facts["event"].startswith("ObjectCreated:Put, ")


def action_of(step: Step) -> str:
    """Return what happened in a step."""
    return step.action


def test_a_tick_is_named_with_its_time(stories: dict[str, DeliveryTimeline]) -> None:
    """Who asked is the timer."""
    facts = dict(next(iter(stories.values())).facts)
    assert facts["asked for by"] == "timer nightly-upgrade"
    assert facts["through"] == "timer tick at 2026-10-25T18:00:00+00:00"


def test_a_lost_answer_is_told_to_its_end(stories: dict[str, DeliveryTimeline]) -> None:
    """Unknown, then adopted, then successful."""
    story = next(one for one in stories.values() if "job.adopted" in map(action_of, one.steps))
    actions = [step.action for step in story.steps if step.job]
    assert actions == ["job.planned", "job.sending", "job.unknown", "job.adopted", "job.finished"]
    assert story.jobs[0].after == story.steps[-4].after.removeprefix("+ ")
    assert (story.jobs[0].state, story.jobs[0].ended) == ("succeeded", "Successful (1 of 1)")


def test_a_rejection_says_all_that_is_wrong(stories: dict[str, DeliveryTimeline]) -> None:
    """The first error in the result, all of them among the steps."""
    story = with_state(stories, "rejected")
    assert dict(story.facts)["result"].startswith("document 1, line 2, kind:")
    assert dict(story.facts)["result"].endswith("(and 12 more, see below)")
    rejected = next(step for step in story.steps if step.action == "spec.rejected")
    assert rejected.detail.count("\n") == 12
    assert story.jobs == ()


def test_a_repetition_leads_to_what_it_repeats(stories: dict[str, DeliveryTimeline]) -> None:
    """By the first characters of its key."""
    story = with_state(stories, "repeated")
    repeated = next(step for step in story.steps if step.action == "delivery.repeated")
    named = repeated.detail.splitlines()[0].removeprefix("see ")
    assert any(key.startswith(named) for key in stories)


def test_stories_come_in_the_order_they_began(stories: dict[str, DeliveryTimeline]) -> None:
    """By the number of their first record."""
    numbers = [story.steps[0].seq for story in stories.values()]
    assert numbers == sorted(numbers)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.04, "0.0 s"),
        (3.21, "3.2 s"),
        (12.4, "12 s"),
        (59.6, "1 min"),
        (75, "1 min 15 s"),
        (7320, "2 h 2 min"),
        (86_400, "1 d"),
        (273_600, "3 d 4 h"),
    ],
)
def test_a_span_is_said_as_people_say_it(seconds: float, said: str) -> None:
    """Two units at most."""
    assert format_span(seconds) == said


@given(st.floats(0, 1e9))
def test_any_span_can_be_said(seconds: float) -> None:
    """Short enough for a column."""
    assert 3 <= len(format_span(seconds)) < 20
