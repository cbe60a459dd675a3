"""Exactly once in the simulation, and a simulation that can fail."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from handler.audit.sql.sqlite import SqliteLog
from handler.policy.decision import decide
from handler.policy.policy_reader import load_policy
from handler.policy.verdict import PolicyDecision
from handler.values.canonical_json import sha256_hex
from tests.faults.contrast import NO_WAIT, SHORT_WAIT, send_again
from tests.faults.simulation.run import simulate
from tests.faults.simulation.simulated_guard import POLICIES
from tests.faults.simulation.simulated_objects import ObjectLogs
from tests.faults.simulation.simulated_time import EPOCH
from tests.support.depth import examples

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from handler.cloud.obs.client import Obs
    from handler.policy.rules import Policy
    from tests.faults.simulation.run import Ending

ALLOWED = PolicyDecision(sha256_hex(POLICIES[0]), 1)
POLICY_CHECK = "handler.deliveries.policy_check"
DECISIONS = "handler.jobs.operation_decisions"
ANSWERS = ("job.paused", "job.resumed", "job.retried", "job.deleted", "job.unchanged")
VERBS = ("append", "read", "write", "delete")


def seeds(first: int, full: int) -> range:
    """Return the seeds from a first one on; in a quarter of them the rare faults occur as well."""
    return range(first, first + examples(full))


@pytest.fixture(scope="module")
def endings() -> list[Ending]:
    """The results of some seeds, in which everything occurs that the runs are to test."""
    return [simulate(seed) for seed in seeds(360, 220)]


def test_no_run_creates_a_job_twice_or_loses_one(endings: list[Ending]) -> None:
    """Whatever is killed, frozen, lost, late or refused, each job reaches one true final state."""
    found = {ending.seed: ending.violations for ending in endings if ending.violations}
    assert found == {}


def test_every_kind_of_fault_and_every_final_state_occurs(
    endings: list[Ending],
) -> None:
    """Otherwise the runs would promise more than they test."""
    struck = {name for ending in endings for name in +ending.struck}
    assert struck == {
        "killed", "frozen", "ended by the platform", "abandoned by hand", "held", "log busy",
        "no connection", "request lost", "request late", "commit late", "answer lost",
        "signature too old", "name taken", "refused finally", "quota",
        "401", "403", "429", "408 before", "500 before", "503 before",
        "408 after", "502 after", "504 after", "500 after, about a quota",
        "list failed", "list not had", "list incomplete", "deleted under the list",
        "created under the list", "delivered again after a refusal", "claimed with its plan",
        "refused by the policy", "over the limit of the day", "policy changed",
        "failed on the fleet", "released by hand", "awaiting approval", "approved",
        "not approved in time", "approved by a file", "an approval that counts for nothing",
        "dropped again", "written again after its event", "found by a scan",
        "look lost", "answer late", "OBS failed", "object too late", "bucket not scanned",
        "result file written", "result file pending", "result file failed",
        "an error for the platform",
        "operation done", "operation so", "operation not done", "operation unknown",
        *ANSWERS, *(f"{action}, settled" for action in ANSWERS), "shown as it was before",
    }  # fmt: skip
    ended = {state for ending in endings for state in ending.jobs}
    assert ended == {"created", "adopted", "refused", "expired", "abandoned", "unknown"}


def test_the_same_seed_gives_the_same_run(endings: list[Ending]) -> None:
    """Down to every record and its time."""
    first = endings[: examples(20)]
    assert [simulate(one.seed) for one in first] == first
    assert len({ending.digest for ending in endings}) == len(endings)


def test_the_log_in_a_file_gives_the_same_run_as_the_one_in_memory(
    endings: list[Ending], tmp_path: Path
) -> None:
    """Results of simulations in memory therefore hold for the real store."""

    def open_file(clock: Callable[[], datetime], seed: int) -> SqliteLog:
        return SqliteLog(tmp_path / f"{seed}.db", clock=clock)

    first = endings[:5]
    assert [simulate(one.seed, open_log=open_file) for one in first] == first


def test_no_run_on_the_log_in_obs_creates_a_job_twice_or_loses_one() -> None:
    """Instances that know old ends of it or nothing, over a store that cuts requests off."""
    opened: list[ObjectLogs] = []

    def open_objects(clock: Callable[[], datetime], seed: int) -> ObjectLogs:
        opened.append(ObjectLogs(clock, seed))
        return opened[-1]

    endings = [simulate(seed, open_log=open_objects) for seed in seeds(30, 40)]
    assert {ending.seed: ending.violations for ending in endings if ending.violations} == {}
    struck = {name for log in opened for name in log.struck}
    cuts = {f"{verb} cut off {when}" for verb in VERBS for when in ("before", "after")}
    assert struck == {"started again", "segment ended"} | cuts


def test_the_same_seed_gives_the_same_run_on_the_log_in_obs() -> None:
    """What is found there can be looked at again; a policy and operators are in these."""
    first = [simulate(seed, open_log=ObjectLogs) for seed in range(3)]
    assert [simulate(seed, open_log=ObjectLogs) for seed in range(3)] == first


def _first_policy() -> Callable[..., Policy]:
    """Return what loads the first policy that was asked for, whatever is in force."""
    first: list[Policy] = []

    def load(address: str, obs: Callable[[], Obs]) -> Policy:
        first[:] = first or [load_policy(address, obs)]
        return first[0]

    return load


@pytest.mark.parametrize(
    ("place", "broken", "violation", "first"),
    [
        (f"{POLICY_CHECK}.decide", lambda *_: ALLOWED, "is planned against rule 1", 0),
        ("handler.deliveries.daily_limit.over_limit", lambda *_: (), "are planned under rule", 31),
        ("handler.jobs.following.trip", lambda _breaker, _view: (), "due=True", 2),
        (
            *(f"{POLICY_CHECK}.decide", lambda *of: decide(*of)._replace(approval=None)),
            *("without an approval", 0),
        ),
        ("handler.deliveries.approval._same_person", lambda *_: "", "approved by its uploader", 6),
        (f"{POLICY_CHECK}.load_policy", _first_policy(), "was replaced before", 3),
        ("handler.audit.sql.view.RELEASED", "nobody", "due=False and is_held=True", 10),
        (f"{DECISIONS}.result_without_sending", lambda *_: None, "a job that has a claim", 3),
        ("handler.jobs.operation_submission.moment", lambda _: EPOCH, "the API did it 1 times", 3),
        ("handler.jobs.following.is_of_before", lambda *_: False, "the log has Failed", 469),
    ],
    ids=[
        *("policy", "limit", "breaker", "approval", "approver", "change", "release"),
        *("claim", "fence", "lag"),
    ],
)
def test_the_simulation_finds_what_gets_past_the_guard(
    place: str, broken: object, violation: str, first: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It can fail: without the policy, the breaker, or a look at the claim of an operation.

    The first seed that finds it is known; if a change moves it, the search goes on.
    """
    monkeypatch.setattr(place, broken)
    endings = map(simulate, range(first, first + 100))
    assert any(violation in one for ending in endings for one in ending.violations)


def test_the_simulation_finds_the_duplicates_of_a_lease_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It can fail: jobs that are sent again once their lease is over exist twice."""
    monkeypatch.setattr("handler.reconciler.settlement", send_again)
    assert any(ending.duplicates for ending in map(simulate, range(100)))


@pytest.mark.parametrize(
    ("settle_after", "first"), [(NO_WAIT, 37), (SHORT_WAIT, 55)], ids=["no wait", "short wait"]
)
def test_the_simulation_finds_the_duplicates_of_a_list_that_is_believed_early(
    settle_after: int, first: int
) -> None:
    """It can fail: a list that is believed too early creates jobs twice."""
    # A short wait fails in few runs. If a change moves the first, the search goes on.
    endings = map(partial(simulate, settle_after=settle_after), range(first, 1500))
    assert any(ending.duplicates for ending in endings)
