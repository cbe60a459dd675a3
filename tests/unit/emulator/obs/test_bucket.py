"""The versions of a bucket, with and without versioning."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from handler.emulator.obs.bucket import ENABLED, Bucket, ObjectVersion


def put(bucket: Bucket, data: str, version_id: str = "null") -> None:
    """Put an object under one key."""
    bucket.put("k", ObjectVersion(data.encode(), 1, version_id=version_id))


def mark(bucket: Bucket, version_id: str = "null") -> None:
    """Put a delete marker over it."""
    bucket.put("k", ObjectVersion(b"", 1, version_id=version_id, deleted=True))


def kept(bucket: Bucket) -> list[str]:
    """Return the versions of the key, the newest first."""
    return [f"{one.version_id}:{one.data.decode() or '-'}" for one in bucket.history("k")]


def test_without_versioning_the_last_write_counts() -> None:
    """And nothing of the one before is left."""
    bucket = Bucket()
    put(bucket, "a")
    put(bucket, "b")
    assert kept(bucket) == ["null:b"]
    bucket.remove("k")
    assert (kept(bucket), bucket.objects, bucket.older) == ([], {}, {})


def test_with_versioning_every_write_is_stored() -> None:
    """Those from before it was on too."""
    bucket = Bucket()
    put(bucket, "a")
    bucket.versioning = ENABLED
    put(bucket, "b", "1")
    mark(bucket, "2")
    put(bucket, "c", "3")
    assert kept(bucket) == ["3:c", "2:-", "1:b", "null:a"]
    assert bucket.objects["k"].data == b"c"


def test_suspended_versioning_replaces_the_version_without_an_id() -> None:
    """The others stay."""
    bucket = Bucket(versioning=ENABLED)
    put(bucket, "a", "1")
    bucket.versioning = "Suspended"
    put(bucket, "b")
    put(bucket, "c")
    assert kept(bucket) == ["null:c", "1:a"]
    mark(bucket)
    assert kept(bucket) == ["null:-", "1:a"]
    assert bucket.objects == {}


def test_after_deleting_the_marker_the_object_is_back() -> None:
    """As if it had never been deleted."""
    bucket = Bucket(versioning=ENABLED)
    put(bucket, "a", "1")
    mark(bucket, "2")
    marker = bucket.delete_marker("k")
    assert marker is not None
    bucket.remove("k", marker.version_id)
    assert (bucket.objects["k"].data, bucket.delete_marker("k")) == (b"a", None)


def test_after_deleting_the_newest_version_the_one_before_is_current() -> None:
    """Or its delete marker."""
    bucket = Bucket(versioning=ENABLED)
    put(bucket, "a", "1")
    mark(bucket, "2")
    put(bucket, "b", "3")
    bucket.remove("k", "3")
    assert (bucket.objects, kept(bucket)) == ({}, ["2:-", "1:a"])


def test_an_append_keeps_the_version() -> None:
    """And counts."""
    bucket = Bucket(versioning=ENABLED)
    bucket.put("k", ObjectVersion(b"a", 1, version_id="1", appends=1))
    grown = bucket.append("k", b"b", 2)
    assert (grown.data, grown.modified, grown.appends) == (b"ab", 2, 2)
    assert kept(bucket) == ["1:ab"]


STEPS = st.lists(
    st.sampled_from([("set", ENABLED), ("set", "Suspended"), ("put", ""), ("mark", "")])
    | st.tuples(st.just("remove"), st.integers(0, 3).map(str)),
    max_size=25,
)


def take(bucket: Bucket, step: str, what: str, version_id: str) -> None:
    """Take one step."""
    history = bucket.history("k")
    if step == "set":
        bucket.versioning = what
    elif step == "put":
        put(bucket, "x", version_id)
    elif step == "mark" and bucket.versioning:
        mark(bucket, version_id)
    elif step == "remove" and history:
        bucket.remove("k", history[int(what) % len(history)].version_id)


@settings(deadline=None)
@given(STEPS)
def test_versions_stay_consistent_whatever_happens(steps: list[tuple[str, str]]) -> None:
    """No id twice, no marker as the object, no object hidden behind nothing."""
    bucket = Bucket()
    for number, (step, what) in enumerate(steps):
        take(bucket, step, what, bucket.new_version_id(str(number).ljust(32, "x")))
        ids = [one.version_id for one in bucket.history("k")]
        assert len(ids) == len(set(ids))
        assert not any(one.deleted for one in bucket.objects.values())
        assert "k" in bucket.objects or not ids or bucket.delete_marker("k")
