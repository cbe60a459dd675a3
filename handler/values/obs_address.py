"""Addresses in OBS: `obs://bucket/prefix/`, and `obs://bucket/key` of one object."""

from __future__ import annotations

import re

from handler.values.named_tuple import NamedTuple

OBS = "obs://"
"""The scheme of an address in OBS."""

_ADDRESS = re.compile(rf"{OBS}(?P<bucket>[a-z0-9][a-z0-9.-]*)(?:/(?P<prefix>.*))?", re.DOTALL)


class ObsAddress(NamedTuple):
    """A bucket and a key prefix in it; the prefix is empty or ends with a slash."""

    bucket: str
    prefix: str

    def __str__(self) -> str:
        """Return `obs://bucket/prefix/`."""
        return f"{OBS}{self.bucket}/{self.prefix}"

    def contains(self, bucket: str, prefix: str) -> bool:
        """Return whether every key of a bucket that starts with a prefix is below this address."""
        return bucket == self.bucket and prefix.startswith(self.prefix)


def parse_obs_address(text: str) -> ObsAddress:
    """Return the bucket and prefix of an address; a slash is added to the prefix if it has none.

    Raises:
        ValueError: The text is no address in OBS. It is not quoted, since it may hold a secret.
    """
    address = _ADDRESS.fullmatch(text)
    if address is None:
        raise ValueError("must be obs://bucket/prefix/")
    prefix = address["prefix"] or ""
    slash = "/" if prefix and not prefix.endswith("/") else ""
    return ObsAddress(address["bucket"], f"{prefix}{slash}")


def parse_obs_object(text: str) -> tuple[str, str]:
    """Return the bucket and key of one object's address, `obs://bucket/key`.

    Raises:
        ValueError: The text is no address of an object. It is not quoted.
    """
    address = _ADDRESS.fullmatch(text)
    key = (address["prefix"] if address else "") or ""
    if address is None or not key or key.endswith("/"):
        raise ValueError("must be obs://bucket/key")
    return address["bucket"], key
