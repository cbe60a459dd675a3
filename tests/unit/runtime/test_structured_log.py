"""Log lines: which fields are accepted, and which records need attention."""

from __future__ import annotations

import json
from datetime import datetime, timezone

import pytest

from handler.audit.actions import ATTENTION
from handler.audit.record import Draft, Head, Outcome, Record, seal
from handler.runtime.structured_log import (
    LINE_FIELDS,
    LONGEST_LINE,
    attention_lines,
    log_line,
    write_stdout,
)


def record(action: str, *, note: str = "", job: bool = True) -> Record:
    """Return a sealed record of a job or of a delivery alone."""
    draft = Draft(
        action=action,
        outcome="failure",
        note=note,
        delivery={"key": "d" * 52},
        job={"key": "j" * 52, "name": "nightly"} if job else {},
    )
    return seal(draft, Head(6), at=datetime(2026, 1, 1, tzinfo=timezone.utc), commit="c")


def test_a_line_is_one_json_object() -> None:
    """Line breaks and other alphabets are escaped, so that one event is one line."""
    line = log_line("call.done", {"note": "a\nb\u2028é"})
    assert line.isascii()
    assert len(line.splitlines()) == 1
    assert json.loads(line) == {"action": "call.done", "note": "a\nb\u2028é"}


def test_a_field_that_is_not_allowed_is_refused() -> None:
    """The message names it, and not its value."""
    with pytest.raises(ValueError, match="no field body, event") as caught:
        log_line("call.done", {"event": "SECRET", "body": "SECRET", "note": ""})
    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize("action", sorted(ATTENTION))
def test_a_record_that_needs_attention_leaves_a_line(action: str) -> None:
    """With the record's number, the delivery and the job."""
    (line,) = attention_lines([record(action, note="why")])
    assert json.loads(line) == {
        "action": "attention.needed",
        "of": action,
        "seq": 7,
        "note": "why",
        "delivery": "d" * 16,
        "job_name": "nightly",
    }


@pytest.mark.parametrize("action", ["delivery.received", "job.created", "job.unknown"])
def test_an_ordinary_record_leaves_none(action: str) -> None:
    """A line for everything would hide the important ones."""
    assert not list(attention_lines([record(action)]))


def test_a_record_without_a_job_names_none() -> None:
    """A rejected file has no job."""
    (line,) = attention_lines([record("spec.rejected", job=False)])
    assert "job_name" not in json.loads(line)


def test_a_long_note_is_cut() -> None:
    """And ends in an ellipsis: the record has all of it."""
    (line,) = attention_lines([record("spec.rejected", note="x" * 5000)])
    assert json.loads(line)["note"] == "x" * 1999 + "…"


@pytest.mark.parametrize(("source", "lines"), [({"read_differs": "etag"}, 1), ({"etag": "e"}, 0)])
def test_a_plan_of_another_object_than_announced_needs_attention(
    source: dict[str, str], lines: int
) -> None:
    """Any other plan does not."""
    plan = Draft("delivery.planned", "pending", delivery={"key": "d" * 52}, source=source)
    sealed = seal(plan, Head(), at=datetime(2026, 1, 1, tzinfo=timezone.utc), commit="c")
    assert len(list(attention_lines([sealed]))) == lines


@pytest.mark.parametrize(("outcome", "lines"), [("failure", 1), ("success", 0)])
def test_a_hold_by_the_circuit_breaker_calls_for_a_person(outcome: Outcome, lines: int) -> None:
    """Whoever holds by hand knows of it."""
    held = Draft("sending.held", outcome, note="why")
    sealed = seal(held, Head(), at=datetime(2026, 1, 1, tzinfo=timezone.utc), commit="c")
    assert len(list(attention_lines([sealed]))) == lines


def test_lines_go_to_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    """There the platform's log service collects them."""
    write_stdout("one")
    write_stdout("two")
    assert capsys.readouterr().out == "one\ntwo\n"


@pytest.mark.parametrize("letter", ["x", "\U0001f319", "\x00", '"'])
def test_a_line_never_gets_too_long_for_the_log_service(letter: str) -> None:
    """Every field at its worst; it is still one object, with its action."""
    long = letter * 100_000
    line = log_line("call.done", dict.fromkeys(LINE_FIELDS, long))
    assert len(line.encode()) < LONGEST_LINE
    assert json.loads(line)["action"] == "call.done"
    (line,) = attention_lines([record("spec.rejected", note=long)])
    assert len(line.encode()) < LONGEST_LINE
