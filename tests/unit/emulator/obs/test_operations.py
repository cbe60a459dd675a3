"""OBS's operations over real HTTP."""

from __future__ import annotations

import base64
import hashlib
import hmac
from contextlib import closing
from email.utils import formatdate
from http.client import HTTPConnection
from typing import TYPE_CHECKING

import pytest

from handler.emulator.server import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator

DROP = "/nightdrop-drop"


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """A running emulator."""
    with Emulator() as running:
        yield running


def signed(target: str) -> str:
    """Return what of a query is part of the resource; the tests name it in its signed order."""
    parts = [
        part
        for part in target.partition("?")[2].split("&")
        if part.partition("=")[0]
        in {"append", "position", "versionId", "versioning", "versions", "acl"}
    ]
    return f"?{'&'.join(parts)}" if parts else ""


def call(
    emulator: Emulator,
    method: str,
    target: str,
    body: bytes = b"",
    headers: dict[str, str] | None = None,
) -> tuple[int, bytes, dict[str, str]]:
    """Send one signed request and return status, body and headers."""
    own = headers or {}
    date, path = formatdate(usegmt=True), target.partition("?")[0]
    named = "".join(f"{name}:{own[name]}\n" for name in sorted(own) if name.startswith("x-obs-"))
    to_sign = f"{method}\n{own.get('Content-MD5', '')}\n\n{date}\n{named}{path}{signed(target)}"
    digest = hmac.new(emulator.account.secret_key.encode(), to_sign.encode(), hashlib.sha1).digest()
    signature = base64.b64encode(digest).decode()
    authorization = f"OBS {emulator.account.access_key}:{signature}"
    with closing(HTTPConnection(emulator.url.removeprefix("http://"), timeout=5)) as connection:
        own = {"Date": date, "Authorization": authorization} | own
        connection.request(method, target, body, own)
        answer = connection.getresponse()
        return answer.status, answer.read(), {k.lower(): v for k, v in answer.getheaders()}


def test_an_object_is_written_and_read(emulator: Emulator) -> None:
    """The entity tag is the MD5 of the bytes."""
    _, _, written = call(emulator, "PUT", f"{DROP}/a%20b%2Bc/%C3%BC", b"x\x00y")
    status, data, read = call(emulator, "GET", f"{DROP}/a%20b%2Bc/%C3%BC")
    assert (status, data) == (200, b"x\x00y")
    assert written["etag"] == read["etag"] == f'"{hashlib.md5(data).hexdigest()}"'  # noqa: S324 - as OBS
    assert list(emulator.state.buckets["nightdrop-drop"]) == ["a b+c/ü"]


def test_head_has_the_length_and_no_body(emulator: Emulator) -> None:
    """So a reader knows the size beforehand."""
    call(emulator, "PUT", f"{DROP}/a", b"12345")
    status, data, headers = call(emulator, "HEAD", f"{DROP}/a")
    assert (status, data, headers["content-length"]) == (200, b"", "5")
    assert "x-obs-request-id" in headers


def test_metadata_comes_back(emulator: Emulator) -> None:
    """The headers that were written under `x-obs-meta-`."""
    call(emulator, "PUT", f"{DROP}/a", b"", {"x-obs-meta-owner": "north"})
    assert call(emulator, "GET", f"{DROP}/a")[2]["x-obs-meta-owner"] == "north"


def test_a_body_that_is_not_its_digest_is_refused(emulator: Emulator) -> None:
    """Content-MD5 guards the way."""
    status, body, _ = call(emulator, "PUT", f"{DROP}/a", b"x", {"Content-MD5": "AAAA"})
    assert (status, b"<Code>BadDigest</Code>" in body) == (400, True)
    assert emulator.state.buckets["nightdrop-drop"] == {}


@pytest.mark.parametrize(
    ("method", "target", "status", "code"),
    [
        ("GET", f"{DROP}/missing", 404, b"NoSuchKey"),
        ("GET", "/unknown/a", 404, b"NoSuchBucket"),
        ("PUT", "/unknown/a", 404, b"NoSuchBucket"),
        ("GET", "/unknown", 404, b"NoSuchBucket"),
        ("PUT", "/No_Bucket", 400, b"InvalidBucketName"),
        ("GET", f"{DROP}?max-keys=x", 400, b"InvalidArgument"),
        ("GET", f"{DROP}?versions&max-keys=x", 400, b"InvalidArgument"),
        ("POST", f"{DROP}/a", 405, b"MethodNotAllowed"),
        ("PUT", f"{DROP}/a?acl", 405, b"MethodNotAllowed"),
        ("PUT", f"{DROP}?versioning", 400, b"MalformedXML"),
        ("GET", "/unknown?versioning", 404, b"NoSuchBucket"),
        ("GET", "/unknown?versions", 404, b"NoSuchBucket"),
        ("POST", "/unknown/a?append&position=0", 404, b"NoSuchBucket"),
        ("POST", f"{DROP}/a?append", 400, b"InvalidArgument"),
        ("POST", f"{DROP}/a?append&position=-1", 400, b"InvalidArgument"),
        ("POST", f"{DROP}/a?append&position=1", 409, b"PositionNotEqualToLength"),
    ],
)
def test_an_error_is_xml_with_its_code(
    emulator: Emulator, method: str, target: str, status: int, code: bytes
) -> None:
    """As the reference of OBS names them."""
    answer = call(emulator, method, target)
    assert (answer[0], b"<Code>" + code + b"</Code>" in answer[1]) == (status, True)


def test_a_copy_is_refused(emulator: Emulator) -> None:
    """Better than to write an empty object."""
    headers = {"x-obs-copy-source": "/nightdrop-drop/b"}
    assert call(emulator, "PUT", f"{DROP}/a", b"", headers)[0] == 501
    assert emulator.state.buckets["nightdrop-drop"] == {}


def test_a_denied_object_is_neither_read_nor_written(emulator: Emulator) -> None:
    """As if a policy forbade it."""
    emulator.state.denied.add(("nightdrop-drop", "a"))
    assert [call(emulator, method, f"{DROP}/a")[0] for method in ("GET", "PUT")] == [403, 403]


def test_deleting_what_is_not_there_succeeds(emulator: Emulator) -> None:
    """As OBS does it."""
    assert call(emulator, "DELETE", f"{DROP}/missing")[0] == 204


def test_a_list_shows_keys_and_sizes(emulator: Emulator) -> None:
    """With characters that XML must escape, and percent-encoded where that is asked for."""
    call(emulator, "PUT", f"{DROP}/jobs/%3Ca%26b%3E", b"12")
    body = call(emulator, "GET", f"{DROP}?prefix=jobs/")[1]
    encoded = call(emulator, "GET", f"{DROP}?encoding-type=url")[1]
    assert b"<Key>jobs/&lt;a&amp;b&gt;</Key>" in body
    assert b"<Size>2</Size>" in body
    assert b"<Key>jobs/%3Ca%26b%3E</Key>" in encoded


def test_a_bucket_is_created_once_and_listed(emulator: Emulator) -> None:
    """Creating one's own bucket again keeps its objects."""
    call(emulator, "PUT", "/another")
    call(emulator, "PUT", "/another/a", b"x")
    assert call(emulator, "PUT", "/another")[0] == 200
    assert call(emulator, "HEAD", "/another")[2]["x-obs-object-count"] == "1"
    assert b"<Name>another</Name>" in call(emulator, "GET", "/")[1]


def append(emulator: Emulator, data: bytes, position: int) -> tuple[int, str]:
    """Append to an object and return the status, and the next position or the error's code."""
    status, body, headers = call(emulator, "POST", f"{DROP}/log?append&position={position}", data)
    code = body.partition(b"<Code>")[2].partition(b"</Code>")[0].decode()
    return status, code or headers["x-obs-next-append-position"]


def test_an_object_grows_by_what_is_appended(emulator: Emulator) -> None:
    """Each answer says where the next append goes, and so does reading."""
    answers = [append(emulator, b"one\n", 0), append(emulator, b"two\n", 4)]
    _, data, headers = call(emulator, "GET", f"{DROP}/log")
    assert answers == [(200, "4"), (200, "8")]
    assert data == b"one\ntwo\n"
    assert headers["x-obs-object-type"] == "Appendable"
    assert headers["x-obs-next-append-position"] == "8"


def test_the_tag_of_an_append_is_that_of_its_bytes(emulator: Emulator) -> None:
    """Not that of the whole object."""
    append(emulator, b"one", 0)
    headers = call(emulator, "POST", f"{DROP}/log?append&position=3", b"two")[2]
    assert headers["etag"] == f'"{hashlib.md5(b"two").hexdigest()}"'  # noqa: S324 - as OBS


@pytest.mark.parametrize("position", [0, 2, 4])
def test_an_append_elsewhere_than_at_the_end_is_refused(emulator: Emulator, position: int) -> None:
    """So of two writers at one position one loses."""
    append(emulator, b"one", 0)
    assert append(emulator, b"two", position) == (409, "PositionNotEqualToLength")
    assert emulator.state.buckets["nightdrop-drop"]["log"].data == b"one"


def test_an_object_that_was_put_cannot_be_appended_to(emulator: Emulator) -> None:
    """And putting makes an appendable object an ordinary one."""
    append(emulator, b"one", 0)
    call(emulator, "PUT", f"{DROP}/log", b"put")
    assert append(emulator, b"two", 3) == (409, "ObjectNotAppendable")


def test_appends_are_counted() -> None:
    """The real service allows 10,000."""
    with Emulator(most_appends=3) as emulator:
        answers = [append(emulator, b"x", position)[0] for position in range(4)]
        assert answers == [200, 200, 200, 409]
        assert append(emulator, b"x", 3)[1] == "ObjectNotAppendable"


def version(emulator: Emulator, method: str, body: bytes = b"", target: str = "/a") -> str:
    """Send a request for an object and return the version id in its answer."""
    return call(emulator, method, f"{DROP}{target}", body)[2].get("x-obs-version-id", "")


def enable(emulator: Emulator, status: str = "Enabled") -> None:
    """Set the versioning of the bucket."""
    body = f"<VersioningConfiguration><Status>{status}</Status></VersioningConfiguration>"
    assert call(emulator, "PUT", f"{DROP}?versioning", body.encode())[0] == 200


def test_a_bucket_shows_its_versioning(emulator: Emulator) -> None:
    """Before it was ever set there is no status."""
    before = call(emulator, "GET", f"{DROP}?versioning")[1]
    enable(emulator)
    assert b"Status" not in before
    assert b"<Status>Enabled</Status>" in call(emulator, "GET", f"{DROP}?versioning")[1]


def test_every_version_stays_readable(emulator: Emulator) -> None:
    """By its id; without one, the newest is read."""
    assert version(emulator, "PUT", b"zero") == ""
    enable(emulator)
    first, second = version(emulator, "PUT", b"one"), version(emulator, "PUT", b"two")
    read = [
        call(emulator, "GET", f"{DROP}/a{query}")[1]
        for query in ("", f"?versionId={first}", f"?versionId={second}", "?versionId=null")
    ]
    assert read == [b"two", b"one", b"two", b"zero"]
    assert version(emulator, "HEAD") == second


def test_a_version_that_is_not_there_is_named_as_such(emulator: Emulator) -> None:
    """NoSuchVersion, not NoSuchKey."""
    status, body, _ = call(emulator, "GET", f"{DROP}/a?versionId=x")
    assert (status, b"<Code>NoSuchVersion</Code>" in body) == (404, True)


def test_a_delete_marker_hides_an_object(emulator: Emulator) -> None:
    """It is not there, until the marker itself is deleted."""
    enable(emulator)
    call(emulator, "PUT", f"{DROP}/a", b"one")
    _, _, deleted = call(emulator, "DELETE", f"{DROP}/a")
    status, _, hidden = call(emulator, "GET", f"{DROP}/a")
    marker = deleted["x-obs-version-id"]
    assert (status, hidden["x-obs-delete-marker"], hidden["x-amz-version-id"]) == (
        404,
        "true",
        marker,
    )
    assert call(emulator, "GET", f"{DROP}/a?versionId={marker}")[0] == 405
    removed = call(emulator, "DELETE", f"{DROP}/a?versionId={marker}")[2]
    assert removed["x-obs-delete-marker"] == "true"
    assert call(emulator, "GET", f"{DROP}/a")[1] == b"one"


def test_an_append_stays_in_its_version(emulator: Emulator) -> None:
    """Only the first one makes a version."""
    enable(emulator)
    append(emulator, b"one", 0)
    append(emulator, b"two", 3)
    body = call(emulator, "GET", f"{DROP}?versions")[1]
    assert (body.count(b"<Version>"), b"<Type>Appendable</Type>" in body) == (1, True)


def test_versions_and_markers_are_listed(emulator: Emulator) -> None:
    """The newest of each key first, and marked as such."""
    enable(emulator)
    call(emulator, "PUT", f"{DROP}/a", b"one")
    call(emulator, "DELETE", f"{DROP}/a")
    body = call(emulator, "GET", f"{DROP}?versions")[1]
    assert body.index(b"<DeleteMarker><Key>a</Key>") < body.index(b"<Version><Key>a</Key>")
    assert (body.count(b"<IsLatest>true<"), body.count(b"<IsLatest>false<")) == (1, 1)


def test_a_part_of_an_object_is_read(emulator: Emulator) -> None:
    """With its place in the whole."""
    call(emulator, "PUT", f"{DROP}/a", b"0123456789")
    status, data, headers = call(emulator, "GET", f"{DROP}/a", headers={"Range": "bytes=2-4"})
    assert (status, data, headers["content-range"]) == (206, b"234", "bytes 2-4/10")
    status, data, headers = call(emulator, "GET", f"{DROP}/a", headers={"Range": "bytes=10-"})
    assert (status, headers["content-range"]) == (416, "bytes */10")
    assert b"<Code>InvalidRange</Code>" in data
