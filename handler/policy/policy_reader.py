"""Reads the policy that is in force: the built-in one, a file, or an object in OBS."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from handler.errors import ObjectError, PolicyError
from handler.policy.rules import BUILT_IN
from handler.values.obs_address import OBS, parse_obs_object

if TYPE_CHECKING:
    from collections.abc import Callable

    from handler.cloud.obs.client import Obs
    from handler.policy.rules import Policy

_MAX_BYTES = 262_144  # as `parsing.Limits` has it
_NOTHING_PLANNED = "nothing is planned until it is corrected"


def load_policy(address: str, obs: Callable[[], Obs]) -> Policy:
    """Return the policy at a path or in OBS; the built-in one if there is no address.

    It is read for each plan: a change counts for every plan after it.

    Raises:
        PolicyError: The policy cannot be read or is not valid.
        CloudError: OBS could not be reached.
    """
    if not address:
        return BUILT_IN
    from handler.policy.policy_file import read_policy

    data = _read_object(address, obs()) if address.startswith(OBS) else _read_file(address)
    try:
        return read_policy(data)
    except PolicyError as error:
        raise PolicyError(f"NIGHTDROP_POLICY: {error}; {_NOTHING_PLANNED}") from None


def _read_file(path: str) -> bytes:
    try:
        with Path(path).open("rb") as file:
            return file.read(_MAX_BYTES + 1)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise PolicyError(
            f"NIGHTDROP_POLICY: {path} cannot be read ({why}); {_NOTHING_PLANNED}"
        ) from error


def _read_object(address: str, obs: Obs) -> bytes:
    bucket, key = parse_obs_object(address)
    try:
        found = obs.read_from(bucket, key, 0, max_bytes=_MAX_BYTES)
    except ObjectError as error:
        raise PolicyError(f"NIGHTDROP_POLICY: {error}; {_NOTHING_PLANNED}") from error
    if found is None:
        raise PolicyError(f"NIGHTDROP_POLICY: there is no such object; {_NOTHING_PLANNED}")
    return found.data
