"""Names of buckets and prefixes of keys: accepted unchanged, or refused with a suggestion."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handler.values.object_names import LONGEST_KEY, bucket_names, checked_prefix


@pytest.mark.parametrize(
    "prefix",
    [
        "",
        "drop/",
        "drop",
        "a/b c/",
        "depot+nord/",
        ".jobs/",
        "100%/",
        "\u4ed3\u5e93/",
        "k" * LONGEST_KEY,
    ],
)
def test_a_prefix_that_keys_can_begin_with_is_taken_as_it_is(prefix: str) -> None:
    """With or without a slash at its end."""
    assert checked_prefix(prefix) == prefix


@pytest.mark.parametrize(
    ("prefix", "suggestion"),
    [
        ("/drop/", "drop/"),
        ("//drop/", "drop/"),
        ("drop/*", "drop/"),
        ("drop/*.yaml", "drop/"),
        ("drop*", "drop"),
        ("drop/?/", "drop/"),
        ("drop%2F", "drop/"),
        ("drop%2fa%20b%2f", "drop/a b/"),
        ("./drop/", "drop/"),
        ("drop/../in/", "drop/in/"),
        ("drop//", "drop/"),
        ("drop\\", "drop/"),
        ("'drop/'", "drop/"),
        ('"drop/"', "drop/"),
        ("obs://nightdrop-drop/drop/", "drop/"),
        ("s3://b/drop", "drop"),
        ("https://b.obs.example.com/drop/", "drop/"),
    ],
)
def test_a_prefix_that_matches_nothing_is_refused_with_a_suggestion(
    prefix: str, suggestion: str
) -> None:
    """Otherwise every file would be ignored without a message."""
    with pytest.raises(ValueError, match="did you mean") as caught:
        checked_prefix(prefix)
    assert f'did you mean "{suggestion}"?' in str(caught.value)
    assert checked_prefix(suggestion) == suggestion


@pytest.mark.parametrize("prefix", ["/", "*", ".", "./", "obs://nightdrop-drop", "obs://b/", '""'])
def test_a_prefix_that_means_everything_is_left_empty(prefix: str) -> None:
    """That is how every key is watched."""
    with pytest.raises(ValueError, match="leave it empty"):
        checked_prefix(prefix)


@pytest.mark.parametrize("prefix", ["drop\n/", "dr\u200bop/", "drop\x00/", "k" * (LONGEST_KEY + 1)])
def test_a_prefix_that_is_invisible_or_too_long_is_refused(prefix: str) -> None:
    """Copied values often have such characters."""
    with pytest.raises(ValueError, match="must "):
        checked_prefix(prefix)


@given(st.text())
def test_any_text_is_a_prefix_or_refused(text: str) -> None:
    """And what is taken is not changed."""
    try:
        assert checked_prefix(text) == text
    except ValueError as error:
        assert "\n" not in str(error)  # noqa: PT017 - either outcome is right


@pytest.mark.parametrize(
    "names", ["obs://depots-drop", "depots-drop/", "Depots", "a", "depots_drop", "-x-", "b" * 64]
)
def test_a_name_that_no_bucket_has_is_refused(names: str) -> None:
    """Each event of the real one would be rejected as another's."""
    assert bucket_names("depots-drop, two.three,") == ("depots-drop", "two.three")
    with pytest.raises(ValueError, match="must be bucket names"):
        bucket_names(f"depots-drop,{names}")
