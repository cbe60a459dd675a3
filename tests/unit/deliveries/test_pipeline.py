"""One delivery from its event to its result, against the emulated cloud."""

from __future__ import annotations

import json
from contextlib import closing
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from handler.audit.instance_log import InstanceLog
from handler.errors import LogUnreachableError, NoAnswerError
from handler.function import handle
from handler.invocation.instance import open_instance
from tests.conftest import context

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from handler.emulator.server import Emulator

    Environ = dict[str, str]
    Reply = dict[str, Any]
    Fire = Callable[[object], Reply]
    Drop = Callable[..., Any]
    FireIn = Callable[[Environ, object], Reply]
    Tick = Callable[..., Reply]
    Sample = Callable[[str], bytes]
    Recorded = Callable[[], list[Reply]]

UPGRADE = b"kind: node_upgrade\nname: hall\ntargets: {nodes: [{id: node-1}]}\n"
UPGRADE_2 = UPGRADE.replace(b"node-1", b"node-2")


def faulty(emulator: Emulator, **fault: Any) -> None:  # noqa: ANN401 - any field of a fault
    """Make creations fail."""
    emulator.faults.set([{"operation": "CreateBatchJob", **fault}])


def posts(emulator: Emulator) -> int:
    """Return how many creations were asked for."""
    return sum(one.operation == "CreateBatchJob" for one in emulator.state.requests)


def result_file(emulator: Emulator, name: str) -> Any:  # noqa: ANN401 - any JSON
    """Return a result file's content."""
    return json.loads(emulator.state.buckets["nightdrop-drop"][f"results/{name}"].data)


def states(reply: Reply) -> list[str]:
    """Return the states of a reply's jobs."""
    return [job["state"] for job in reply["jobs"]]


def test_a_dropped_file_becomes_a_job_and_a_result_file(
    emulator: Emulator, fire: Fire, drop: Drop
) -> None:
    """The main job, end to end."""
    reply = fire(drop("drop/hall.yaml", UPGRADE))
    (job,) = emulator.state.all_jobs()
    assert (reply["outcome"], reply["errors"]) == ("submitted", [])
    assert reply["jobs"][0]["job_id"] == job.job_id
    assert result_file(emulator, "hall.yaml.result.json")["jobs"] == reply["jobs"]


def test_the_state_is_not_read_back_after_a_commit(
    fire: Fire, drop: Drop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commits themselves return what became of the delivery and its jobs."""
    monkeypatch.setattr(InstanceLog, "read", pytest.fail)
    reply = fire(drop("drop/two.yaml", UPGRADE + b"---\n" + UPGRADE_2.replace(b"hall", b"gate")))
    assert (reply["outcome"], states(reply)) == ("submitted", ["created", "created"])


def test_the_same_delivery_again_posts_nothing(emulator: Emulator, fire: Fire, drop: Drop) -> None:
    """It is answered from the log, with the same job."""
    event = drop("drop/hall.yaml", UPGRADE)
    first, second = fire(event), fire(event)
    assert (second["outcome"], second["jobs"]) == ("duplicate", first["jobs"])
    assert posts(emulator) == 1


def test_dropping_the_same_file_again_does_nothing(
    emulator: Emulator, fire: Fire, drop: Drop
) -> None:
    """Under a request id of its own."""
    first = fire(drop("drop/hall.yaml", UPGRADE))
    second = fire(drop("drop/hall.yaml", UPGRADE))
    assert (second["outcome"], second["jobs"]) == ("duplicate", first["jobs"])
    assert posts(emulator) == 1


def test_going_back_to_an_earlier_version_is_a_run_of_its_own(
    emulator: Emulator, fire: Fire, drop: Drop
) -> None:
    """v1, v2, v1 are three orders."""
    for data in (UPGRADE, UPGRADE_2, UPGRADE):
        assert fire(drop("drop/hall.yaml", data))["outcome"] == "submitted"
    assert len({job.name for job in emulator.state.all_jobs()}) == 3


def test_a_refused_file_may_be_dropped_again(emulator: Emulator, fire: Fire, drop: Drop) -> None:
    """Its first run left no job."""
    faulty(emulator, fault="status", status=400, times=1)
    refused = fire(drop("drop/hall.yaml", UPGRADE))
    assert (refused["outcome"], states(refused)) == ("rejected", ["refused"])
    assert fire(drop("drop/hall.yaml", UPGRADE))["outcome"] == "submitted"


def test_one_refused_job_does_not_stop_the_others(
    emulator: Emulator, fire: Fire, drop: Drop
) -> None:
    """The reply names the one and shows the rest."""
    faulty(emulator, fault="status", status=400, times=1)
    reply = fire(drop("drop/two.yaml", UPGRADE + b"---\n" + UPGRADE_2.replace(b"hall", b"gate")))
    assert (reply["outcome"], sorted(states(reply))) == ("partial", ["created", "refused"])
    assert len(reply["errors"]) == 1
    assert result_file(emulator, "two.yaml.result.json")["outcome"] == "partial"


def test_a_broken_file_gets_a_result_file_with_every_error(
    emulator: Emulator, fire: Fire, drop: Drop, sample: Sample
) -> None:
    """All of them at once, each with its place."""
    reply = fire(drop("drop/broken.yaml", sample("specs/broken.yaml")))
    kept = result_file(emulator, "broken.yaml.result.json")
    assert (reply["outcome"], reply["jobs"]) == ("rejected", [])
    assert kept["errors"] == reply["errors"]
    assert len(kept["errors"]) >= 10
    assert all(error.startswith("document ") for error in kept["errors"])
    assert posts(emulator) == 0


def test_a_rejected_delivery_is_answered_with_its_errors_again(fire: Fire, drop: Drop) -> None:
    """And with what to do about it."""
    event = drop("drop/broken.yaml", b"kind: [\n")
    first, second = fire(event), fire(event)
    assert "was rejected before" in second["errors"][0]
    assert second["errors"][1:] == first["errors"]


def test_a_corrected_file_runs(fire: Fire, drop: Drop) -> None:
    """Dropped under the same name."""
    assert fire(drop("drop/hall.yaml", b"kind: [\n"))["outcome"] == "rejected"
    assert fire(drop("drop/hall.yaml", UPGRADE))["outcome"] == "submitted"


def test_a_bucket_that_does_not_answer_interrupts_a_delivery(
    emulator: Emulator, fire: Fire, drop: Drop, recorded: Recorded
) -> None:
    """It is raised, recorded, and starts over."""
    event = drop("drop/hall.yaml", UPGRADE)
    emulator.faults.set([{"operation": "GetObject", "fault": "status", "status": 503}])
    with pytest.raises(NoAnswerError, match="503"):
        fire(event)
    emulator.faults.set([])
    assert fire(event)["outcome"] == "submitted"
    story = [str(record["action"]) for record in recorded()]
    assert story[:3] == ["delivery.received", "delivery.interrupted", "delivery.received"]


def test_a_result_file_that_cannot_be_written_is_recorded_and_loses_nothing(
    emulator: Emulator, fire: Fire, drop: Drop, recorded: Recorded
) -> None:
    """The jobs are created nevertheless."""
    emulator.faults.set([{"operation": "PutObject", "fault": "status", "status": 503}])
    assert fire(drop("drop/hall.yaml", UPGRADE))["outcome"] == "submitted"
    assert recorded()[-1]["action"] == "result.failed"


def test_results_under_the_watched_prefix_do_not_loop(
    environ: Environ, fire_in: FireIn, drop: Drop, emulator: Emulator, recorded: Recorded
) -> None:
    """The event of a result file is recorded and ignored."""
    inside = {**environ, "NIGHTDROP_RESULTS": "obs://nightdrop-drop/drop/results/"}
    fire_in(inside, drop("drop/hall.yaml", UPGRADE))
    name = "drop/results/hall.yaml.result.json"
    written = emulator.state.buckets["nightdrop-drop"][name].data
    assert fire_in(inside, drop(name, written))["outcome"] == "ignored"
    assert recorded()[-1]["action"] == "delivery.ignored"
    assert len(emulator.state.buckets["nightdrop-drop"]) == 2


@pytest.mark.parametrize(
    ("name", "what"),
    [("else/hall.yaml", "Created:Put"), ("drop/", "Created:Put"), ("drop/x", "Removed:Delete")],
)
def test_an_event_without_a_job_is_ignored_and_recorded(
    fire: Fire, drop: Drop, recorded: Recorded, name: str, what: str
) -> None:
    """Removals, foreign prefixes and directory markers; no result file is written."""
    event = drop(name, UPGRADE)
    event["Records"][0]["eventName"] = f"Object{what}"
    reply = fire(event)
    assert (reply["outcome"], reply["errors"], reply["jobs"]) == ("ignored", [], [])
    assert [record["action"] for record in recorded()] == ["delivery.received", "delivery.ignored"]


def test_an_object_in_a_foreign_bucket_leaves_the_own_results_alone(
    emulator: Emulator, fire: Fire, drop: Drop
) -> None:
    """A file of the same name may have a result there."""
    fire(drop("drop/hall.yaml", UPGRADE))
    before = result_file(emulator, "hall.yaml.result.json")
    foreign = fire(drop("drop/hall.yaml", UPGRADE_2, bucket="another-bucket"))
    assert foreign["outcome"] == "rejected"
    assert "NIGHTDROP_BUCKETS" in foreign["errors"][0]
    assert result_file(emulator, "hall.yaml.result.json") == before


def test_a_timer_event_may_name_a_spec_in_the_bucket(
    emulator: Emulator, fire: Fire, drop: Drop, tick: Tick
) -> None:
    """Every night the same file, and a job of its own."""
    drop("nightly/hall.yaml", UPGRADE)
    named = json.dumps({"spec": "obs://nightdrop-drop/nightly/hall.yaml"})
    for day in ("24", "25"):
        assert fire(tick(named, f"2026-11-{day}T02:00:00Z"))["outcome"] == "submitted"
    assert len({job.name for job in emulator.state.all_jobs()}) == 2


def test_two_timer_events_within_the_window_are_one_run_and_a_later_one_is_another(
    emulator: Emulator, fire: Fire, tick: Tick
) -> None:
    """Thirty seconds, unless a setting says otherwise."""
    times = ("02:00:00", "02:00:29", "03:00:00")
    replies = [fire(tick(UPGRADE.decode(), f"2026-11-24T{time}Z")) for time in times]
    assert [reply["outcome"] for reply in replies] == ["submitted", "duplicate", "submitted"]
    assert len(emulator.state.jobs) == 2


def test_the_year_one_is_a_time_like_any_other(fire: Fire, tick: Tick) -> None:
    """An odd clock is no reason to fail."""
    first, second = (
        fire(tick(UPGRADE.decode(), f"0001-01-01T00:00:{second}Z")) for second in ("00", "05")
    )
    assert (first["outcome"], second["outcome"]) == ("submitted", "duplicate")


def test_every_document_of_a_file_is_sent(
    emulator: Emulator, fire: Fire, drop: Drop, sample: Sample
) -> None:
    """A job each, reported in the order of the file, sent side by side."""
    reply = fire(drop("drop/many.jsonl", sample("specs/many.jsonl")))
    assert [job["document"] for job in reply["jobs"]] == [1, 2, 3]
    names = {job["job_name"] for job in reply["jobs"]}
    assert names == {job.name for job in emulator.state.all_jobs()}


def test_a_warning_about_a_spec_is_reported_and_delays_nothing(fire: Fire, drop: Drop) -> None:
    """The API's pages leave it open."""
    groups = UPGRADE.replace(b"nodes", b"groups")
    reply = fire(drop("drop/groups.yaml", groups))
    assert reply["outcome"] == "submitted"
    assert len(reply["warnings"]) == 1


def test_a_log_that_fails_once_the_plan_is_promised_raises_nothing(environ: Environ) -> None:
    """The job is sent; what is not recorded of it is settled by the reconciler."""
    instance = open_instance(context(environ), environ, lambda _line: None)
    real, calls = instance.log.log.commit_all, count(1)

    def fails_at_the_second(decisions: Sequence[Any]) -> Any:  # noqa: ANN401 - as the log's
        if next(calls) == 2:
            raise LogUnreachableError("it is gone")
        return real(decisions)

    instance.log.log.commit_all = fails_at_the_second  # type: ignore[method-assign]
    spec = {"kind": "node_upgrade", "name": "a", "targets": {"nodes": [{"id": "n"}]}}
    with closing(instance):
        reply = handle(spec, context(environ), instance)
    assert reply["outcome"] == "deferred"
