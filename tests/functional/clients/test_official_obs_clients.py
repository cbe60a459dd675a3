"""Huawei's own OBS clients, unmodified, work against the emulator."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException
from huaweicloudsdkobs import v1 as huawei_obs
from huaweicloudsdkobs.v1.obs_credentials import ObsCredentials
from obs import (
    AppendObjectContent,
    GetObjectHeader,
    GetObjectRequest,
    ObjectLockConfiguration,
    ObjectLockRule,
    Versions,
)
from obs import ObsClient as EsdkClient

from handler.emulator.server import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BUCKET = "nightdrop-drop"
KEY = "jobs/a b+c ü.yaml"
KEYS = ["with space", "a+b", "deep/er//key", "ü/日本語", "100%", "a%2Fb", "q?x=1&y#z", "~-_.!*'()"]

# The clients sign with datetime.utcnow, which is deprecated from Python 3.12 on.
pytestmark = pytest.mark.filterwarnings(r"ignore:datetime\.datetime\.utcnow:DeprecationWarning")


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """An emulator that runs for one test."""
    with Emulator(job_seconds=0) as running:
        yield running


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
    """Missing objects, missing buckets and denied objects are distinguished."""
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


@pytest.mark.parametrize("key", KEYS)
def test_a_key_survives_both_clients(
    emulator: Emulator, esdk: EsdkClient, obs_client: huawei_obs.ObsClient, key: str
) -> None:
    """Written by one, read and listed by the other, and stored unchanged."""
    received: list[bytes] = []
    assert esdk.putContent(BUCKET, key, "x").status == 200
    assert list(emulator.state.buckets[BUCKET]) == [key]
    got = obs_client.get_object(huawei_obs.GetObjectRequest(bucket_name=BUCKET, object_key=key))
    got.consume_download_stream(lambda answer: received.append(answer.content))
    assert received == [b"x"]
    assert [entry.key for entry in esdk.listObjects(BUCKET).body.contents] == [key]


def append(esdk: EsdkClient, text: str, position: int) -> tuple[int, object]:
    """Append and return the status, and the next position or the error's code."""
    content = AppendObjectContent(content=text, position=position)
    answer = esdk.appendObject(BUCKET, KEY, content)
    return answer.status, answer.body.nextPosition if answer.status < 300 else answer.errorCode


def test_an_object_is_appended_to(esdk: EsdkClient) -> None:
    """Where the last answer, or the object's metadata, says."""
    assert append(esdk, "one", 0) == (200, 3)
    head = esdk.getObjectMetadata(BUCKET, KEY).body
    assert (head.isAppendable, head.nextPosition) == (True, 3)
    assert append(esdk, "two", 3) == (200, 6)
    assert esdk.getObject(BUCKET, KEY, loadStreamInMemory=True).body.buffer == b"onetwo"
    assert esdk.listObjects(BUCKET).body.contents[0].isAppendable


def test_an_impossible_append_is_refused(esdk: EsdkClient) -> None:
    """At another position, or to an object that was put."""
    append(esdk, "one", 0)
    assert append(esdk, "two", 0) == (409, "PositionNotEqualToLength")
    assert append(esdk, "two", 4) == (409, "PositionNotEqualToLength")
    esdk.putContent(BUCKET, KEY, "put")
    assert append(esdk, "two", 3) == (409, "ObjectNotAppendable")


def test_ranges_and_conditions_are_read(esdk: EsdkClient, obs_client: huawei_obs.ObsClient) -> None:
    """By both clients, with the errors they know."""
    esdk.putContent(BUCKET, KEY, "0123456789")
    tag = esdk.getObjectMetadata(BUCKET, KEY).body.etag.strip('"')  # the client encodes quotes

    def get(**headers: str) -> tuple[int, object]:
        answer = esdk.getObject(
            BUCKET, KEY, headers=GetObjectHeader(**headers), loadStreamInMemory=True
        )
        return answer.status, answer.body.buffer if answer.status < 300 else answer.errorCode

    assert get(range="2-4") == (206, b"234")
    assert get(range="10-") == (416, "InvalidRange")
    assert get(if_match=tag) == (200, b"0123456789")
    assert get(if_match='"another"') == (412, "PreconditionFailed")
    assert get(if_none_match=tag)[0] == 304

    received: list[bytes] = []
    place = {"bucket_name": BUCKET, "object_key": KEY}
    got = obs_client.get_object(huawei_obs.GetObjectRequest(**place, range="bytes=-3"))
    got.consume_download_stream(lambda answer: received.append(answer.content))
    assert received == [b"789"]


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ({"object_key": "missing"}, (404, "NoSuchKey")),
        ({"object_key": "missing", "version_id": "x"}, (404, "NoSuchVersion")),
        ({"object_key": KEY, "range": "bytes=10-"}, (416, "InvalidRange")),
        ({"object_key": KEY, "if_match": '"another"'}, (412, "PreconditionFailed")),
        ({"object_key": "secret"}, (403, "AccessDenied")),
    ],
)
def test_the_virtual_host_client_reads_the_documented_errors(
    emulator: Emulator,
    esdk: EsdkClient,
    obs_client: huawei_obs.ObsClient,
    request_: dict[str, str],
    expected: tuple[int, str],
) -> None:
    """It does not look into XML, so the code is in its message."""
    esdk.putContent(BUCKET, KEY, "0123456789")
    emulator.state.denied.add((BUCKET, "secret"))
    with pytest.raises(ClientRequestException) as caught:
        obs_client.get_object(huawei_obs.GetObjectRequest(bucket_name=BUCKET, **request_))

    assert caught.value.status_code == expected[0]
    assert f"<Code>{expected[1]}</Code>" in caught.value.error_msg


def test_versions_are_stored_listed_read_and_removed(esdk: EsdkClient) -> None:
    """From switching them on to taking a delete marker away."""
    assert esdk.getBucketVersioning(BUCKET).body is None
    assert esdk.setBucketVersioning(BUCKET, "Enabled").status == 200
    assert esdk.getBucketVersioning(BUCKET).body == "Enabled"
    first, second = (esdk.putContent(BUCKET, KEY, text).body.versionId for text in ("1", "2"))
    marker = esdk.deleteObject(BUCKET, KEY).body

    def read(version_id: str | None = None) -> tuple[int, object]:
        request = GetObjectRequest(versionId=version_id)
        answer = esdk.getObject(BUCKET, KEY, getObjectRequest=request, loadStreamInMemory=True)
        return answer.status, answer.body.buffer if answer.status < 300 else answer.errorCode

    listed = esdk.listVersions(BUCKET).body
    assert [(one.versionId, one.isLatest) for one in listed.versions] == [
        (second, False),
        (first, False),
    ]
    assert [(one.versionId, one.isLatest) for one in listed.markers] == [(marker.versionId, True)]
    assert read() == (404, "NoSuchKey")
    assert (read(first), read(second)) == ((200, b"1"), (200, b"2"))
    assert esdk.deleteObject(BUCKET, KEY, versionId=marker.versionId).body.deleteMarker
    assert read() == (200, b"2")
    assert read("0" * 32) == (404, "NoSuchVersion")


def test_a_bucket_is_locked(esdk: EsdkClient) -> None:
    """Once it has versions: objects written later can be hidden, but not removed."""
    rule = ObjectLockRule(days=1, mode="COMPLIANCE")
    locked = ObjectLockConfiguration(objectLockEnabled="Enabled", rule=rule)
    assert esdk.setBucketObjectLock(BUCKET, locked).status == 409
    esdk.setBucketVersioning(BUCKET, "Enabled")
    before = esdk.putContent(BUCKET, KEY, "1").body.versionId
    assert esdk.setBucketObjectLock(BUCKET, locked).status == 200
    after = esdk.putContent(BUCKET, KEY, "2").body.versionId
    assert esdk.deleteObject(BUCKET, KEY, versionId=before).status == 204
    assert esdk.deleteObject(BUCKET, KEY, versionId=after).status == 403
    assert esdk.deleteObject(BUCKET, KEY).status == 204
    assert esdk.appendObject(BUCKET, "log", AppendObjectContent(content="x")).status == 403
    assert esdk.setBucketVersioning(BUCKET, "Suspended").status == 409


def test_versions_are_listed_page_by_page(esdk: EsdkClient) -> None:
    """Both markers lead from one page to the next."""
    esdk.setBucketVersioning(BUCKET, "Enabled")
    for key in ("a", "a", "ü b", "a"):
        esdk.putContent(BUCKET, key, "x")
    found, markers = [], Versions(max_keys=1)
    while True:
        page = esdk.listVersions(BUCKET, markers).body
        found += [one.key for one in page.versions]
        if not page.head.isTruncated:
            break
        markers = Versions(
            max_keys=1,
            key_marker=page.head.nextKeyMarker,
            version_id_marker=page.head.nextVersionIdMarker,
        )

    assert found == ["a", "a", "a", "ü b"]


def test_the_virtual_host_client_enables_versions(
    emulator: Emulator, obs_client: huawei_obs.ObsClient, tmp_path: Path
) -> None:
    """It switches them on, and removes one by its id."""
    body = huawei_obs.SetBucketVersioningRequestBody(status="Enabled")
    obs_client.set_bucket_versioning(
        huawei_obs.SetBucketVersioningRequest(bucket_name=BUCKET, versioning="", body=body)
    )
    place, path = {"bucket_name": BUCKET, "object_key": KEY}, tmp_path / "spec.yaml"
    for text in ("1", "2"):
        path.write_text(text)
        with path.open("rb") as stream:
            obs_client.put_object(huawei_obs.PutObjectRequest(**place, stream=stream))
    newest = emulator.state.buckets[BUCKET][KEY].version_id
    obs_client.delete_object(huawei_obs.DeleteObjectRequest(**place, version_id=newest))

    assert emulator.state.buckets[BUCKET][KEY].data == b"1"
