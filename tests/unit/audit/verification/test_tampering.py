"""Each way of falsifying a log of 1,000 records, and that a whole one raises no alarm."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from handler.audit.open_log import open_source
from tests.support.falsify import LENGTH, Tampering, verdict_of
from tests.support.long_log import LongLog, settle
from tests.support.tampering import ROWS

if TYPE_CHECKING:
    from pathlib import Path

    from handler.audit.record import Head

UNTOUCHED = Tampering("nothing", lambda _log: None, "", status=0)


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> LongLog:
    """A whole log with its checkpoints; to be copied, not touched."""
    log = LongLog(tmp_path_factory.mktemp("whole"))
    log.grow(LENGTH)
    settle(log.path)
    return log


@pytest.fixture(scope="session")
def head(whole: LongLog) -> Head:
    """Its last record."""
    with closing(open_source(whole.address)) as stored:
        return stored.end()


@pytest.mark.parametrize("row", ROWS, ids=[row.what for row in ROWS])
def test_a_falsified_log_is_found_out(
    row: Tampering, whole: LongLog, head: Head, tmp_path: Path
) -> None:
    """The verdict says where and how, in its first words or in a remark."""
    log = whole.copy(tmp_path)
    row.do(log)
    verdict = verdict_of(log, row, head)
    said = verdict.remarks if row.status != 1 else map(str, verdict.faults[:2])
    assert any(row.says in one for one in said), (verdict.faults[:3], verdict.remarks)
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
def test_a_whole_log_raises_no_alarm(
    whole: LongLog, head: Head, known: Tampering, status: int
) -> None:
    """However much is known outside; with nothing, nobody can tell."""
    verdict = verdict_of(whole, known, head)
    assert (verdict.status, verdict.faults, verdict.head) == (status, (), head)


def test_there_are_ways_enough() -> None:
    """Each with a name of its own."""
    assert len({row.what for row in ROWS}) == len(ROWS) >= 25
