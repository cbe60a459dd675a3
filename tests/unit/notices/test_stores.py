"""Notices on every store: the same claims, and a state that follows from the records."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from handler.audit.log import Changes, Decision
from handler.audit.record import Draft
from handler.audit.verification.verifier import Evidence, verify_log
from handler.cli.open_stores import open_any_log, open_any_source
from handler.errors import NotSentError
from handler.notices.decisions import claim_notice, claim_summary, record_answer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from handler.audit.log import Log
    from handler.notices.decisions import Notice

LEASE, OVER = timedelta(minutes=1), timedelta(minutes=-1)


@pytest.fixture
def log(store_address: str) -> Iterator[Log]:
    """An open log with three deliveries that were rejected."""
    with closing(open_any_log(store_address)) as opened:
        for key in ("a", "b", "c"):
            about = {"key": key, "trigger": "object", "subject": f"obs://b/{key}"}
            draft = Draft("spec.rejected", "failure", delivery=about, note="why")
            opened.commit(lambda _view, draft=draft: Decision(None, (draft,)))  # type: ignore[misc]
        yield opened


def unnoticed(log: Log, limit: int = 9) -> list[str]:
    """Return the keys of the deliveries that are due."""
    return [run.key for run in log.read(lambda view: view.unnoticed(limit))]


def claimed(log: Log, lease: timedelta = LEASE) -> Notice:
    """Claim a notice that is granted."""
    notice = log.commit(claim_notice(lease)).value
    assert notice
    return notice


def test_a_claim_is_seen_by_all(log: Log) -> None:
    """The oldest alarm comes first, and none is due once it is claimed."""
    assert (unnoticed(log), unnoticed(log, 2)) == (["a", "b", "c"], ["a", "b"])
    notice = claimed(log)
    assert [*notice.shows] == ["a", "b", "c"]
    assert unnoticed(log) == []
    assert log.read(lambda view: view.notices.dates) == (notice.date,)
    log.commit(record_answer(notice, "id"))
    assert unnoticed(log) == []


def test_a_claim_that_ran_out_is_not_one_that_waits(log: Log) -> None:
    """The one is due at once, to be recorded; the other later."""
    lost = claimed(log, OVER)
    assert unnoticed(log) == ["a", "b", "c"]
    assert log.commit(claim_notice(LEASE)).value is None
    assert unnoticed(log) == []
    log.commit(record_answer(lost, NotSentError("no connection")))
    waiting = log.read(lambda view: view.delivery("a"))
    assert waiting
    assert (waiting.noticed, bool(waiting.notice_due), unnoticed(log)) == (0, True, [])


def test_a_summary_counts_what_changed(log: Log) -> None:
    """Since a moment."""
    assert log.read(lambda view: view.changes_since("2000", 9)) == Changes({"rejected": 3}, {}, ())
    assert log.read(lambda view: view.changes_since("3000", 9)) == Changes({}, {}, ())
    notice = log.commit(claim_summary(None, LEASE, LEASE)).value
    assert notice
    assert log.read(lambda view: view.notices)[1:] == (notice.date, log_lease(log))
    log.commit(record_answer(notice, "id"))
    assert log_lease(log) == ""


def log_lease(log: Log) -> str:
    """Return until when the answer to the summary may come."""
    return log.read(lambda view: view.notices.summary_due)


def test_the_state_of_notices_follows_from_the_records(log: Log, store_address: str) -> None:
    """As `nightdrop audit verify` folds them."""
    claimed(log, OVER)
    log.commit(claim_notice(LEASE))
    log.commit(claim_summary(None, LEASE, LEASE))
    with closing(open_any_source(store_address)) as stored:
        verdict = verify_log(stored, Evidence([], []))
    assert verdict.faults == ()
    before = log.read(lambda view: (view.notices, view.delivery("a")))
    with closing(open_any_log(store_address)) as again:
        assert again.read(lambda view: (view.notices, view.delivery("a"))) == before
