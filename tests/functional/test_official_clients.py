"""Huawei's own clients, unmodified, work against the emulator."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException
from huaweicloudsdkief import v1 as ief
from huaweicloudsdkobs import v1 as huawei_obs
from huaweicloudsdkobs.v1.obs_credentials import ObsCredentials
from obs import ObsClient as EsdkClient

from handler.emulator.server import Account, Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BUCKET = "nightdrop-drop"
KEY = "jobs/a b+c ü.yaml"


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
    content = ief.JobContentInfo(target_type="node", targets=[ief.Target(target_id="node-1")])
    body = ief.BatchJobRequest(
        job_name=name,
        job_type="node_upgrade",
        job_content=content,
        description="nächtlich",
        tags=[ief.Attributes(key="site", value="north")],
    )
    return ief.CreateBatchJobRequest(body=body)


@pytest.fixture
def esdk(emulator: Emulator) -> Iterator[EsdkClient]:
    """The older OBS client: path style, AWS spelling of the signature."""
    account = emulator.account
    client = EsdkClient(
        access_key_id=account.access_key,
        secret_access_key=account.secret_key,
        server=emulator.url,
        path_style=True,
    )
    yield client
    client.close()


@pytest.fixture
def obs_client(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> huawei_obs.ObsClient:
    """The newer OBS client: virtual-host style, its host names resolved to loopback."""
    resolve = socket.getaddrinfo

    def to_loopback(host: str, port: int, *rest: int) -> object:
        return resolve("127.0.0.1" if host == f"{BUCKET}.obs.localhost" else host, port, *rest)

    monkeypatch.setattr(socket, "getaddrinfo", to_loopback)
    account = emulator.account
    builder = huawei_obs.ObsClient.new_builder()
    builder = builder.with_credentials(ObsCredentials(account.access_key, account.secret_key))
    return builder.with_endpoint(emulator.url.replace("127.0.0.1", "obs.localhost")).build()


def test_the_ief_client_creates_lists_shows_and_deletes_a_job(emulator: Emulator) -> None:
    """A job goes through its whole life, with the fields the client's models know."""
    client = ief_client(emulator)
    created = client.create_batch_job(upgrade())
    listed = client.list_batch_job(ief.ListBatchJobRequest(limit=10, sort="created_at:desc"))
    shown = client.show_batch_job(ief.ShowBatchJobRequest(job_id=created.job_id))
    client.delete_batch_job(ief.DeleteBatchJobRequest(job_id=created.job_id))

    assert [(job.job_id, job.status) for job in listed.jobs] == [(created.job_id, "Successful")]
    assert shown.description == "nächtlich"
    assert [(task.target_id, task.status) for task in shown.tasks] == [("node-1", "Successful")]
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


def test_the_path_style_client_puts_gets_lists_and_deletes(
    emulator: Emulator, esdk: EsdkClient
) -> None:
    """A key with spaces, a plus, a slash and an umlaut survives the way there and back."""
    put = esdk.putContent(BUCKET, KEY, "hello")
    got = esdk.getObject(BUCKET, KEY, loadStreamInMemory=True)
    head = esdk.getObjectMetadata(BUCKET, KEY)
    listed = esdk.listObjects(BUCKET, prefix="jobs/")
    deleted = esdk.deleteObject(BUCKET, KEY)

    assert (put.status, got.body.buffer, head.body.contentLength) == (200, b"hello", 5)
    assert [entry.key for entry in listed.body.contents] == [KEY]
    assert deleted.status == 204
    assert emulator.state.buckets[BUCKET] == {}


def test_the_path_style_client_reads_the_documented_errors(
    emulator: Emulator, esdk: EsdkClient
) -> None:
    """Missing objects, missing buckets and denied objects are told apart."""
    emulator.state.denied.add((BUCKET, "secret.yaml"))
    codes = [
        (answer.status, answer.errorCode)
        for answer in (
            esdk.getObject(BUCKET, "missing.yaml", loadStreamInMemory=True),
            esdk.getObject("no-such-bucket", "a.yaml", loadStreamInMemory=True),
            esdk.getObject(BUCKET, "secret.yaml", loadStreamInMemory=True),
        )
    ]

    assert codes == [(404, "NoSuchKey"), (404, "NoSuchBucket"), (403, "AccessDenied")]


def test_the_path_style_client_makes_buckets_and_lists_them(esdk: EsdkClient) -> None:
    """Buckets can be made and found."""
    assert esdk.createBucket("another-bucket").status == 200
    assert esdk.headBucket("another-bucket").status == 200
    names = [bucket.name for bucket in esdk.listBuckets().body.buckets]
    assert names == ["another-bucket", BUCKET]


def test_the_path_style_client_pages_through_a_bucket(esdk: EsdkClient) -> None:
    """The marker leads from one page to the next."""
    for number in range(5):
        esdk.putContent(BUCKET, f"{number}.yaml", "x")
    found, marker = [], None
    while True:
        page = esdk.listObjects(BUCKET, marker=marker, max_keys=2).body
        found += [entry.key for entry in page.contents]
        if not page.is_truncated:
            break
        marker = page.next_marker

    assert found == [f"{number}.yaml" for number in range(5)]


def test_the_virtual_host_client_puts_gets_lists_and_deletes(
    emulator: Emulator, obs_client: huawei_obs.ObsClient, tmp_path: Path
) -> None:
    """The bucket in the host name is found, and signed as the client signs it."""
    where = {"bucket_name": BUCKET, "object_key": KEY}
    received: list[bytes] = []
    path = tmp_path / "spec.yaml"
    path.write_bytes(b"hello")
    with path.open("rb") as stream:
        obs_client.put_object(huawei_obs.PutObjectRequest(**where, stream=stream))
    got = obs_client.get_object(huawei_obs.GetObjectRequest(**where))
    got.consume_download_stream(lambda answer: received.append(answer.content))
    obs_client.head_object(huawei_obs.HeadObjectRequest(**where))
    listed = obs_client.list_objects(huawei_obs.ListObjectsRequest(bucket_name=BUCKET))
    obs_client.delete_object(huawei_obs.DeleteObjectRequest(**where))

    assert received == [b"hello"]
    assert KEY in str(listed.contents)
    assert emulator.state.buckets[BUCKET] == {}
