"""Pages of a bucket's versions."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handler.emulator.obs.bucket import ENABLED, Bucket, ObjectVersion
from handler.emulator.obs.listing import Page, page_of_versions


def bucket(*keys: str) -> Bucket:
    """Build a bucket in which each mention of a key is one more version of it."""
    built = Bucket(versioning=ENABLED)
    for number, key in enumerate(keys):
        built.put(key, ObjectVersion(b"", 0, version_id=f"v{number}", deleted=key == "gone"))
    return built


def page(built: Bucket, **parameters: str) -> Page:
    """List versions; `max_keys` stands for `max-keys`."""
    query = {name.replace("_", "-"): value for name, value in parameters.items()}
    return page_of_versions("drop", built, query)


def lines(listed: Page) -> list[tuple[str, str, bool]]:
    """Return key, version and whether it is the latest."""
    return [(one.key, one.version_id, one.latest) for one in listed.entries]


def test_the_newest_version_of_a_key_comes_first() -> None:
    """Keys in their order, markers among them."""
    assert lines(page(bucket("b", "a", "b", "gone"))) == [
        ("a", "v1", True),
        ("b", "v2", True),
        ("b", "v0", False),
        ("gone", "v3", True),
    ]


def test_a_prefix_selects_and_a_delimiter_groups() -> None:
    """As in a list of objects."""
    listed = page(bucket("x/a", "x/b/1", "x/b/1", "y"), prefix="x/", delimiter="/")
    assert [one.key for one in listed.entries] == ["x/a", "x/b/"]


def test_a_key_marker_alone_passes_over_all_versions_of_the_key() -> None:
    """With a version it passes over those up to it."""
    built = bucket("a", "a", "a", "b")
    assert lines(page(built, key_marker="a")) == [("b", "v3", True)]
    rest = lines(page(built, key_marker="a", version_id_marker="v1"))
    assert rest == [("a", "v0", False), ("b", "v3", True)]


@pytest.mark.parametrize("wanted", ["-1", "x"])
def test_a_page_size_that_is_no_number_is_refused(wanted: str) -> None:
    """The service answers InvalidArgument."""
    with pytest.raises(ValueError, match="max-keys"):
        page(bucket(), max_keys=wanted)


@settings(deadline=None)
@given(
    st.lists(st.text("ab/", min_size=1, max_size=4), max_size=12),
    st.integers(1, 4),
    st.sampled_from(["", "/"]),
)
def test_pages_together_hold_everything_once(keys: list[str], size: int, delimiter: str) -> None:
    """Following both markers neither skips nor repeats."""
    built = bucket(*keys)
    whole, found = lines(page(built, delimiter=delimiter)), []
    markers: dict[str, str] = {}
    while True:
        part = page(built, delimiter=delimiter, max_keys=str(size), **markers)
        found += lines(part)
        if not part.truncated:
            break
        last = part.entries[-1]
        markers = {"key_marker": last.key, "version_id_marker": last.version_id}
    assert found == whole
