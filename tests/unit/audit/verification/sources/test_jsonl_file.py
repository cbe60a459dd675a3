"""A log exported as JSON Lines, read to be verified."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import pytest

from handler.audit.record import Draft, Head, seal
from handler.audit.verification.sources.jsonl_file import JsonlFileSource
from handler.audit.verification.verifier import Evidence, verify_log

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from handler.audit.record import Record

NOW = datetime(2026, 11, 27, tzinfo=timezone.utc)


def chain() -> list[Record]:
    """Return three records, each after the one before."""
    records: list[Record] = []
    for number in range(3):
        head = Head(number, records[-1].hash) if records else Head()
        records.append(seal(Draft("function.started", "success"), head, at=NOW, commit="c"))
    return records


def lines() -> list[str]:
    """Return them as they are exported."""
    return [json.dumps({"hash": one.hash, "record": one.text}) for one in chain()]


def faults(path: Path, content: list[str]) -> str:
    """Return what is wrong with a file of these lines."""
    path.write_text("\n".join(content) + "\n", encoding="utf-8")
    return "\n".join(map(str, verify_log(JsonlFileSource(path), Evidence()).faults))


def test_an_unchanged_export_has_no_faults(tmp_path: Path) -> None:
    """However its fields are ordered."""
    swapped = [json.dumps(dict(reversed(json.loads(line).items()))) for line in lines()]
    assert faults(tmp_path / "a", lines()) == faults(tmp_path / "b", swapped) == ""


@pytest.mark.parametrize(
    "change",
    [
        lambda line: line.replace("{", '{"record": "{}", ', 1),
        lambda line: line[:-1] + ', "note": "approved by the board"}',
        lambda line: f"[{line}]",
        lambda line: json.dumps([*map(list, json.loads(line).items())]),
        lambda _line: '["hash", "record"]',
    ],
)
def test_a_line_holds_a_record_and_nothing_beside_it(
    tmp_path: Path, change: Callable[[str], str]
) -> None:
    """Another reader could take the rest for the record."""
    first, second, third = lines()
    assert "record 2: is not" in faults(tmp_path / "log", [first, change(second), third])


@pytest.mark.parametrize("number", [-1, -(2**63), -(10**30), 10**30])
def test_a_record_of_any_number_is_checked(tmp_path: Path, number: int) -> None:
    """There is none before the first."""
    line = json.dumps({"hash": "0" * 64, "record": json.dumps({"seq": number})})
    assert f"record {number}: follows record" in faults(tmp_path / "log", [line, *lines()])


def test_many_checkpoints_of_one_record_read_the_file_once(tmp_path: Path) -> None:
    """Two places keep the same ones: only a smaller number begins again."""
    path = tmp_path / "log"
    path.write_text("\n".join(lines()) + "\n", encoding="utf-8")
    source, hashes = JsonlFileSource(path), [one.hash for one in chain()]
    assert [source.hash_at(number) for number in (1, 1, 2)] == [hashes[0], hashes[0], hashes[1]]
    path.write_text("", encoding="utf-8")
    assert [source.hash_at(number) for number in (2, 3, 3)] == [hashes[1], hashes[2], hashes[2]]
    assert source.hash_at(1) == ""


def test_the_head_of_an_empty_log_agrees_with_it(tmp_path: Path) -> None:
    """It was noted before the first event."""
    path = tmp_path / "log"
    path.write_text(lines()[0] + "\n", encoding="utf-8")
    verdict = verify_log(JsonlFileSource(path), Evidence(expected=Head()))
    assert verdict.faults == ()
