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
    to_sign = f"{method}\n{own.get('Content-MD5', '')}\n\n{date}\n{named}{path}"
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
    """What was written under `x-obs-meta-`."""
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
        ("POST", f"{DROP}/a", 405, b"MethodNotAllowed"),
    ],
)
def test_an_error_is_xml_with_its_code(
    emulator: Emulator, method: str, target: str, status: int, code: bytes
) -> None:
    """As the reference of OBS names them."""
    answer = call(emulator, method, target)
    assert (answer[0], b"<Code>" + code + b"</Code>" in answer[1]) == (status, True)


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
