"""Hostile events are answered in time, in little memory, and never with a job."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from handler.runtime.response_limit import LONGEST_REPLY
from handler.runtime.structured_log import LONGEST_LINE
from tests.hostile.event_answering import CASES, Seen, answered
from tests.hostile.events import EVENTS
from tests.hostile.limits import assert_within_limits, run_limited

if TYPE_CHECKING:
    from pathlib import Path

LONGEST_RECORD = 70_000


@pytest.mark.parametrize("name", CASES)
def test_a_hostile_event_is_answered_without_a_job(name: str, tmp_path: Path) -> None:
    """As expected, on record, within the limits, and without a traceback."""
    outcome = run_limited(answered, name, str(tmp_path))
    assert_within_limits(outcome)
    seen: Seen = outcome.value
    assert seen.outcome == CASES[name].answer, seen.text[:500]
    assert not [one for one in seen.actions if one.startswith("job.") or one.endswith(".planned")]
    assert "Traceback" not in "".join((seen.text, *seen.lines))
    assert len(seen.text) <= LONGEST_REPLY
    assert seen.longest <= LONGEST_RECORD
    assert len(seen.actions) <= 2 * 101
    assert all(len(line) <= LONGEST_LINE and json.loads(line) for line in seen.lines)


def test_there_are_enough_of_them_and_each_says_what_it_attacks() -> None:
    """No two by one name."""
    assert len(CASES) == len(EVENTS) >= 100
    assert all(case.attacks for case in EVENTS)
