"""Each way of falsifying a log of 1,000 records is found, and an unchanged one raises no alarm."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from handler.audit.open_log import open_source
from tests.support.long_log import LongLog, settle
from tests.support.tampering.every_way import ROWS
from tests.support.tampering.falsify import LENGTH, Tampering, verdict_of

if TYPE_CHECKING:
    from handler.audit.record import Head

UNTOUCHED = Tampering("nothing", lambda _log: None, "", status=0)


@pytest.fixture(scope="session")
def unchanged_log(tmp_path_factory: pytest.TempPathFactory) -> LongLog:
    """An unchanged log with its checkpoints; copied by the tests, never changed."""
    log = LongLog(tmp_path_factory.mktemp("unchanged_log"))
    log.grow(LENGTH)
    settle(log.path)
    return log


@pytest.fixture(scope="session")
def head(unchanged_log: LongLog) -> Head:
    """Its last record."""
    with closing(open_source(unchanged_log.address)) as stored:
        return stored.end()


@pytest.mark.parametrize("row", ROWS, ids=[row.what for row in ROWS])
def test_a_falsified_log_is_found_out(
    row: Tampering, unchanged_log: LongLog, head: Head, tmp_path: Path
) -> None:
    """The verdict says where and how, in its first words or in a remark."""
    log = unchanged_log.copy(tmp_path)
    row.do(log)
    verdict = verdict_of(log, row, head)
    message = verdict.remarks if row.status != 1 else map(str, verdict.faults[:2])
    assert any(row.says in one for one in message), (verdict.faults[:3], verdict.remarks)
    assert verdict.status == row.status


@pytest.mark.parametrize(
    ("known", "status"),
    [
        (UNTOUCHED, 0),
        (replace(UNTOUCHED, keys=False), 0),
        (replace(UNTOUCHED, expected=True), 0),
        (replace(UNTOUCHED, places=False, expected=True), 0),
        (replace(UNTOUCHED, places=False), 2),
    ],
)
def test_an_unchanged_log_raises_no_alarm(
    unchanged_log: LongLog, head: Head, known: Tampering, status: int
) -> None:
    """However much is known outside; without any evidence, completeness is not proven."""
    verdict = verdict_of(unchanged_log, known, head)
    assert (verdict.status, verdict.faults, verdict.head) == (status, (), head)


def test_the_page_has_every_way() -> None:
    """In its order, and their number above the table."""
    page = (Path(__file__).parents[3] / "handler/audit/README.md").read_text(encoding="utf-8")
    heading, _, table = page.partition(" ways to falsify a log of")
    assert heading.split()[-1] == str(len(ROWS))
    whole = (line.split(" | ")[0].removeprefix("| ") for line in table.splitlines() if "|" in line)
    listed = [one for one in whole if one in {row.what for row in ROWS}]
    assert listed == [row.what for row in ROWS]
