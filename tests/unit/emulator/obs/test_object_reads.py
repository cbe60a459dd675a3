"""Conditions and ranges of reading an object."""

from __future__ import annotations

from email.utils import formatdate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handler.emulator.http.messages import RefusedError, Request, Response
from handler.emulator.obs.bucket import ObjectVersion
from handler.emulator.obs.object_operations import read
from handler.emulator.obs.request import Address

STORED = ObjectVersion(b"0123456789", 1_800_000_000.5)
TAG = STORED.etag


def answer(**headers: str) -> Response:
    """Read the object with some headers; `if_match` stands for `If-Match`."""
    return answer_of(STORED, **headers)


def answer_of(stored: ObjectVersion, **headers: str) -> Response:
    """Read an object of any name."""
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    request = Request("GET", "/drop/a", named)
    try:
        return read(request, stored, Address("drop", "a", "/drop/a"), versioned=False)
    except RefusedError as refusal:
        return refusal.response


@pytest.mark.parametrize(
    ("asked", "status", "data", "address"),
    [
        ("bytes=0-0", 206, b"0", "bytes 0-0/10"),
        ("bytes=2-4", 206, b"234", "bytes 2-4/10"),
        ("bytes=7-", 206, b"789", "bytes 7-9/10"),
        ("bytes=7-99", 206, b"789", "bytes 7-9/10"),
        ("bytes=-3", 206, b"789", "bytes 7-9/10"),
        ("bytes=-99", 206, b"0123456789", "bytes 0-9/10"),
        ("bytes=0-9", 206, b"0123456789", "bytes 0-9/10"),
    ],
)
def test_a_range_is_cut_out(asked: str, status: int, data: bytes, address: str) -> None:
    """From the first byte to the last, both included."""
    found = answer(range=asked)
    assert (found.status, found.body, found.headers["Content-Range"]) == (status, data, address)


@pytest.mark.parametrize("asked", ["bytes=10-", "bytes=10-11", "bytes=-0"])
def test_a_range_of_which_nothing_is_there_is_refused(asked: str) -> None:
    """With the length, so that the reader knows."""
    found = answer(range=asked)
    assert (found.status, found.headers["Content-Range"]) == (416, "bytes */10")


def test_an_empty_object_has_no_ranges() -> None:
    """Not even from the start."""
    assert answer_of(ObjectVersion(b"", 1), range="bytes=0-").status == 416


@pytest.mark.parametrize("asked", ["bytes=-", "bytes=4-2", "bytes=1-2,4-5", "lines=1-2", "x", ""])
def test_an_invalid_range_is_ignored(asked: str) -> None:
    """RFC 9110: the whole is the answer then."""
    assert answer(range=asked).status == 200


@settings(deadline=None)
@given(st.integers(0, 12), st.integers(0, 12))
def test_ranges_are_slices(first: int, last: int) -> None:
    """Whatever the two numbers."""
    found = answer(range=f"bytes={first}-{last}")
    if last < first:
        assert found.status == 200
    elif first > 9:
        assert found.status == 416
    else:
        assert (found.status, found.body) == (206, STORED.data[first : last + 1])


BEFORE, AT, AFTER = (formatdate(1_800_000_000 + off, usegmt=True) for off in (-1, 0, 1))


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"if_match": f'"{TAG}"'}, 200),
        ({"if_match": TAG}, 200),
        ({"if_match": f'"x", "{TAG}"'}, 200),
        ({"if_match": "*"}, 200),
        ({"if_match": '"x"'}, 412),
        ({"if_none_match": f'"{TAG}"'}, 304),
        ({"if_none_match": "*"}, 304),
        ({"if_none_match": '"x"'}, 200),
        ({"if_modified_since": BEFORE}, 200),
        ({"if_modified_since": AT}, 304),
        ({"if_modified_since": "never"}, 200),
        ({"if_unmodified_since": BEFORE}, 412),
        ({"if_unmodified_since": AT}, 200),
        ({"if_match": TAG, "if_unmodified_since": BEFORE}, 200),
        ({"if_none_match": '"x"', "if_modified_since": AFTER}, 200),
        ({"if_match": '"x"', "range": "bytes=0-1"}, 412),
    ],
)
def test_a_condition_decides_about_the_answer(headers: dict[str, str], status: int) -> None:
    """A tag counts for more than a date; a date that is none is no condition."""
    assert answer(**headers).status == status


def test_not_modified_has_no_body() -> None:
    """Only the headers that describe the object."""
    found = answer(if_none_match="*")
    assert (found.body, found.headers["ETag"]) == (b"", f'"{TAG}"')
