"""A job of a rollout that exists twice at the API: its nodes are in it until both have ended."""

from __future__ import annotations

from datetime import timedelta

import pytest

from handler.jobs.decisions import Created, record
from handler.jobs.effects import Gone
from handler.jobs.following import finish
from handler.schedule.rollout_settings import RolloutSettings
from tests.faults.simulation.rollout_violations import differing
from tests.support.rollout_log import SENDER, RolloutLog, named

FAILING = {"id-00001"}


def twice() -> RolloutLog:
    """Return a rollout that retries, whose only job was created twice."""
    one = RolloutLog()
    one.plan(named(2), RolloutSettings(retry=1))
    (job,) = one.advance().jobs
    one.create(job)
    one.log.commit(record(job.key, 1, Created("another")))
    assert one.actions()[-1] == "job.duplicated"
    return one


@pytest.mark.parametrize("failing", [set(), FAILING])
def test_no_node_of_it_is_in_another_job_before_both_copies_have_ended(failing: set[str]) -> None:
    """Also where one copy failed and the rollout retries."""
    one = twice()
    (job,) = one.open_jobs()
    assert one.advance().jobs == ()
    one.end(job, failing)
    assert one.advance().jobs == ()
    one.end(job, failing)
    assert one.counts().running == 0
    assert len(one.advance().jobs) == len(failing)


def test_a_node_succeeded_if_it_did_in_one_of_the_copies() -> None:
    """In the first or in the second."""
    one = twice()
    (job,) = one.open_jobs()
    one.end(job, {"id-00001"})
    one.end(job, {"id-00002"})
    assert (one.counts().succeeded, one.counts().failed) == (2, 0)


def test_a_copy_that_was_deleted_fails_no_node_that_the_other_one_did() -> None:
    """Nobody does it once more."""
    one = twice()
    (job,) = one.open_jobs()
    one.end(job)
    one.now += timedelta(hours=1)
    state = one.log.read(lambda view: view.job(job.key))
    assert state is not None
    one.log.commit(finish(state, Gone(), SENDER))
    assert (one.counts().succeeded, one.counts().failed) == (2, 0)
    ended = one.log.read(lambda view: view.job(job.key))
    assert ended is not None
    assert ended.finished == "Successful"


def test_verification_finds_its_nodes_where_they_are() -> None:
    """While one copy has ended and the other runs, and afterwards."""
    one = twice()
    (job,) = one.open_jobs()
    for failing in (FAILING, set[str]()):
        one.end(job, failing)
        assert list(differing(one.log)) == []
