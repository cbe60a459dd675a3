"""What the function answers to `{"action": "doctor"}`."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING, Any

from handler.audit.record import Head
from handler.audit.sql.sqlite import SqliteLog
from handler.doctor.finding import fail, ok, warn
from handler.doctor.function_response import answered, lines
from handler.runtime.response import reply

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Fire = Callable[[object], dict[str, Any]]
    Tick = Callable[..., dict[str, Any]]

FINDINGS = (ok("a", "good"), warn("b", "odd", "look"), fail("c", "bad", "mend"))


def test_faults_are_errors_and_doubts_warnings(tmp_path: Path) -> None:
    """The reply has the shape of all others, and every check beside it."""
    said: list[str] = []
    with closing(SqliteLog(tmp_path / "a.db")) as log:
        answer = reply(answered(FINDINGS, log, said.append), Head())
    assert answer["outcome"] == "partial"
    assert (answer["errors"], answer["warnings"]) == (["c: bad; mend"], ["b: odd; look"])
    assert answer["checks"] == [one.to_json() for one in FINDINGS]
    assert len(said) == 2


def test_a_fault_leaves_a_line_that_calls_for_a_person() -> None:
    """So that an alarm on a daily examination finds it; a doubt leaves a quieter one."""
    assert [json.loads(line) for line in lines(FINDINGS)] == [
        {"action": "check.doubted", "note": "b: odd; look"},
        {"action": "attention.needed", "of": "check.failed", "note": "c: bad; mend"},
    ]


def test_the_answer_leaves_without_a_log(tmp_path: Path) -> None:
    """A log that is out of reach is a reason to ask the doctor."""
    log = SqliteLog(tmp_path / "a.db")
    log.close()
    assert answered(FINDINGS, log, lambda _line: None).head == Head()


def test_the_function_examines_itself(fire: Fire, lines: list[str]) -> None:
    """Asked directly."""
    answer = fire({"action": "doctor"})
    assert (answer["outcome"], answer["errors"], answer["jobs"]) == ("completed", [], [])
    assert "drop bucket" in [check["check"] for check in answer["checks"]]
    assert json.loads(lines[-1])["action"] == "function.answered"


def test_a_timer_may_ask_for_an_examination(fire: Fire, tick: Tick) -> None:
    """Once a day, say, with an alarm on its lines."""
    assert fire(tick('{"action": "doctor"}'))["checks"]
