"""Addresses of what the function reads and writes: the log, checkpoints, the policy, facts."""

from __future__ import annotations

import re

from handler.values.obs_address import OBS, parse_obs_address, parse_obs_object

_HOST = r"(?:[A-Za-z0-9._%-]+|\[[0-9A-Fa-f:.%]+\])?(?::[0-9]{1,5})?"
_VALUE = r"[A-Za-z_]+=[^@&=]*"
_ADDRESS = (
    rf"postgresql://(?:[^@/]*@)?{_HOST}(?:,{_HOST})*(?:/[A-Za-z0-9_.~%-]*)?"
    rf"(?:\?(?:{_VALUE}(?:&{_VALUE})*&?)?)?"
)
_NO_ESCAPE = "%(?![0-9A-Fa-f]{2})|%00"


def checked_log_address(value: str) -> str:
    """Return the address of a log.

    Raises:
        ValueError: It is not one.
    """
    if value.startswith(OBS) and "/" in value.removeprefix(OBS).strip("/"):
        return str(parse_obs_address(value))
    if value.startswith("postgresql://"):
        return checked_postgres_address(value)
    if value.removeprefix("sqlite:///") not in {value, ""}:
        return value
    raise ValueError(
        "must be sqlite:///file (four slashes for an absolute path), postgresql://host/database "
        "or obs://bucket/prefix/"
    )


def no_log(place: object) -> str:
    """Return that there is no log at an address or a path, and what to do."""
    return f"there is no audit log at {place}; run the function once, or name another"


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


def checked_file_address(value: str) -> str:
    """Return the address of one file: a path, or an object.

    Raises:
        ValueError: It is not one.
    """
    if value.startswith(OBS):
        parse_obs_object(value)
    elif "://" in value:
        raise ValueError("must be the path of a file, or obs://bucket/key")
    return value


def checked_postgres_address(text: str) -> str:
    """Return the address of a PostgreSQL database, unchanged, if it is in an unambiguous form.

    Stricter than libpq, which reads a password with an unescaped character as a host, port or
    database and quotes it in its errors (postgresql.org/docs, "Connection URIs").

    Raises:
        ValueError: The address is ambiguous. It is not quoted, since it may hold a password.
    """
    if not re.fullmatch(_ADDRESS, text) or re.search(_NO_ESCAPE, text):
        raise ValueError(
            "must be postgresql://user:password@host/database, with %-escapes for all characters "
            "but letters and digits"
        )
    return text
