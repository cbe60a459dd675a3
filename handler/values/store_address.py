"""Addresses of what the function reads and writes: the log, checkpoints, the policy."""

from __future__ import annotations

from handler.values.obs_address import OBS, parse_obs_address, parse_obs_object
from handler.values.postgres_address import checked_address


def checked_log_address(value: str) -> str:
    """Return the address of a log.

    Raises:
        ValueError: It is not one.
    """
    if value.startswith(OBS) and "/" in value.removeprefix(OBS).strip("/"):
        return str(parse_obs_address(value))
    if value.startswith("postgresql://"):
        return checked_address(value)
    if value.removeprefix("sqlite:///") not in {value, ""}:
        return value
    raise ValueError(
        "must be sqlite:///file (four slashes for an absolute path), postgresql://host/database "
        "or obs://bucket/prefix/"
    )


def checked_checkpoint_address(value: str) -> str:
    """Return the address of checkpoints.

    Raises:
        ValueError: It is not one.
    """
    if "://" not in value:
        return value
    try:
        return str(parse_obs_address(value))
    except ValueError:
        raise ValueError("must be obs://bucket/prefix/ or the path of a folder") from None


def checked_policy_address(value: str) -> str:
    """Return the address of a policy.

    Raises:
        ValueError: It is not one.
    """
    if value.startswith(OBS):
        parse_obs_object(value)
    elif "://" in value:
        raise ValueError("must be the path of a file, or obs://bucket/key")
    return value
