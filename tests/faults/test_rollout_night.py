"""A rollout over 10,000 nodes in one night, in emulated time, its runs killed at random steps.

3 % of the nodes fail, 5 % are offline, some come and go, some succeed late. The gate closes,
a person resumes it, another approves the third wave; the window closes before the end.
Without `DEEP=1` the fleet is a quarter as large, and so is the number of jobs at once.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from itertools import chain
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from handler.audit.verification.verdict import verify
from handler.schedule.rollout_settings import JOB_SECONDS
from tests.faults.simulation.rollout_replay import Replay
from tests.faults.simulation.services.simulated_tasks import Made
from tests.support.depth import examples
from tests.support.rollout_night import Killed, Night, Steps, large_night

if TYPE_CHECKING:
    from handler.values.canonical_json import Json

NODES = examples(10_000)
MOST_FAILED = examples(150)
JOBS_AT_ONCE = examples(30)
IN_FLIGHT = 20 * JOBS_AT_ONCE
SPEC: Json = {
    "kind": "node_upgrade",
    "name": "nightly",
    "targets": {"select": {"upgradable": True}},
    "rollout": {
        "waves": [20, "5%", "25%", "100%"],
        "max_targets_per_job": 20,
        "max_parallel_jobs": JOBS_AT_ONCE,
        "max_failed": MOST_FAILED,
        "approve_before": [3],
        "late_joiners": "include",
        "running_jobs": "pause",
        "soak": "10m",
        "retry": 1,
    },
    "window": {"from": "01:00", "to": "05:00", "timezone": "Asia/Shanghai"},
}
TICK_MINUTES = 2
MOST_KILLS = 500
MOST_STEPS = 8 * JOBS_AT_ONCE
"""About as many steps as a run takes that sends all jobs that run at once and asks for them."""


class Morning(NamedTuple):
    """What a night has left: the fleet and its log, the records replayed, and what happened."""

    night: Night
    replayed: Replay
    kills: int
    happened: Counter[str]


def carry_out(night: Night, chance: Random) -> tuple[int, Counter[str]]:
    """Run the reconciler every other minute, and kill every other run, until all has ended."""
    kills, happened = 0, Counter[str]()
    while not night.rollout.ended:
        assert kills < MOST_KILLS
        night.wait(TICK_MINUTES)
        try:
            reply = night.tick(Steps(chance.choice((0, chance.randint(1, MOST_STEPS)))))
        except Killed:
            kills += 1
            continue
        for standing in chain.from_iterable(result.rollouts for result in reply.results):
            happened.update(_attended(night, standing))
    return kills, happened


def _attended(night: Night, standing: dict[str, Any]) -> list[str]:
    """Do what a person does about a rollout that waits for one; let the time pass to a window."""
    waits = standing.get("waits", {})
    word = str(waits.get("for", standing["state"]))
    if word == "paused":
        night.operate("resume")
    elif word == "approval":
        night.operate("approve")
    elif word == "window":
        night.clock.now = datetime.fromisoformat(waits["until"].replace("Z", "+00:00"))
    return [word]


def made_by(night: Night) -> list[Made]:
    """Return every job that the fleet has."""
    return [
        Made(
            job.job_id,
            str(job.request["description"]).split(" ", 1)[0],
            job.created,
            tuple(str(one["target_id"]) for one in job.targets),
        )
        for job in night.ief.state.all_jobs()
    ]


@pytest.fixture(scope="module")
def morning() -> Morning:
    """The morning after a night."""
    night, chance = large_night(NODES), Random(24)  # noqa: S311 - to repeat the night
    with pytest.raises(Killed):
        night.order(SPEC, Steps(2))
    night.order(SPEC)
    kills, happened = carry_out(night, chance)
    replayed = Replay(timedelta(seconds=JOB_SECONDS + 300))
    for record in night.log.records():
        replayed.add(record.fields)
    return Morning(night, replayed, kills, happened)


def test_every_node_of_the_night_is_sent_exactly_once_per_try(morning: Morning) -> None:
    """By the fleet's own jobs: whatever was killed, none twice, and none forgotten."""
    [story] = morning.replayed.stories.values()
    made = made_by(morning.night)
    sent = [(node, number) for _, node, number in morning.replayed.tries(made)]
    expected = {
        (node_id, number)
        for node_id, node in story.nodes.items()
        for number in range(1, node.tries + 1)
        if node.place
    }
    assert (len(sent), set(sent)) == (len(expected), expected)
    assert len(made) == len({one.mark for one in made})
    assert story.count("succeeded", "failed") == len({node for node, _ in sent}) > 0.89 * NODES


def test_no_step_of_the_night_is_one_that_must_not_be(morning: Morning) -> None:
    """Waves, window, approval, gate, soak, jobs at once: the records replayed by other code."""
    assert morning.replayed.wrong == []
    assert verify(morning.night.log.records()).whole


def test_the_gate_of_the_night_is_exceeded_by_no_more_than_what_was_in_flight(
    morning: Morning,
) -> None:
    """Each time that it closes fewer nodes failed beyond it than were in jobs."""
    breaches = [
        str(record.fields["note"])
        for record in morning.night.log.records()
        if record.fields["action"] == "rollout.breached"
    ]
    assert len(breaches) >= 1
    for note in breaches:
        assert MOST_FAILED < int(note.split(" ", 1)[0]) <= MOST_FAILED + IN_FLIGHT


def test_everything_that_may_happen_in_a_night_happened(morning: Morning) -> None:
    """Otherwise it would show less than it says."""
    assert morning.kills > 20
    words = {"running", "soak", "approval", "paused", "window", "finished"}
    assert words <= set(morning.happened)
    actions = Counter(str(record.fields["action"]) for record in morning.night.log.records())
    for action in ("rollout.joined", "wave.retried", "job.adopted", "node.succeeded"):
        assert actions[action], action
