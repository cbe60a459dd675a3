"""A page of a bucket's list: read tolerantly, and nothing in it expands."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING, TypeAlias
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handler.cloud.credentials import Credentials
from handler.cloud.obs.client import Obs
from handler.cloud.obs.listing import REPLACED, ListedObject, ObjectPage, listing_of
from handler.emulator.server import Emulator
from handler.errors import ApiError, NoAnswerError, ObjectError, OutOfTimeError
from handler.runtime.deadline import Deadline

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from handler.cloud.http_transport import Transport

    Server: TypeAlias = Callable[[Callable[[socket.socket, int], None]], str]

BUCKET = "nightdrop-drop"
AT = datetime(2026, 11, 24, 2, 0, 7, tzinfo=timezone.utc)


def xml(*contents: str, truncated: str = "false", space: str = "") -> bytes:
    """Build a listing answer."""
    inside = "".join(f"<Contents>{one}</Contents>" for one in contents)
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><ListBucketResult{space}><Name>b</Name>'
        f"<IsTruncated>{truncated}</IsTruncated>{inside}</ListBucketResult>"
    ).encode()


def one(key: str = "k", etag: str = "&quot;tag&quot;", at: str = "2026-11-24T02:00:07.123Z") -> str:
    """Build one entry."""
    return (
        f"<Key>{key}</Key><LastModified>{at}</LastModified><ETag>{etag}</ETag><Size>2</Size>"
        "<Owner><ID>me</ID></Owner>"
    )


@pytest.mark.parametrize("space", ["", ' xmlns="http://obs.cn-north-4.myhuaweicloud.com/doc/"'])
def test_an_entry_has_its_key_tag_and_time(space: str) -> None:
    """With and without a name space."""
    page = listing_of(xml(one(), space=space))
    assert page == ObjectPage((ListedObject("k", "tag", AT),), truncated=False)


def test_a_prefix_of_names_is_no_part_of_them() -> None:
    """XML leaves that to the writer."""
    body = xml(one(), space=' xmlns:o="urn:o"').replace(b"Contents>", b"o:Contents>")
    assert [found.key for found in listing_of(body).objects] == ["k"]


def test_an_empty_list_is_a_page_too() -> None:
    """Nothing was dropped yet."""
    assert listing_of(xml()) == ObjectPage((), truncated=False)


@pytest.mark.parametrize(("message", "truncated"), [("true", True), ("false", False), ("", False)])
def test_a_page_says_whether_there_are_more(message: str, *, truncated: bool) -> None:
    """Otherwise the rest would never be scanned."""
    assert listing_of(xml(one(), truncated=message)).truncated == truncated


def test_an_owners_key_is_not_the_objects() -> None:
    """Only direct children of an entry count."""
    body = xml("<Owner><Key>other</Key></Owner>" + one())
    assert [found.key for found in listing_of(body).objects] == ["k"]


@given(
    st.text(
        st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"),
        min_size=1,
    )
)
def test_a_key_comes_as_it_is(key: str) -> None:
    """Spaces, signs and other scripts included."""
    assert listing_of(xml(one(escape(key)))).objects[0].key == key


@given(st.binary(max_size=60))
def test_another_answer_is_reported_as_unreadable(body: bytes) -> None:
    """Whatever it is; a retry may succeed."""
    with pytest.raises(NoAnswerError, match="cannot be read"):
        listing_of(body)


@pytest.mark.parametrize(
    "body",
    [
        b"<html></html>",
        xml("<Key>k</Key>"),
        xml("<LastModified>2026-11-24T02:00:07.123Z</LastModified>"),
        xml(one(at="yesterday")),
        xml(one())[:-3],
        b'<!DOCTYPE a [<!ENTITY b "c">]>' + xml(one("&b;")).partition(b"?>")[2],
    ],
    ids=["a page", "no time", "no key", "no such time", "cut off", "an entity"],
)
def test_a_partial_listing_is_refused(body: bytes) -> None:
    """Nor does anything expand."""
    with pytest.raises(NoAnswerError, match="cannot be read"):
        listing_of(body)


@pytest.mark.parametrize(
    "body",
    [
        xml("<a>" * 100_000),
        xml(*[one()] * 1001),
        xml(one("\n" * 2_000_000)),
        xml(one("k" * 5000)),
        xml("<a/>" * 100_000),
        xml(one("&#65;" * 2_000_000)),
        xml(one("a</Key><Key>b")),
        xml(one(at="0001-01-01T00:00:00.000Z")),
        xml(one(at="2026-02-30T00:00:00.000Z")),
        xml(one(at="\u0662026-11-24T02:00:07.123Z")),
        xml(truncated="true"),
    ],
    ids=[
        "deep", "many objects", "many lines", "long key", "many elements", "many references",
        "two keys", "year 1", "no such day", "other digits", "an empty page that is not the last",
    ],
)  # fmt: skip
def test_a_listing_beyond_what_is_documented_is_not_read(body: bytes) -> None:
    """As soon as that shows: in time that its bytes alone would take."""
    start = time.process_time()
    with pytest.raises(NoAnswerError, match="cannot be read"):
        listing_of(body)
    assert time.process_time() - start < 1


@pytest.mark.parametrize("encoding", ["rot13", "hex", "utf-7", "no-such", "UTF-16"])
def test_a_listing_is_utf_8_whatever_it_says(encoding: str) -> None:
    """No codec is looked up for it."""
    assert len(listing_of(xml(one()).replace(b"UTF-8", encoding.encode())).objects) == 1


def test_an_entity_tag_that_can_be_none_is_left_out() -> None:
    """It goes into a record."""
    page = listing_of(xml(one(etag="\u202e"), one("b", "x" * 99)))
    assert [found.etag for found in page.objects] == ["", "x" * 99]


def client(cloud: Emulator, transport: Transport) -> Obs:
    """Return a client with the emulator's keys."""
    keys = Credentials(cloud.account.access_key, cloud.account.secret_key)
    return Obs(cloud.url, keys, transport, lambda: datetime.now(timezone.utc))


def test_a_bucket_is_listed_to_its_end(transport: Transport) -> None:
    """Page after page, under the prefix alone, in the order of the keys."""
    with Emulator() as cloud:
        names = [f"drop/{n:04} +&%.yaml" for n in range(1001)]
        for name in [*names, "else/x"]:
            cloud.state.put_object(BUCKET, name, b"x")
        listed = list(client(cloud, transport).list_objects(BUCKET, "drop/"))
        assert [found.key for found in listed] == names
        assert listed[0].etag == cloud.state.buckets[BUCKET][names[0]].etag
        assert [seen.operation for seen in cloud.state.requests] == ["ListObjects"] * 2
        transport.close()


def test_no_keys_of_one_page_hide_those_of_the_next(transport: Transport) -> None:
    """The longest ones, each character of which is escaped, and what XML cannot contain."""
    with Emulator() as cloud:
        names = [f"drop/{n:04}{'&' * 1015}" for n in range(997)]
        names += ["drop/a\x01", "drop/a\ufffd", "drop/a\uffff", "drop/b.yaml"]
        for name in names:
            cloud.state.put_object(BUCKET, name, b"x")
        listed = [one.key for one in client(cloud, transport).list_objects(BUCKET, "drop/")]
        last = f"drop/a\U00010000{REPLACED}"
        assert listed == [*names[:997], f"drop/a{REPLACED}", "drop/a\ufffd", last, "drop/b.yaml"]
        transport.close()


def test_a_list_may_begin_behind_a_key(transport: Transport) -> None:
    """Page after page, so that a caller may stop and continue later."""
    with Emulator() as cloud:
        names = [f"drop/{n:04}" for n in range(1005)]
        for name in names:
            cloud.state.put_object(BUCKET, name, b"x")
        pages = client(cloud, transport).list_pages(BUCKET, "drop/", after="drop/0002")
        found = [([one.key for one in page.objects], page.truncated) for page in pages]
        assert found == [(names[3:1003], True), (names[1003:], False)]
        transport.close()


def test_a_bucket_that_cannot_be_listed_says_why(transport: Transport) -> None:
    """Permanently, or for now."""
    with Emulator() as cloud:
        obs = client(cloud, transport)
        with pytest.raises(ObjectError, match="no such bucket"):
            list(obs.list_objects("missing-bucket", ""))
        for status, kind in ((503, NoAnswerError), (403, ApiError)):
            cloud.faults.set([{"operation": "ListObjects", "fault": "status", "status": status}])
            with pytest.raises((kind, ObjectError)) as caught:
                list(obs.list_objects(BUCKET, ""))
            assert "obs://nightdrop-drop/" in str(caught.value)
        transport.close()


@pytest.mark.parametrize(("status", "over"), [(500, True), (503, True), (502, False), (504, False)])
def test_a_failure_of_obs_is_distinguished_from_one_of_a_gateway(
    transport: Transport, status: int, *, over: bool
) -> None:
    """A gateway that gave up may have forwarded a request that is still executed."""
    with Emulator() as cloud:
        cloud.faults.set([{"operation": "ListObjects", "fault": "status", "status": status}])
        with pytest.raises(NoAnswerError) as caught:
            list(client(cloud, transport).list_objects(BUCKET, ""))
        assert caught.value.over == over
        transport.close()


def repeating(server: Server, transport: Transport, deadline: Deadline | None = None) -> Obs:
    """Return a client of a service whose every page is the same, and not the last."""
    body = xml(one("a"), one("b"), truncated="true")
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"

    def behave(connection: socket.socket, _number: int) -> None:
        connection.recv(65536)
        connection.sendall(head.encode() + body)

    keys = Credentials("a", "s")
    return Obs(server(behave), keys, transport, lambda: datetime.now(timezone.utc), deadline)


def test_a_list_that_goes_in_circles_ends(transport: Transport, server: Server) -> None:
    """The same page again and again is no list."""
    with pytest.raises(NoAnswerError, match="does not advance"):
        list(repeating(server, transport).list_objects(BUCKET, ""))


def test_a_list_ends_with_the_invocation(transport: Transport, server: Server) -> None:
    """However many pages are left."""
    left = iter([5.0, 0.0])
    late = Deadline(5, lambda: 5 - next(left))
    with pytest.raises(OutOfTimeError):
        list(repeating(server, transport, late).list_objects(BUCKET, ""))


def test_a_key_that_xml_cannot_hold_sorts_before_those_that_it_can() -> None:
    """It may be the last of a page, behind which the next one goes on."""
    (found,) = listing_of(xml(one(key="drop/&#x1;1"))).objects
    assert REPLACED in found.key
    assert found.key < "drop/ "
