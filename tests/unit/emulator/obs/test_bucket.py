"""What a bucket keeps, with and without versioning."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from handler.emulator.obs.bucket import ENABLED, Shelf
from handler.emulator.obs.object_version import StoredObject


def put(shelf: Shelf, data: str, version_id: str = "null") -> None:
    """Put an object under one key."""
    shelf.put("k", StoredObject(data.encode(), 1, version_id=version_id))


def mark(shelf: Shelf, version_id: str = "null") -> None:
    """Put a delete marker over it."""
    shelf.put("k", StoredObject(b"", 1, version_id=version_id, deleted=True))


def kept(shelf: Shelf) -> list[str]:
    """Return the versions of the key, the newest first."""
    return [f"{one.version_id}:{one.data.decode() or '-'}" for one in shelf.history("k")]


def test_without_versioning_the_last_write_stands() -> None:
    """And nothing of the one before is left."""
    shelf = Shelf()
    put(shelf, "a")
    put(shelf, "b")
    assert kept(shelf) == ["null:b"]
    shelf.remove("k")
    assert (kept(shelf), shelf.objects, shelf.older) == ([], {}, {})


def test_with_versioning_every_write_stands() -> None:
    """Those from before it was on too."""
    shelf = Shelf()
    put(shelf, "a")
    shelf.versioning = ENABLED
    put(shelf, "b", "1")
    mark(shelf, "2")
    put(shelf, "c", "3")
    assert kept(shelf) == ["3:c", "2:-", "1:b", "null:a"]
    assert shelf.objects["k"].data == b"c"


def test_suspended_versioning_replaces_the_version_without_an_id() -> None:
    """The others stay."""
    shelf = Shelf(versioning=ENABLED)
    put(shelf, "a", "1")
    shelf.versioning = "Suspended"
    put(shelf, "b")
    put(shelf, "c")
    assert kept(shelf) == ["null:c", "1:a"]
    mark(shelf)
    assert kept(shelf) == ["null:-", "1:a"]
    assert shelf.objects == {}


def test_when_the_marker_goes_the_object_is_back() -> None:
    """As if it had never been deleted."""
    shelf = Shelf(versioning=ENABLED)
    put(shelf, "a", "1")
    mark(shelf, "2")
    marker = shelf.marker("k")
    assert marker is not None
    shelf.remove("k", marker.version_id)
    assert (shelf.objects["k"].data, shelf.marker("k")) == (b"a", None)


def test_when_the_newest_version_goes_the_one_before_is_current() -> None:
    """Or its delete marker."""
    shelf = Shelf(versioning=ENABLED)
    put(shelf, "a", "1")
    mark(shelf, "2")
    put(shelf, "b", "3")
    shelf.remove("k", "3")
    assert (shelf.objects, kept(shelf)) == ({}, ["2:-", "1:a"])


def test_an_append_keeps_the_version() -> None:
    """And counts."""
    shelf = Shelf(versioning=ENABLED)
    shelf.put("k", StoredObject(b"a", 1, version_id="1", appends=1))
    grown = shelf.append("k", b"b", 2)
    assert (grown.data, grown.modified, grown.appends) == (b"ab", 2, 2)
    assert kept(shelf) == ["1:ab"]


STEPS = st.lists(
    st.sampled_from([("set", ENABLED), ("set", "Suspended"), ("put", ""), ("mark", "")])
    | st.tuples(st.just("remove"), st.integers(0, 3).map(str)),
    max_size=25,
)


def take(shelf: Shelf, step: str, what: str, version_id: str) -> None:
    """Take one step."""
    history = shelf.history("k")
    if step == "set":
        shelf.versioning = what
    elif step == "put":
        put(shelf, "x", version_id)
    elif step == "mark" and shelf.versioning:
        mark(shelf, version_id)
    elif step == "remove" and history:
        shelf.remove("k", history[int(what) % len(history)].version_id)


@settings(deadline=None)
@given(STEPS)
def test_versions_stay_consistent_whatever_happens(steps: list[tuple[str, str]]) -> None:
    """No id twice, no marker as the object, no object hidden behind nothing."""
    shelf = Shelf()
    for number, (step, what) in enumerate(steps):
        take(shelf, step, what, shelf.new_version_id(str(number).ljust(32, "x")))
        ids = [one.version_id for one in shelf.history("k")]
        assert len(ids) == len(set(ids))
        assert not any(one.deleted for one in shelf.objects.values())
        assert "k" in shelf.objects or not ids or shelf.marker("k")
