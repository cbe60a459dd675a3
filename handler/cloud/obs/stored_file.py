"""A file of the operator's: at a path, or an object in OBS."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from handler.errors import ObjectError
from handler.values.obs_address import OBS, parse_obs_object

if TYPE_CHECKING:
    from collections.abc import Callable

    from handler.cloud.obs.client import Obs

MOST_BYTES = 262_144
"""Of a policy, and of the facts of a probe: as many as a spec may have by default."""


def read_stored_file(address: str, obs: Callable[[], Obs]) -> bytes:
    """Return the file at a path, or the object at an address in OBS.

    Args:
        address: A path, or `obs://bucket/key`.
        obs: Returns the client for buckets; called for an object only.

    Raises:
        ObjectError: It is missing, larger than `MOST_BYTES`, or not readable.
        CloudError: OBS could not be reached, or it refused.
    """
    if address.startswith(OBS):
        bucket, key = parse_obs_object(address)
        return obs().read(bucket, key, max_bytes=MOST_BYTES).data
    try:
        with Path(address).open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise ObjectError(f"{address} cannot be read: {why}") from error
    if len(data) > MOST_BYTES:
        raise ObjectError(f"{address} is larger than {MOST_BYTES} bytes")
    return data
