"""Reads the policy that is in force: the built-in one, a file, or an object in OBS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handler.errors import ObjectError, PolicyError
from handler.policy.rules import BUILT_IN

if TYPE_CHECKING:
    from collections.abc import Callable

    from handler.cloud.obs.client import Obs
    from handler.policy.rules import Policy

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
    # Loaded where they are needed: without an address there is nothing to read.
    from handler.cloud.obs.stored_file import read_stored_file
    from handler.policy.policy_file import read_policy

    try:
        return read_policy(read_stored_file(address, obs))
    except (ObjectError, PolicyError) as error:
        wrong = "; ".join(str(error).splitlines())
        raise PolicyError(f"NIGHTDROP_POLICY: {wrong}; {_NOTHING_PLANNED}") from error
