"""Which version a log is of: what its records mean, and how its derived tables are laid out.

Records last; tables, views and triggers beside them are made anew from the records whenever the
code that opens a log lays them out differently, in either direction. So an upgrade and a roll-back
are the same step, and only records that this code would misread keep it from a log.
"""

from __future__ import annotations

from handler.errors import LogError

FORM = 1
"""What records mean. Raise it when code of the form before would misread a new record."""

LAYOUT = 3
"""How the derived tables look. Raise it with every change of the tables, of the views, or of what
the fold in `state` and `sql` writes into them; logs of before it was counted have 0."""

_LAYOUTS = 1000

VERSION = FORM * _LAYOUTS + LAYOUT
"""Both in one number, as the stores keep it: `PRAGMA user_version`, `nightdrop.version()`."""


def readable(version: int) -> bool:
    """Return whether the records of a log of some version mean what this code takes them for."""
    return version // _LAYOUTS <= FORM


def require_readable(version: int, place: str) -> None:
    """Return if this code may use a log.

    Args:
        version: The version that stands in the log.
        place: The log's address, for the message.

    Raises:
        LogError: Its records are of a later form than this code knows.
    """
    if not readable(version):
        raise LogError(
            f"the audit log {place} was written by a later Nightdrop (form {version // _LAYOUTS}, "
            f"this one reads up to {FORM}); deploy that one again: rolling back this far would "
            "misread its records"
        )
