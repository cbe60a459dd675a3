"""The version of a log: the meaning of its records, and the layout of its derived tables.

Records are permanent. Tables, views and triggers are rebuilt from them when the code that opens a
log has another layout, newer or older. So an upgrade and a roll-back are the same step, and only
records that this code would misread prevent it from opening a log.
"""

from __future__ import annotations

from handler.errors import LogError

FORM = 1
"""The meaning of records. Raise it when older code would misread a new record."""

LAYOUT = 12
"""The layout of the derived tables. Raise it with every change of the tables, of the views, or of
what the fold in `state` and `sql` writes into them. The first logs have 0."""

_LAYOUTS = 1000

VERSION = FORM * _LAYOUTS + LAYOUT
"""Both in one number, as it is stored: `PRAGMA user_version`, `nightdrop.version()`."""


def require_readable(version: int, place: str) -> None:
    """Return if this code may use a log.

    Raises:
        LogError: A later version wrote its records.
    """
    if version // _LAYOUTS > FORM:
        raise LogError(
            f"the audit log {place} was written by a later Nightdrop (form {version // _LAYOUTS}, "
            f"this one reads up to {FORM}); deploy that version again: this one would misread the "
            "records"
        )
