"""Checks a plan against the policy that is in force now.

The built-in policy allows every plan of a few node upgrades, so that these load none of its code.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from handler.deliveries.provenance import actor_of
from handler.errors import ObjectError, PolicyError
from handler.policy.rules import ALLOWED, BUILT_IN, MOST_JOBS
from handler.values.obs_address import OBS, parse_obs_object

if TYPE_CHECKING:
    from collections.abc import Callable

    from handler.audit.record import Part
    from handler.cloud.obs.client import Obs
    from handler.invocation.invocation import Invocation
    from handler.policy.rules import Policy, PolicyDecision
    from handler.specs.planner import Plan
    from handler.triggers.delivery import Delivery

_MAX_BYTES = 262_144
_NOTHING_PLANNED = "nothing is planned until it is corrected"


def check_policy(
    delivery: Delivery, found: Part, plan: Plan, invocation: Invocation
) -> PolicyDecision:
    """Decide whether a plan is allowed.

    Args:
        delivery: The delivery.
        found: What OBS said of the object that was read.
        plan: The jobs that the delivery asks for.
        invocation: Dependencies of this invocation.

    Raises:
        PolicyError: The policy cannot be read or is not valid.
        CloudError: OBS, which has the policy, could not be reached.
    """
    settings = invocation.settings
    policy = load_policy(settings.policy, lambda: invocation.obs)
    if policy is BUILT_IN and _is_plain(plan, settings.valid_for):
        return ALLOWED
    from handler.policy.decision import decide, origin_of  # noqa: PLC0415 - not on a cold start
    from handler.policy.demand import demand_of  # noqa: PLC0415 - same reason

    origin = origin_of(delivery, actor_of(delivery.actor, found))
    demands = [demand_of(job) for job in plan.jobs]
    return decide(policy, origin, demands, settings.valid_for)


def load_policy(address: str, obs: Callable[[], Obs]) -> Policy:
    """Return the policy at a path or in OBS; the built-in one if there is no address.

    It is read for each plan: a change counts for every plan after it.

    Raises:
        PolicyError: The policy cannot be read or is not valid.
        CloudError: OBS could not be reached.
    """
    if not address:
        return BUILT_IN
    from handler.policy.policy_file import read_policy  # noqa: PLC0415 - needs pydantic models

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
            f"NIGHTDROP_POLICY: the file cannot be read ({why}); {_NOTHING_PLANNED}"
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


def _is_plain(plan: Plan, valid_for: int) -> bool:
    """Return whether the built-in policy allows a plan whatever is in its request bodies.

    A node upgrade has no deployment (`specs/api_form.py` and `specs/short_form.py` refuse one).
    """
    return len(plan.jobs) <= MOST_JOBS and all(
        job.job_type == "node_upgrade" and (job.valid_for or 0) <= valid_for for job in plan.jobs
    )
