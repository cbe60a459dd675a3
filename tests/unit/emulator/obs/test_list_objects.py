"""Pages of a bucket."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handler.emulator.obs.bucket import Bucket, ObjectVersion
from handler.emulator.obs.listing import Page, page_of_objects

KEYS = ("a", "jobs/1", "jobs/2", "jobs/old/3", "z")


def page(keys: tuple[str, ...] = KEYS, **parameters: str) -> Page:
    """List a bucket that holds some keys; `max_keys` stands for `max-keys`."""
    query = {name.replace("_", "-"): value for name, value in parameters.items()}
    return page_of_objects("drop", Bucket({key: ObjectVersion(b"", 0) for key in keys}), query)


def keys_of(listing: Page) -> list[str]:
    """Return the keys on a page."""
    return [entry.key for entry in listing.entries if entry.stored]


def prefixes_of(listing: Page) -> list[str]:
    """Return the common prefixes on a page."""
    return [entry.key for entry in listing.entries if entry.stored is None]


def test_keys_come_in_order() -> None:
    """However they were written."""
    assert keys_of(page(tuple(reversed(KEYS)))) == list(KEYS)


def test_a_prefix_selects() -> None:
    """Only keys that begin with it are listed."""
    assert keys_of(page(prefix="jobs/")) == ["jobs/1", "jobs/2", "jobs/old/3"]


def test_a_delimiter_groups() -> None:
    """Keys with the delimiter after the prefix become one common prefix."""
    listing = page(delimiter="/")
    assert (keys_of(listing), prefixes_of(listing)) == (["a", "z"], ["jobs/"])


def test_a_full_last_page_has_no_next_marker() -> None:
    """The list ends where the keys end."""
    assert not page(max_keys="5").truncated


@pytest.mark.parametrize("wanted", ["-1", "x", "", "²"])
def test_a_page_size_that_is_no_number_is_refused(wanted: str) -> None:
    """The service answers InvalidArgument."""
    with pytest.raises(ValueError, match="max-keys"):
        page(max_keys=wanted)


@given(
    st.lists(st.text("ab/é", min_size=1, max_size=6), unique=True).map(tuple),
    st.integers(1, 4),
    st.sampled_from(["", "/", "a"]),
)
def test_pages_together_hold_everything_once(
    keys: tuple[str, ...], size: int, delimiter: str
) -> None:
    """Following the markers neither skips nor repeats."""
    whole = page(keys, delimiter=delimiter)
    found: list[str] = []
    prefixes: list[str] = []
    marker = ""
    while True:
        part = page(keys, delimiter=delimiter, max_keys=str(size), marker=marker)
        found += keys_of(part)
        prefixes += prefixes_of(part)
        if not part.truncated:
            break
        marker = part.entries[-1].key
    assert (found, prefixes) == (keys_of(whole), prefixes_of(whole))
