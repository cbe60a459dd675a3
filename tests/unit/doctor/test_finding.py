"""One line of the doctor's."""

from __future__ import annotations

from handler.doctor.finding import doubtful, fine, worst, wrong


def test_a_finding_reads_as_one_sentence() -> None:
    """What was looked at, how it is, and what to do where there is something to do."""
    assert str(wrong("clock", "400 s ahead", "set it")) == "clock: 400 s ahead; set it"
    assert str(fine("clock", "right")) == "clock: right"


def test_a_finding_as_json_has_a_remedy_only_where_there_is_one() -> None:
    """Flat and small."""
    assert fine("a", "b").to_json() == {"check": "a", "verdict": "ok", "message": "b"}
    assert doubtful("a", "b", "c").to_json()["remedy"] == "c"


def test_the_worst_finding_is_the_verdict() -> None:
    """A doubt is worse than nothing, a fault worse than a doubt."""
    assert worst([]) == "ok"
    assert worst([fine("a", ""), doubtful("a", "", "")]) == "warn"
    assert worst([wrong("a", "", ""), doubtful("a", "", "")]) == "fail"
