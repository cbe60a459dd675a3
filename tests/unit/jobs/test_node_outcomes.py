"""How the nodes in a job of a rollout ended: by its tasks, late, or never."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from handler.cloud.ief.client import ShownJob
from handler.jobs.decisions import Refused, claim, record
from handler.jobs.effects import Gone, SendSettings
from handler.jobs.following import finish
from handler.schedule.rollout_settings import JOB_SECONDS, RolloutSettings
from handler.values.canonical_json import timestamp
from tests.support.rollout_log import SENDER, RolloutLog, named

if TYPE_CHECKING:
    from handler.audit.job_state import JobState


def running(nodes: int = 3, **settings: object) -> tuple[RolloutLog, JobState]:
    """Return a rollout whose only job runs on the fleet, and that job."""
    one = RolloutLog()
    one.plan(named(nodes), RolloutSettings(**settings))  # type: ignore[arg-type]
    (job,) = one.advance().jobs
    one.create(job)
    return one, job


def answered(one: RolloutLog, job: JobState, answer: ShownJob | Gone) -> JobState:
    """Record what IEF shows of a job, and return the job."""
    state = one.log.read(lambda view: view.job(job.key))
    assert state is not None
    return one.log.commit(finish(state, answer, SENDER)).value


def notes(one: RolloutLog) -> dict[str, str]:
    """Return why nodes failed, by their names."""
    key = one.keys[0]
    found = one.log.read(lambda view: view.rollouts.nodes_in_state(key, "failed", 100))
    return {node.name: node.note for node in found}


def test_each_failed_node_is_recorded_with_its_own_reason() -> None:
    """The counters of the API are swapped; only the tasks count."""
    one, job = running()
    tasks = (("Failed", "no space"), ("Successful", ""), ("Newly_invented", ""))
    ids = tuple(node_id for node_id, _ in named(3))
    answered(one, job, ShownJob("ief", "Partially_successful", tasks, target_ids=ids))
    assert notes(one) == {"gw-00001": "no space", "gw-00003": "its task is Newly_invented"}
    assert one.counts() == (0, 0, 1, 2, 0)


def test_a_node_without_a_task_failed() -> None:
    """Nothing shows that it was done."""
    one, job = running(2)
    answered(one, job, ShownJob("ief", "Failed", (("Failed", "x"),), target_ids=("id-00001",)))
    assert notes(one)["gw-00002"] == "IEF shows no task for it"


def test_a_successful_job_without_tasks_has_successful_nodes() -> None:
    """An answer that lists none says so by its status."""
    one, job = running(2)
    answered(one, job, ShownJob("ief", "Successful", ()))
    assert one.counts() == (0, 0, 2, 0, 0)


def test_nodes_of_a_job_that_was_deleted_on_the_fleet_failed() -> None:
    """It is believed once the API has caught up."""
    one, job = running(2)
    one.now += timedelta(seconds=SENDER.settle_after)
    answered(one, job, Gone())
    assert set(notes(one).values()) == {"its job was deleted on the fleet"}


def test_a_job_that_never_reports_ends_for_the_gate_after_ten_minutes_and_the_grace() -> None:
    """What succeeded by then counts."""
    one, job = running(2)
    tasks = (("Successful", ""), ("Running", ""))
    shown = ShownJob("ief", "Running", tasks, target_ids=("id-00001", "id-00002"))
    one.now += timedelta(seconds=JOB_SECONDS + SENDER.job_grace)
    assert not answered(one, job, shown).finished
    one.now += timedelta(seconds=1)
    assert answered(one, job, shown).finished == "Running"
    assert notes(one) == {"gw-00002": "its task is Running"}


def test_late_success_after_a_time_out_corrects_the_count() -> None:
    """A slow image is pulled after the job's ten minutes."""
    one, job = running(3)
    one.end(job, {"id-00001", "id-00002"}, status="Timed_out")
    one.succeed_late(job, {"id-00002"})
    assert one.counts() == (0, 0, 2, 1, 0)
    assert one.actions()[-1] == "node.succeeded"


def test_late_success_of_a_node_that_is_tried_again_changes_nothing() -> None:
    """It is in another job now, which has the say."""
    one, job = running(2, retry=1)
    one.end(job, {"id-00001"}, status="Timed_out")
    assert len(one.advance().jobs) == 1
    one.succeed_late(job)
    assert one.counts() == (0, 1, 1, 0, 0)


def test_nodes_of_a_refused_job_failed() -> None:
    """With the API's reason."""
    one = RolloutLog()
    one.plan(named(2))
    (job,) = one.advance().jobs
    date, lease = timestamp(one.now), timedelta(minutes=1)
    attempt = one.log.commit(claim(job.key, date=date, lease=lease)).value.attempt
    one.log.commit(record(job.key, attempt, Refused("IEF answered 400 bad name", 400, "IEF.1")))
    assert set(notes(one).values()) == {"IEF answered 400 bad name"}


def test_nodes_of_an_expired_job_are_in_the_next_one() -> None:
    """It was certainly not sent, so it does not count as a try."""
    one = RolloutLog()
    one.plan(named(2), RolloutSettings(valid_for=60))
    (job,) = one.advance().jobs
    one.now += timedelta(minutes=2)
    one.create(job)
    assert one.counts().pending == 2
    (again,) = one.advance().jobs
    nodes = one.log.read(lambda view: view.rollouts.nodes_of_job(again.key))
    assert (again.key != job.key, [node.round for node in nodes]) == (True, [1, 1])


def test_a_failed_job_of_a_rollout_does_not_trip_the_circuit_breaker() -> None:
    """The rollout has a gate of its own, which counts nodes."""
    one, job = running(2)
    one.end(job, {"id-00001"})
    ends = one.log.read(lambda view: view.fleet_ends(""))
    assert ends == (0, 0)


def test_the_sender_waits_for_a_job_as_long_as_the_setting_says() -> None:
    """Five minutes beyond IEF's ten, unless NIGHTDROP_JOB_GRACE says otherwise."""
    assert SendSettings(seconds_per_request=1, settle_after=1200).job_grace == 300


def test_late_success_is_recorded_once() -> None:
    """The job is looked at again and again for half an hour."""
    one, job = running(3)
    one.end(job, {"id-00001", "id-00002"}, status="Timed_out")
    before = len(one.actions())
    for _ in range(2):
        one.succeed_late(job)
    assert one.actions()[before:] == ["node.succeeded"] * 2
