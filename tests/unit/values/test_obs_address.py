"""Addresses in OBS: parsed in one place."""

from __future__ import annotations

import pytest

from handler.values.obs_address import ObsAddress, parse_obs_address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("obs://bucket", ObsAddress("bucket", "")),
        ("obs://bucket/", ObsAddress("bucket", "")),
        ("obs://b.2-c/a/b", ObsAddress("b.2-c", "a/b/")),
        ("obs://bucket/a/", ObsAddress("bucket", "a/")),
    ],
)
def test_an_address_names_a_bucket_and_a_prefix(text: str, address: ObsAddress) -> None:
    """A prefix ends with a slash, and the address is written in one form."""
    assert parse_obs_address(text) == address
    assert parse_obs_address(str(address)) == address


@pytest.mark.parametrize("text", ["", "obs://", "obs:///a", "s3://bucket/a", "obs://Bucket/a", "-"])
def test_any_other_text_is_refused_and_not_quoted(text: str) -> None:
    """It may hold a key that was pasted into the wrong setting."""
    with pytest.raises(ValueError, match=r"^must be obs://bucket/prefix/$"):
        parse_obs_address(text)


def test_an_address_contains_the_prefixes_below_it() -> None:
    """Of its own bucket only."""
    address = ObsAddress("bucket", "a/")
    assert address.contains("bucket", "a/b/")
    assert not address.contains("bucket", "")
    assert not address.contains("other", "a/b/")
