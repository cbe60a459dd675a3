"""What notices say: what happened, what to do, the command to look; within the limits."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from handler.audit.job_state import JobState, JobWord
from handler.audit.state import DeliveryState, DeliveryWord
from handler.cloud.smn.client import MESSAGE_BYTES, SUBJECT_BYTES
from handler.notices.text import Alarm, alarm_text, summary_text
from tests.faults.simulation.memory_log import MemoryLog
from tests.support.clock import Clock

NOW = datetime(2026, 11, 26, 7, tzinfo=timezone.utc)
RUN = DeliveryState("k" * 52, "object", "obs://b/drop/hall.yaml", "planned")
JOB = JobState("j", "k", 1, "hall-abc", "node_upgrade", "created", job_id="id")
ENDED = JOB._replace(finished="Failed", tasks=3, succeeded=1, note="no disk")


def job(state: JobWord, note: str = "") -> JobState:
    """Return a job in a state."""
    return JOB._replace(state=state, note=note)


@pytest.mark.parametrize(
    ("jobs", "sentence", "to_do"),
    [
        (ENDED, "partly failed on the fleet, 1 of 3 tasks succeeded: no disk", "the targets that"),
        (ENDED._replace(finished="New"), "has no known end on the fleet", "the targets that"),
        (job("refused", "IEF said no"), "was refused: IEF said no", "correct the cause"),
        (job("expired"), "job hall-abc expired", "deliver it again"),
        (job("duplicated", "ids 1, 2"), "ids 1, 2", "jobs delete JOB"),
    ],
    ids=["partly failed", "end unknown", "refused", "expired", "duplicated"],
)
def test_each_end_has_its_sentence_and_what_to_do(
    jobs: JobState, sentence: str, to_do: str
) -> None:
    """And the command to look."""
    text = alarm_text([Alarm(RUN._replace(jobs=(jobs, JOB)))])
    assert text.subject == "Nightdrop: obs://b/drop/hall.yaml has 1 of 2 jobs that went wrong"
    assert sentence in text.body
    assert to_do in text.body.partition("What to do: ")[2]
    assert text.body.endswith(f"\nLook: nightdrop audit show {'k' * 16}")


def test_what_awaits_approval_says_until_when() -> None:
    """And how it is approved."""
    run = RUN._replace(state="awaiting", awaits_until="2026-11-26T09:30:00.000000Z", note="rule 2")
    text = alarm_text([Alarm(run)])
    assert text.subject.endswith("awaits approval until 2026-11-26T09:30Z")
    assert f"`nightdrop approve {'k' * 16}`" in text.body


def test_a_doubted_job_is_named_by_its_note() -> None:
    """It is not final, so it is no failure yet."""
    text = alarm_text([Alarm(RUN._replace(jobs=(job("unknown", "not ours to adopt"),)))])
    assert text.subject.endswith("needs attention")
    assert "not ours to adopt" in text.body


@pytest.mark.parametrize(
    ("trigger", "subject", "shown"),
    [
        ("timer", "timer:nightly:abcdefgh", "timer:nightly"),
        ("direct", "direct", "a spec in an event"),
        ("object", "obs://b/\x1b[2J\u202e", r"obs://b/\x1b[2J\u202e"),
    ],
)
def test_a_subject_is_text_that_does_nothing(trigger: str, subject: str, shown: str) -> None:
    """A name may hold anything."""
    run = DeliveryState("k", trigger, subject, "rejected", note="why")
    assert alarm_text([Alarm(run)]).subject == f"Nightdrop: {shown} was rejected"


def test_many_deliveries_share_a_text_of_limited_size() -> None:
    """Each with its first sentences; all of them fit into one message."""
    jobs = tuple(ENDED._replace(name=f"hall-{n}", note="é" * 999) for n in range(200))
    runs = [RUN._replace(key=f"{number:03}" + "k" * 49, jobs=jobs) for number in range(100)]
    text = alarm_text([*map(Alarm, runs)])
    assert text.subject == "Nightdrop: 100 deliveries need attention"
    assert all(f"nightdrop audit show {run.key[:16]}" in text.body for run in runs)
    assert "- and 198 more" in text.body
    assert len(text.body.encode()) <= MESSAGE_BYTES


def test_nothing_is_longer_than_the_service_takes() -> None:
    """In bytes, and cut between two characters."""
    run = DeliveryState("k", "object", "obs://b/" + "夜" * 1000, "rejected")
    subject = alarm_text([Alarm(run)]).subject.encode()
    assert SUBJECT_BYTES - 2 <= len(subject) <= SUBJECT_BYTES
    assert subject.decode().endswith("…")


@pytest.mark.parametrize("state", ["planned", "ignored"])
def test_an_alarm_without_a_reason_points_to_the_records(state: DeliveryWord) -> None:
    """Such as an object that was written again after its event."""
    assert "- see its records" in alarm_text([Alarm(RUN._replace(state=state))]).body


def test_a_summary_of_an_empty_night_says_so() -> None:
    """No news is news."""
    text = MemoryLog(Clock(NOW)).read(lambda view: summary_text(view, NOW))
    assert text.subject == "Nightdrop: no jobs since 2026-11-26"
    assert "- jobs: none\n- deliveries: none\n\nnightdrop audit stats" in text.body
