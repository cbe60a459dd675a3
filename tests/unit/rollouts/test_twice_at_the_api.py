"""A job of a rollout that exists twice at the API: its nodes are in it until both have ended."""

from __future__ import annotations

import pytest

from handler.jobs.decisions import Created, record
from handler.schedule.rollout_settings import RolloutSettings
from tests.faults.simulation.rollout_violations import differing
from tests.support.rollout_log import RolloutLog, named

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
    assert (one.counts().running, one.advance().jobs) == (2, ())
    one.end(job, failing)
    assert one.counts().running == 0
    assert len(one.advance().jobs) == len(failing)


def test_verification_finds_its_nodes_where_they_are() -> None:
    """While one copy has ended and the other runs, and afterwards."""
    one = twice()
    (job,) = one.open_jobs()
    for _ in range(2):
        one.end(job)
        assert list(differing(one.log)) == []
