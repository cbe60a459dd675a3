"""The three jobs of the function, over HTTP through functions-framework."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from handler.emulator.server import Emulator

    Reply = dict[str, Any]
    Post = Callable[..., tuple[int, Any]]
    Drop = Callable[..., Any]
    Tick = Callable[..., Reply]
    Sample = Callable[[str], bytes]
    Recorded = Callable[[], list[Reply]]

UPGRADE = b"kind: node_upgrade\nname: hall\ntargets: {nodes: [{id: node-1}]}\n"
MARK = re.compile(r"nd-[a-z2-7]{26}")
# Where each sample event's object lies, once its key is decoded.
PLACES = {
    "obs-s3.json": "drop/deploy-camera.yaml",
    "obs.json": "drop/line 4/camera v2+1.json",
    "eventgrid.json": "drop/depot+nord/deploy camera.yaml",
}
# The request of the API's page "Creating a batch job", with its task_data as the page has it.
TASK_DATA = (
    '{"deployment": {"replicas": 1, "template": {"configs": {"host_network": false, '
    '"restart_policy": "Always", "host_pid": false}, "containers": [{"name": "container-06fefd36", '
    '"version": "latest", "image_url": "sample:latest", "envs": [], "volumes": [], "ports": [], '
    '"privileged": false, "resources": {"limits": {"cpu": "0.25", "memory": "512"}, '
    '"requests": {"cpu": "0.25", "memory": "512"}}}]}}, "source": "userdefined", '
    '"name_prex": "aaa", "tags": [], "description": ""}'
)
PAGE_REQUEST = {
    "job_name": "job-test",
    "job_type": "deployment_deploy",
    "job_content": {
        "target_type": "node",
        "targets": [
            {
                "target_id": "13ce6d6c-5b5c-4f5b-8f0e-8a9c0b8f9a4e",
                "extension_info": [{"key": "node_name", "value": "node-test"}],
            }
        ],
        "task_data": TASK_DATA,
    },
    "description": "",
    "tags": [{"key": "stage", "value": "test"}],
}


@pytest.fixture(autouse=True)
def clear_faults(cloud: Emulator) -> Iterator[None]:
    """Let no test's faults strike another's requests."""
    yield
    cloud.faults.set([])


def job_named(cloud: Emulator, name: str) -> dict[str, Any]:
    """Return the request body that the one job of this name was made of."""
    (request,) = [job.request for job in cloud.state.all_jobs() if job.name == name]
    return dict(request)


def test_a_tick_becomes_a_job(cloud: Emulator, post: Post, sample: Sample) -> None:
    """The nightly upgrade, as the platform's timer sends it."""
    status, reply = post(sample("timer-nightly.json"))
    (job,) = reply["jobs"]
    assert (status, reply["outcome"], job["state"]) == (200, "submitted", "created")
    assert job["job_id"] in cloud.state.jobs
    content = job_named(cloud, job["job_name"])["job_content"]
    assert [target["target_id"][:8] for target in content["targets"]] == ["7c1f0a52", "e04b6d93"]


@pytest.mark.parametrize("event", sorted(PLACES))
def test_a_dropped_file_becomes_a_job_and_a_result_file_in_every_shape_of_event(
    cloud: Emulator, post: Post, cloud_drop: Drop, sample: Sample, event: str
) -> None:
    """Classic OBS in both its shapes, and EventGrid."""
    cloud_drop(PLACES[event], sample("specs/deploy-camera.yaml"))
    status, reply = post(sample(event))
    (job,) = reply["jobs"]
    assert (status, reply["outcome"], job["state"]) == (200, "submitted", "created")
    request = job_named(cloud, job["job_name"])
    assert request["job_type"] == "deployment_deploy"
    assert json.loads(request["job_content"]["task_data"])["deployment"]["replicas"] == 1
    name = f"results/{PLACES[event].removeprefix('drop/')}.result.json"
    kept = json.loads(cloud.state.buckets["nightdrop-drop"][name].data)
    assert (kept["outcome"], kept["jobs"], kept["errors"]) == ("submitted", reply["jobs"], [])


def test_a_spec_may_be_the_event_itself(cloud: Emulator, post: Post, sample: Sample) -> None:
    """Delivered twice, it is one job."""
    (_, first), (_, second) = (post(sample("direct-spec.json")) for _ in range(2))
    assert (first["outcome"], second["outcome"]) == ("submitted", "duplicate")
    assert first["jobs"] == second["jobs"]
    assert job_named(cloud, first["jobs"][0]["job_name"])["tags"] == [
        {"key": "site", "value": "depot-nord"}
    ]


@pytest.mark.parametrize("page", [True, False])
def test_the_apis_own_example_arrives_with_exactly_its_values(
    cloud: Emulator, post: Post, cloud_drop: Drop, sample: Sample, *, page: bool
) -> None:
    """But for the mark in its description."""
    asked = PAGE_REQUEST if page else json.loads(sample("specs/api-example.json"))
    _, reply = post(cloud_drop(f"drop/{asked['job_name']}.json", json.dumps(asked).encode()))
    assert reply["outcome"] == "submitted"
    sent = job_named(cloud, str(asked["job_name"]))
    assert MARK.fullmatch(str(sent["description"]))
    assert {**sent, "description": ""} == asked


def test_a_users_description_follows_the_mark(
    cloud: Emulator, post: Post, cloud_drop: Drop
) -> None:
    """Both are there."""
    spec = UPGRADE + "description: für die Halle\n".encode()
    _, reply = post(cloud_drop("drop/described.yaml", spec))
    message = str(job_named(cloud, reply["jobs"][0]["job_name"])["description"])
    assert MARK.fullmatch(message[:29])
    assert message[29:] == " für die Halle"


def test_the_same_event_twice_is_one_job(cloud: Emulator, post: Post, cloud_drop: Drop) -> None:
    """The second is answered from the log."""
    event = cloud_drop("drop/twice.yaml", UPGRADE)
    before = len(cloud.state.jobs)
    (_, first), (_, second) = post(event), post(event)
    assert (first["outcome"], second["outcome"]) == ("submitted", "duplicate")
    assert len(cloud.state.jobs) == before + 1


def test_the_same_bytes_are_one_run_and_going_back_to_them_is_another(
    cloud: Emulator, post: Post, cloud_drop: Drop
) -> None:
    """v1, v1, v2, v1: three runs, whatever the events' ids."""
    other = UPGRADE.replace(b"node-1", b"node-2")
    before = len(cloud.state.jobs)
    files = (UPGRADE, UPGRADE, other, UPGRADE)
    outcomes = [post(cloud_drop("drop/again.yaml", data))[1]["outcome"] for data in files]
    assert outcomes == ["submitted", "duplicate", "submitted", "submitted"]
    assert len(cloud.state.jobs) == before + 3


def test_a_refused_file_may_be_dropped_again(cloud: Emulator, post: Post, cloud_drop: Drop) -> None:
    """The refusal is answered normally and leaves nothing on the fleet."""
    cloud.faults.set(
        [{"operation": "CreateBatchJob", "fault": "status", "status": 400, "times": 1}]
    )
    status, refused = post(cloud_drop("drop/refused.yaml", UPGRADE))
    assert (status, refused["outcome"], refused["jobs"][0]["state"]) == (200, "rejected", "refused")
    assert post(cloud_drop("drop/refused.yaml", UPGRADE))[1]["outcome"] == "submitted"


def test_a_broken_file_gets_a_result_file_with_every_error(
    cloud: Emulator, post: Post, cloud_drop: Drop, sample: Sample
) -> None:
    """Each with its place in the file."""
    status, reply = post(cloud_drop("drop/broken.yaml", sample("specs/broken.yaml")))
    kept = cloud.state.buckets["nightdrop-drop"]["results/broken.yaml.result.json"].data
    assert (status, reply["outcome"]) == (200, "rejected")
    assert json.loads(kept)["errors"] == reply["errors"]
    assert {error.partition(",")[0] for error in reply["errors"]} == {"document 1", "document 2"}


def test_removals_and_results_are_ignored_and_recorded(
    post: Post, cloud_drop: Drop, cloud_records: Recorded
) -> None:
    """Nothing loops."""
    removed = cloud_drop("drop/gone.yaml", UPGRADE)
    removed["Records"][0]["eventName"] = "ObjectRemoved:Delete"
    result = cloud_drop("results/hall.yaml.result.json", b"{}")
    assert [post(event)[1]["outcome"] for event in (removed, result)] == ["ignored"] * 2
    assert [record["action"] for record in cloud_records()][-4:] == [
        *("delivery.received", "delivery.ignored"),
        *("delivery.received", "delivery.ignored"),
    ]


def test_the_good_ones_of_several_records_run(
    cloud: Emulator, post: Post, cloud_drop: Drop, cloud_records: Recorded
) -> None:
    """One bad entry among them is rejected and recorded."""
    events = [cloud_drop(f"drop/several-{place}.yaml", UPGRADE) for place in range(2)]
    bad = {"eventName": "ObjectCreated:Put", "obs": {"bucket": {}, "object": {}}}
    before = len(cloud.state.jobs)
    status, reply = post({"Records": [*events[0]["Records"], bad, *events[1]["Records"]]})
    assert (status, reply["outcome"], len(reply["deliveries"])) == (200, "rejected", 3)
    assert [job["state"] for job in reply["jobs"]] == ["created", "created"]
    assert len(cloud.state.jobs) == before + 2
    assert "event.rejected" in {record["action"] for record in cloud_records()}


def test_an_exception_of_the_function_is_a_500_and_the_delivery_is_repeated(
    cloud: Emulator, post: Post, cloud_drop: Drop, cloud_records: Recorded
) -> None:
    """The cloud is unreachable while the object is read; delivered again, the job is created."""
    event = cloud_drop("drop/later.yaml", UPGRADE)
    cloud.faults.set([{"operation": "GetObject", "fault": "cut"}])
    status, error = post(event)
    assert (status, sorted(error)) == (500, ["errorMessage", "errorType", "stackTrace"])
    assert error["errorType"] == "NoAnswerError"
    assert cloud_records()[-1]["action"] == "delivery.interrupted"
    cloud.faults.set([])
    assert post(event)[1]["outcome"] == "submitted"


def test_of_several_records_an_unreadable_one_fails_the_call_and_not_the_others(
    cloud: Emulator, post: Post, cloud_drop: Drop
) -> None:
    """All are tried before anything is raised; delivered again, each is done once."""
    events = [cloud_drop(f"drop/part-{place}.yaml", UPGRADE) for place in range(2)]
    both = {"Records": [*events[0]["Records"], *events[1]["Records"]]}
    before = len(cloud.state.jobs)
    cloud.faults.set([{"operation": "GetObject", "fault": "cut", "times": 1}])
    assert post(both)[0] == 500
    assert len(cloud.state.jobs) == before + 1
    assert post(both)[1]["outcome"] == "duplicate"
    assert len(cloud.state.jobs) == before + 2


def test_without_keys_a_job_is_deferred_and_the_agency_is_named(
    serve: Callable[[dict[str, str]], Post], environ: dict[str, str], recorded: Recorded, tick: Tick
) -> None:
    """The plan is stored; the reconciler sends it once the function has its agency."""
    for name in ("HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK"):
        del environ[name]
    status, reply = serve(environ)(tick(UPGRADE.decode()))
    assert (status, reply["outcome"]) == (200, "deferred")
    assert [record["action"] for record in recorded()][1:] == [
        *("delivery.planned", "job.planned", "job.deferred"),
    ]
    assert "agency" in recorded()[-1]["note"]
