"""A page of a bucket's list: read tolerantly, and nothing in it expands."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handler.cloud.credentials import Credentials
from handler.cloud.obs import Obs
from handler.cloud.obs_listing import ListedObject, ObjectPage, listing_of
from handler.emulator.server import Emulator
from handler.emulator.state import StoredObject
from handler.errors import ApiError, NoAnswerError, ObjectError

if TYPE_CHECKING:
    from handler.cloud.transport import Transport

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


@pytest.mark.parametrize(("said", "truncated"), [("true", True), ("false", False), ("", False)])
def test_a_page_says_whether_there_are_more(said: str, *, truncated: bool) -> None:
    """Else the rest would never be swept."""
    assert listing_of(xml(one(), truncated=said)).truncated == truncated


def test_an_owners_key_is_not_the_objects() -> None:
    """Only what stands directly in an entry counts."""
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
def test_what_is_no_listing_is_said_to_be_unreadable(body: bytes) -> None:
    """Whatever it is; another try may bring one."""
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
def test_half_a_listing_is_not_taken_for_a_whole_one(body: bytes) -> None:
    """Nor does anything expand."""
    with pytest.raises(NoAnswerError, match="cannot be read"):
        listing_of(body)


def client(cloud: Emulator, transport: Transport) -> Obs:
    """Return a client with the emulator's keys."""
    keys = Credentials(cloud.account.access_key, cloud.account.secret_key)
    return Obs(cloud.url, keys, transport, lambda: datetime.now(timezone.utc))


def test_a_bucket_is_listed_to_its_end(transport: Transport) -> None:
    """Page after page, under the prefix alone, in the order of the keys."""
    with Emulator() as cloud:
        kept = cloud.state.buckets[BUCKET]
        names = [f"drop/{n:04} +&%.yaml" for n in range(1001)]
        kept.update({name: StoredObject(b"x", time.time()) for name in [*names, "else/x"]})
        listed = list(client(cloud, transport).list_objects(BUCKET, "drop/"))
        assert [found.key for found in listed] == names
        assert listed[0].etag == kept[names[0]].etag
        assert [seen.operation for seen in cloud.state.requests] == ["ListObjects"] * 2
        transport.close()


def test_a_list_may_begin_behind_a_key(transport: Transport) -> None:
    """Page after page, so that whoever asks may stop and go on later."""
    with Emulator() as cloud:
        kept = cloud.state.buckets[BUCKET]
        names = [f"drop/{n:04}" for n in range(1005)]
        kept.update({name: StoredObject(b"x", time.time()) for name in names})
        pages = client(cloud, transport).list_pages(BUCKET, "drop/", after="drop/0002")
        found = [([one.key for one in page.objects], page.truncated) for page in pages]
        assert found == [(names[3:1003], True), (names[1003:], False)]
        transport.close()


def test_a_bucket_that_cannot_be_listed_says_why(transport: Transport) -> None:
    """For good, or for now."""
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
