"""One line of the doctor's."""

from __future__ import annotations

from handler.doctor.finding import fail, ok, warn, worst


def test_a_finding_reads_as_one_sentence() -> None:
    """The check, its result, and a remedy where one is needed."""
    assert str(fail("clock", "400 s ahead", "set it")) == "clock: 400 s ahead; set it"
    assert str(ok("clock", "right")) == "clock: right"


def test_a_finding_as_json_has_a_remedy_only_where_there_is_one() -> None:
    """Flat and small."""
    assert ok("a", "b").to_json() == {"check": "a", "verdict": "ok", "message": "b"}
    assert warn("a", "b", "c").to_json()["remedy"] == "c"


def test_the_worst_finding_is_the_verdict() -> None:
    """A warning is worse than nothing, an error worse than a warning."""
    assert worst([]) == "ok"
    assert worst([ok("a", ""), warn("a", "", "")]) == "warn"
    assert worst([fail("a", "", ""), warn("a", "", "")]) == "fail"
