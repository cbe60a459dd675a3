"""Objects in OBS, read and written against the emulator over real HTTP."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, TypeAlias

import pytest

from handler.cloud.credentials import Credentials
from handler.cloud.obs.client import Obs, StoredObject
from handler.emulator.server import DEMO_ACCOUNT, Emulator
from handler.emulator.state.changes import VersioningSet
from handler.errors import ApiError, CloudError, NoAnswerError, NotSentError, ObjectError

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator

    from handler.cloud.http_transport import Answer, Request, Transport

    Server: TypeAlias = Callable[[Callable[[socket.socket, int], None]], str]

BUCKET = "nightdrop-drop"
KEYS = [
    *("spec.yaml", "with space.yaml", "a+b=c.yaml", "50%.yaml", "%2e%2E.yaml", "é/中文.yaml"),
    *("a/../b", "./a", "..", "a//b", "/lead", "trail/", "~!*'();:@&,?#[]", "\U0001f600", "a\nb"),
]


def now() -> datetime:
    """Return the time."""
    return datetime.now(timezone.utc)


def client(url: str, transport: Transport) -> Obs:
    """Return a client with the emulator's keys."""
    keys = Credentials(DEMO_ACCOUNT.access_key, DEMO_ACCOUNT.secret_key)
    return Obs(url, keys, transport, now)


@pytest.fixture(scope="module")
def cloud() -> Iterator[Emulator]:
    """An emulator for all tests of this module."""
    with Emulator() as running:
        yield running


@pytest.fixture
def obs(cloud: Emulator, transport: Transport) -> Obs:
    """A client of an empty bucket."""
    cloud.state.reset()
    return client(cloud.url, transport)


@pytest.mark.parametrize("key", KEYS)
def test_a_version_is_read_by_its_id(cloud: Emulator, obs: Obs, key: str) -> None:
    """With any key; an id that is none, or unknown, gives the current object."""
    cloud.state.change(VersioningSet(BUCKET, "Enabled"))
    put(cloud, key, b"first")
    first = cloud.state.buckets[BUCKET][key].version_id
    put(cloud, key, b"second")
    assert obs.read(BUCKET, key, max_bytes=9, version_id=first).data == b"first"
    for other in (None, "", "null", "a&acl", "é", "0" * 32):
        assert obs.read(BUCKET, key, max_bytes=9, version_id=other).data == b"second"


def put(cloud: Emulator, key: str, data: bytes) -> None:
    """Put an object into the bucket without a request."""
    cloud.state.put_object(BUCKET, key, data)


@pytest.fixture
def answered(transport: Transport, server: Server) -> Callable[..., Obs]:
    """Make a client of a service that answers HEAD and then GET or PUT like this."""

    def make(head: str, then: str = "") -> Obs:
        def behave(connection: socket.socket, _number: int) -> None:
            asked = b"HEAD"
            while asked.startswith(b"HEAD") and (asked := connection.recv(65536)):
                text = head if asked.startswith(b"HEAD") or not then else then
                connection.sendall(f"HTTP/1.1 {text}".replace("\n", "\r\n").encode())

        return client(server(behave), transport)

    return make


@pytest.mark.parametrize("key", KEYS)
def test_a_written_object_is_read_whatever_its_key(obs: Obs, cloud: Emulator, key: str) -> None:
    """The key is encoded once, signed and sent alike, and nothing in it is resolved."""
    obs.write(BUCKET, key, b"data", content_type="application/json")
    assert set(cloud.state.buckets[BUCKET]) == {key}
    assert cloud.state.buckets[BUCKET][key].content_type == "application/json"
    assert obs.read(BUCKET, key, max_bytes=100).data == b"data"


def test_an_object_comes_with_its_entity_tag(obs: Obs, cloud: Emulator) -> None:
    """Without its quotes; a bucket without versions has none."""
    put(cloud, "k", b"data")
    etag = cloud.state.buckets[BUCKET]["k"].etag
    assert obs.read(BUCKET, "k", max_bytes=100) == StoredObject(b"data", etag, "")


def test_an_object_may_be_empty(obs: Obs) -> None:
    """Written and read."""
    obs.write(BUCKET, "k", b"", content_type="")
    assert obs.read(BUCKET, "k", max_bytes=0).data == b""


def test_an_object_is_replaced(obs: Obs) -> None:
    """The current one is read."""
    for data in (b"one", b"two"):
        obs.write(BUCKET, "k", data, content_type="text/plain")
    assert obs.read(BUCKET, "k", max_bytes=100).data == b"two"


@pytest.mark.parametrize(("size", "fits"), [(9, True), (10, True), (11, False), (5_000_000, False)])
def test_a_large_object_is_not_read(obs: Obs, cloud: Emulator, size: int, *, fits: bool) -> None:
    """Its length is not requested before."""
    put(cloud, "k", b"x" * size)
    if fits:
        assert len(obs.read(BUCKET, "k", max_bytes=10).data) == size
        return
    with pytest.raises(ObjectError, match="larger than 10 bytes"):
        obs.read(BUCKET, "k", max_bytes=10)
    asked = [request.method for request in cloud.state.requests]
    assert asked == ["GET"]


@pytest.mark.parametrize("head", ["200 OK\nContent-Length: 3\n\n", "200 OK\n\n"])
def test_an_object_that_grows_meanwhile_is_cut_off(answered: Callable[..., Obs], head: str) -> None:
    """Whatever its length was before."""
    obs = answered(head, f"200 OK\nContent-Length: 99999\n\n{'x' * 99_999}")
    with pytest.raises(ObjectError, match="larger than 10 bytes"):
        obs.read(BUCKET, "k", max_bytes=10)


def test_the_version_that_was_read_is_known(answered: Callable[..., Obs]) -> None:
    """In a bucket that keeps versions."""
    answer = '200 OK\nx-obs-version-id: v7\nETag: "tag"\nContent-Length: 2\n\n{}'
    found = answered("200 OK\nContent-Length: 2\n\n", answer).read(BUCKET, "k", max_bytes=10)
    assert (found.version_id, found.etag) == ("v7", "tag")


@pytest.mark.parametrize(
    "cut", ["200 OK\n", "200 OK\nETag: x\n", "200 OK\nContent-Length: 9\n\nabc"]
)
def test_a_cut_answer_is_not_taken_for_the_object(answered: Callable[..., Obs], cut: str) -> None:
    """A spec would be rejected permanently, though nothing is wrong with it."""
    with pytest.raises(NoAnswerError):
        answered("200 OK\nContent-Length: 9\n\n", cut).read(BUCKET, "k", max_bytes=10)


def test_a_missing_object_is_reported_as_such(obs: Obs) -> None:
    """And a missing bucket, too."""
    for bucket, what in ((BUCKET, "object"), ("no-such-bucket", "bucket")):
        with pytest.raises(ObjectError, match=rf"obs://{bucket}/k: no such {what}"):
            obs.read(bucket, "k", max_bytes=10)


def test_a_missing_permission_is_reported_as_such(obs: Obs, cloud: Emulator) -> None:
    """With the right that must be granted, and to whom; to read and to write."""
    cloud.state.denied.add((BUCKET, "k"))
    with pytest.raises(ObjectError, match="agency"):
        obs.read(BUCKET, "k", max_bytes=10)
    with pytest.raises(ObjectError, match="agency"):
        obs.write(BUCKET, "k", b"", content_type="text/plain")


def test_an_error_of_the_service_may_be_retried(obs: Obs, cloud: Emulator) -> None:
    """A retry may succeed."""
    for status, kind in ((503, NoAnswerError), (429, ApiError)):
        cloud.faults.set([{"operation": "GetObject", "fault": "status", "status": status}])
        put(cloud, "k", b"data")
        with pytest.raises(kind) as caught:
            obs.read(BUCKET, "k", max_bytes=10)
        assert isinstance(caught.value, CloudError)
        assert caught.value.retryable
    cloud.faults.set([])


@pytest.mark.parametrize(
    ("body", "code"), [("<Code>SlowDown</Code>", "SlowDown"), ("<Code><b></Code>", ""), ("", "")]
)
def test_another_error_has_the_services_code(
    answered: Callable[..., Obs], body: str, code: str
) -> None:
    """Where one can be read."""
    obs = answered(f"409 X\nContent-Length: {len(body)}\n\n{body}")
    with pytest.raises(ApiError) as caught:
        obs.write(BUCKET, "k", b"x", content_type="text/plain")
    assert (caught.value.status, caught.value.code) == (409, code)


def test_a_refused_connection_is_not_a_missing_object(transport: Transport, closed: str) -> None:
    """Another try may succeed."""
    with pytest.raises(NotSentError):
        client(closed, transport).read(BUCKET, "k", max_bytes=10)


def test_temporary_keys_send_their_token_signed(transport: Transport) -> None:
    """Without it the service refuses them."""
    with Emulator(account=replace(DEMO_ACCOUNT, security_token="token")) as cloud:
        obs = client(cloud.url, transport)
        with pytest.raises(CloudError):
            obs.write(BUCKET, "k", b"data", content_type="text/plain")
        temporary = obs._replace(credentials=obs.credentials._replace(token="token"))
        temporary.write(BUCKET, "k", b"data", content_type="text/plain")
        assert temporary.read(BUCKET, "k", max_bytes=10).data == b"data"
        transport.close()


def test_an_old_signature_is_refused(obs: Obs) -> None:
    """The clock that is given is the one that signs."""
    late = obs._replace(clock=lambda: now() - timedelta(minutes=16))
    with pytest.raises(ApiError, match="RequestTimeTooSkewed"):
        late.write(BUCKET, "k", b"data", content_type="text/plain")


class RecordingTransport:
    """A transport that stores the request instead of sending it, and fails."""

    def __init__(self) -> None:
        self.request: Request | None = None

    def send(self, request: Request, **_limits: object) -> Answer:
        """Keep the request."""
        self.request = request
        raise NotSentError("kept")


@pytest.mark.parametrize(
    ("endpoint", "url"),
    [
        ("https://obs.example.com", "https://b.obs.example.com/k%20/x"),
        ("https://obs.example.com:8443", "https://b.obs.example.com:8443/k%20/x"),
        ("http://localhost:1", "http://localhost:1/b/k%20/x"),
        ("http://127.0.0.1:1", "http://127.0.0.1:1/b/k%20/x"),
        ("http://[::1]:1", "http://[::1]:1/b/k%20/x"),
    ],
)
def test_a_bucket_is_a_sub_domain_of_a_named_host(endpoint: str, url: str) -> None:
    """And the first part of the path where the host is this machine."""
    kept = RecordingTransport()
    obs = Obs(endpoint, Credentials("a", "s"), kept, now)  # type: ignore[arg-type] # only what is used
    with pytest.raises(NotSentError):
        obs.read("b", "k /x", max_bytes=10)
    assert kept.request
    assert kept.request.url == url


def test_no_secret_is_in_a_message_or_shown(obs: Obs) -> None:
    """Neither keys nor an object's bytes."""
    keys = Credentials("CANARY-ak", "CANARY-sk", "CANARY-token")
    with pytest.raises(ApiError) as caught:
        obs._replace(credentials=keys).read(BUCKET, "k", max_bytes=10)
    shown = [repr(obs._replace(credentials=keys)), repr(StoredObject(b"CANARY", "", ""))]
    assert "CANARY" not in "".join([str(caught.value), *shown])
