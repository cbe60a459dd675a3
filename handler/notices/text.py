"""The text of notices: what happened, what to do, and the command to look.

Built from names, states, counts and the notes of records, none of which holds a value of a spec.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from handler.audit.job_end import WRONG, failure_sentence, reasons, shown_state, went_wrong
from handler.cloud.smn.client import MESSAGE_BYTES, SUBJECT_BYTES
from handler.notices.rollout_text import latest_rollouts
from handler.runtime.response import result_of
from handler.values.canonical_json import short_key, timestamp
from handler.values.display import display, quantity
from handler.values.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from handler.audit.job_state import JobState
    from handler.audit.log import View
    from handler.audit.state import DeliveryState
    from handler.notices.rollout_text import RolloutText

_MOST_SENTENCES, _MOST_OF_MANY = 20, 2
_LONGEST = 400
_MOST_OPEN = 1000

_TO_DO = {
    "rejected": "correct the spec and deliver it again",
    "awaiting": "check the spec; `nightdrop approve {key}` lets it run",
    "duplicated": "two jobs run for one; `nightdrop jobs delete JOB` deletes one of them",
    "refused": "correct the cause, then deliver the same again",
    "expired": "deliver it again if it is still wanted",
    "failed": "look at the targets that failed; `nightdrop jobs retry JOB` runs them again",
}
"""What to do, by how a delivery or one of its jobs stands; the first that applies is said."""


class NoticeText(NamedTuple):
    """A notice's subject, one line, and its body."""

    subject: str
    body: str


class Alarm(NamedTuple):
    """A delivery that a notice is about, with its jobs, and what is said of its rollouts."""

    run: DeliveryState
    rollouts: tuple[RolloutText, ...] = ()


def alarm_text(alarms: Sequence[Alarm]) -> NoticeText:
    """Return the text of one notice about some deliveries, at least one."""
    if len(alarms) == 1:
        [alarm] = alarms
        title = f"{_subject(alarm.run)} {_headline(alarm)}"
        return _cut(title, _paragraph(alarm, _MOST_SENTENCES))
    body = "\n\n".join(_paragraph(alarm, _MOST_OF_MANY) for alarm in alarms)
    return _cut(f"{len(alarms)} deliveries need attention", body)


def summary_text(view: View, since: datetime) -> NoticeText:
    """Return the summary of what happened since a moment, and of what waits."""
    changes = view.changes_since(timestamp(since), _MOST_SENTENCES)
    waiting = view.open(_MOST_OPEN)
    jobs, failed = sum(changes.jobs.values()), sum(changes.jobs.get(word, 0) for word in WRONG)
    rollouts = [*latest_rollouts(view, timestamp(since))]
    about = [f"{quantity(jobs, 'job')}, {failed} failed"] if jobs else []
    about += [quantity(len(rollouts), "rollout")] if rollouts else []
    subject = ", ".join(about) or "no jobs"
    open_jobs = [*waiting.jobs, *waiting.followed]
    parts = (
        [f"Since {timestamp(since)[:16]}Z:"],
        _counted("jobs", changes.jobs),
        _counted("deliveries", changes.deliveries),
        _listed("Rollouts:", rollouts),
        _listed("What failed:", map(failure_sentence, changes.wrong), failed),
        _listed("What waits:", _waiting(open_jobs, waiting.awaiting)),
        ["", "nightdrop audit stats"],
    )
    return _cut(
        f"{subject} since {timestamp(since)[:10]}",
        "\n".join(line for part in parts for line in part),
    )


def _paragraph(alarm: Alarm, most: int) -> str:
    """Return what happened to a delivery, what to do, and the command to look."""
    run, rollouts = alarm
    result = result_of(run.key, run, repeated=False)
    of_rollouts = [
        f"{one.name}: {line}" if len(rollouts) > 1 else line
        for one in rollouts
        for line in one.sentences
    ]
    sentences = [*of_rollouts, *result.errors, *result.warnings] or ["see its records"]
    doubts = [job.note for job in run.jobs if job.note and not (went_wrong(job) or job.final)]
    sentences += [one for one in doubts if not any(one in said for said in sentences)]
    return "\n".join(
        [
            f"{_subject(run)} {_headline(alarm)}:",
            *(f"- {line}" for line in _first(sentences, most)),
            *(f"What to do: {line}" for line in _to_do(alarm)),
            *(f"Look: nightdrop rollout show {one.name}" for one in rollouts),
            f"Look: nightdrop audit show {short_key(run.key)}",
        ]
    )


def _subject(run: DeliveryState) -> str:
    """Return what a delivery is a run of; a timer's subject ends with a hash."""
    name = run.subject.rpartition(":")[0] if run.trigger == "timer" else run.subject
    return display("a spec in an event" if run.trigger == "direct" else name)


def _headline(alarm: Alarm) -> str:
    run, rollouts = alarm
    if rollouts:
        more = f", and {len(rollouts) - 1} more" if len(rollouts) > 1 else ""
        return f"has a rollout, {rollouts[0].name}, which {rollouts[0].headline}{more}"
    if run.state == "awaiting":
        return f"awaits approval until {run.awaits_until[:16]}Z"
    wrong = sum(map(went_wrong, run.jobs))
    if wrong:
        return f"has {wrong} of {quantity(len(run.jobs), 'job')} that went wrong"
    return "was rejected" if run.state == "rejected" else "needs attention"


def _to_do(alarm: Alarm) -> list[str]:
    run, rollouts = alarm
    to_do = [one.to_do for one in rollouts if one.to_do]
    if to_do:
        return to_do
    states = {run.state, *map(shown_state, run.jobs)}
    states |= {"failed"} if states & {"partly failed", "end unknown"} else set()
    found = next((text for state, text in _TO_DO.items() if state in states), "look at its records")
    return [found.format(key=short_key(run.key))]


def _waiting(jobs: Sequence[JobState], awaiting: Sequence[DeliveryState]) -> Iterable[str]:
    for state in sorted({job.state for job in jobs}):
        alike = [job for job in jobs if job.state == state]
        word = "still running" if alike[0].followed else state
        yield f"{quantity(len(alike), 'job')} {word}{'' if alike[0].followed else reasons(alike)}"
    yield from (f"{_subject(run)} {_headline(Alarm(run))}" for run in awaiting)


def _counted(what: str, counts: Mapping[str, int]) -> list[str]:
    named = ", ".join(f"{number} {state}" for state, number in counts.items())
    return [f"- {what}: {named or 'none'}"]


def _listed(title: str, sentences: Iterable[str], count: int = 0) -> list[str]:
    lines = list(sentences)
    shown_lines = _first(lines, _MOST_SENTENCES, max(count, len(lines)))
    return ["", title, *(f"- {line}" for line in shown_lines)] if lines else []


def _first(sentences: Sequence[str], most: int, count: int = 0) -> list[str]:
    """Return the first of some sentences, each on one line, and how many more there are."""
    lines = [display(one, longest=_LONGEST) for one in sentences[:most]]
    more = max(count, len(sentences)) - len(lines)
    return [*lines, *([f"and {more} more"] if more else [])]


def _cut(subject: str, body: str) -> NoticeText:
    return NoticeText(
        _fitting(f"Nightdrop: {subject}", SUBJECT_BYTES), _fitting(body, MESSAGE_BYTES)
    )


def _fitting(text: str, most: int) -> str:
    """Return a text of at most some bytes of UTF-8."""
    data = text.encode("utf-8", "replace")
    if len(data) <= most:
        return data.decode()
    end = "…".encode()
    return data[: most - len(end)].decode("utf-8", "ignore") + end.decode()
