"""Huawei's own IEF client, unmodified, works against the emulator."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException
from huaweicloudsdkief import v1 as ief

from handler.emulator.server import Account, Emulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NODE = "5a0f7c52-8e7b-4a57-9d43-1c1f0b8e2d11"

# The clients sign with datetime.utcnow, which is deprecated from Python 3.12 on.
pytestmark = pytest.mark.filterwarnings(r"ignore:datetime\.datetime\.utcnow:DeprecationWarning")


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """An emulator that runs for one test."""
    with Emulator(job_seconds=0) as running:
        yield running


def ief_client(emulator: Emulator, **keys: str) -> ief.IefClient:
    """Build Huawei's IEF client for an emulator."""
    account = emulator.account
    credentials = BasicCredentials(
        keys.get("ak", account.access_key),
        keys.get("sk", account.secret_key),
        account.project_id,
    )
    if account.security_token:
        credentials = credentials.with_security_token(account.security_token)
    builder = ief.IefClient.new_builder().with_credentials(credentials)
    return builder.with_endpoint(emulator.url).build()


def upgrade(name: str = "nightly-upgrade") -> ief.CreateBatchJobRequest:
    """Build a request for a node upgrade."""
    content = ief.JobContentInfo(target_type="node", targets=[ief.Target(target_id=NODE)])
    body = ief.BatchJobRequest(
        job_name=name,
        job_type="node_upgrade",
        job_content=content,
        description="nächtlich",
        tags=[ief.Attributes(key="site", value="north")],
    )
    return ief.CreateBatchJobRequest(body=body)


def test_the_ief_client_creates_lists_shows_and_deletes_a_job(emulator: Emulator) -> None:
    """A job goes through its whole life, with the fields the client's models know."""
    client = ief_client(emulator)
    created = client.create_batch_job(upgrade())
    listed = client.list_batch_job(ief.ListBatchJobRequest(limit=10, sort="created_at:desc"))
    shown = client.show_batch_job(ief.ShowBatchJobRequest(job_id=created.job_id))
    client.delete_batch_job(ief.DeleteBatchJobRequest(job_id=created.job_id))

    assert [(job.job_id, job.status) for job in listed.jobs] == [(created.job_id, "Successful")]
    assert shown.description == "nächtlich"
    assert [(task.target_id, task.status) for task in shown.tasks] == [(NODE, "Successful")]
    assert emulator.state.all_jobs() == []


def test_the_ief_client_lists_nodes_by_tag_and_shows_one(emulator: Emulator) -> None:
    """Queries with commas and dots are signed and understood."""
    client = ief_client(emulator)
    listed = client.list_edge_nodes(ief.ListEdgeNodesRequest(tags="site.north", limit="10"))
    node_id = listed.nodes[0].id
    shown = client.show_edge_node_detail(ief.ShowEdgeNodeDetailRequest(node_id=node_id))

    assert listed.count == 2
    assert shown.node.name == listed.nodes[0].name


def test_the_ief_client_with_a_wrong_key_reads_the_documented_error() -> None:
    """A bad signature is HTTP 400 with IEF.011005, not 401."""
    with Emulator() as emulator, pytest.raises(ClientRequestException) as caught:
        ief_client(emulator, sk="another").create_batch_job(upgrade())

    assert (caught.value.status_code, caught.value.error_code) == (400, "IEF.011005")


def test_the_ief_client_with_temporary_keys_is_accepted() -> None:
    """The security token is sent and signed."""
    account = Account("temporary", "secret", "0" * 32, "a-token")
    with Emulator(account=account) as emulator:
        assert ief_client(emulator).create_batch_job(upgrade()).job_name == "nightly-upgrade"


def test_the_ief_client_pages_through_jobs(emulator: Emulator) -> None:
    """Offset and limit are sent as numbers; the count is of all."""
    client = ief_client(emulator)
    for number in range(5):
        client.create_batch_job(upgrade(f"job-{number}"))
    found: list[str] = []
    for offset in (0, 2, 4, 6):
        request = ief.ListBatchJobRequest(limit=2, offset=offset, sort="created_at:asc")
        page = client.list_batch_job(request)
        assert page.job_count == 5
        found += [job.job_name for job in page.jobs]

    assert found == [f"job-{number}" for number in range(5)]


class Clock:
    """A clock that is set, near the real time so that signatures hold."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return time.time() + self.ahead


def statuses(client: ief.IefClient, job_id: str) -> list[str]:
    """Return the status of a job and of its tasks."""
    shown = client.show_batch_job(ief.ShowBatchJobRequest(job_id=job_id))
    return [shown.status, *(task.status for task in shown.tasks)]


def test_the_ief_client_pauses_and_restores_a_job() -> None:
    """Through all the statuses on the way, each read with the client's own model."""
    clock, seen = Clock(), list[str]()
    with Emulator(clock=clock, job_seconds=100) as emulator:
        client = ief_client(emulator)
        job_id = client.create_batch_job(upgrade()).job_id
        seen += statuses(client, job_id)
        clock.ahead += 40
        client.stop_batch_job(ief.StopBatchJobRequest(job_id=job_id))
        seen += statuses(client, job_id)
        clock.ahead += 30
        seen += statuses(client, job_id)
        client.restore_batch_job(ief.RestoreBatchJobRequest(job_id=job_id))
        for seconds in (0, 30, 80):
            clock.ahead += seconds
            seen += statuses(client, job_id)

    assert seen == [
        *("Waiting", "Waiting"),
        *("Stopping", "Running"),
        *("Stopped", "Stopped"),
        *("Waiting", "Waiting"),
        *("Running", "Running"),
        *("Successful", "Successful"),
    ]


def test_the_ief_client_retries_what_failed(emulator: Emulator) -> None:
    """The task says why it failed; the node needs its upgrade until it has it."""
    client = ief_client(emulator)
    emulator.state.failing_targets.add(NODE)
    job_id = client.create_batch_job(upgrade()).job_id
    (task,) = client.show_batch_job(ief.ShowBatchJobRequest(job_id=job_id)).tasks
    before = client.show_edge_node_detail(ief.ShowEdgeNodeDetailRequest(node_id=NODE)).node
    emulator.state.failing_targets.clear()
    client.retry_batch_job(ief.RetryBatchJobRequest(job_id=job_id))
    after = client.show_edge_node_detail(ief.ShowEdgeNodeDetailRequest(node_id=NODE)).node

    assert (task.status, task.reason) == ("Failed", "the edge node did not answer")
    assert statuses(client, job_id) == ["Successful", "Successful"]
    assert (before.upgrade_flag, after.upgrade_flag) == (True, False)
    assert after.upgrade_history[0].result == "upgrade_success"


def test_the_ief_client_lists_groups_and_shows_one(emulator: Emulator) -> None:
    """With an instance of the enterprise edition; its nodes can be listed by it."""
    client, instance = ief_client(emulator), {"ief_instance_id": "instance-1"}
    (group,) = client.list_edge_groups(ief.ListEdgeGroupsRequest(**instance)).edge_groups
    shown = client.show_edge_group_detail(
        ief.ShowEdgeGroupDetailRequest(group_id=group.id, **instance)
    )
    listed = client.list_edge_nodes(ief.ListEdgeNodesRequest(group_id=group.id, **instance))

    assert (group.name, shown.name) == ("docks", "docks")
    assert [node.id for node in shown.nodes] == [node.id for node in listed.nodes]
    assert len(shown.nodes) == 3


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (
            lambda c: c.create_batch_job(upgrade("Not a name")),
            (400, "IEF.100012"),
        ),
        (
            lambda c: c.list_batch_job(ief.ListBatchJobRequest(offset=-1)),
            (400, "IEF.100004"),
        ),
        (
            lambda c: c.list_batch_job(ief.ListBatchJobRequest(limit=0)),
            (400, "IEF.100005"),
        ),
        (
            lambda c: c.list_edge_groups(ief.ListEdgeGroupsRequest()),
            (400, "IEF.100403"),
        ),
        (
            lambda c: c.show_batch_job(ief.ShowBatchJobRequest(job_id="none")),
            (404, "IEF.100404"),
        ),
        (
            lambda c: c.stop_batch_job(ief.StopBatchJobRequest(job_id="none")),
            (404, "IEF.100404"),
        ),
        (
            lambda c: c.stop_batch_job(ief.StopBatchJobRequest(job_id=done(c))),
            (400, "IEF.100409"),
        ),
        (
            lambda c: c.restore_batch_job(ief.RestoreBatchJobRequest(job_id=done(c))),
            (400, "IEF.100409"),
        ),
        (
            lambda c: c.retry_batch_job(ief.RetryBatchJobRequest(job_id=done(c))),
            (400, "IEF.100409"),
        ),
    ],
)
def test_the_ief_client_reads_every_error(
    emulator: Emulator, call: Callable[[ief.IefClient], object], expected: tuple[int, str]
) -> None:
    """Status and code, for a caller to decide by."""
    with pytest.raises(ClientRequestException) as caught:
        call(ief_client(emulator))

    assert (caught.value.status_code, caught.value.error_code) == expected


def done(client: ief.IefClient) -> str:
    """Create a job that is done at once and return its id."""
    return str(client.create_batch_job(upgrade()).job_id)
