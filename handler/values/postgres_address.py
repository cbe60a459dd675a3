"""Addresses of PostgreSQL databases, in an unambiguous form.

Stricter than libpq, which reads a password with an unescaped character as a host, port or database
and quotes it in its errors (postgresql.org/docs, "Connection URIs").
"""

from __future__ import annotations

import re

_HOST = r"(?:[A-Za-z0-9._%-]+|\[[0-9A-Fa-f:.%]+\])?(?::[0-9]{1,5})?"
_VALUE = r"[A-Za-z_]+=[^@&=]*"
_ADDRESS = re.compile(
    rf"postgresql://(?:[^@/]*@)?{_HOST}(?:,{_HOST})*(?:/[A-Za-z0-9_.~%-]*)?"
    rf"(?:\?(?:{_VALUE}(?:&{_VALUE})*&?)?)?"
)
_NO_ESCAPE = re.compile("%(?![0-9A-Fa-f]{2})|%00")


def checked_address(text: str) -> str:
    """Return an address unchanged.

    Raises:
        ValueError: The address is ambiguous. It is not quoted, since it may hold a password.
    """
    if not _ADDRESS.fullmatch(text) or _NO_ESCAPE.search(text):
        raise ValueError(
            "must be postgresql://user:password@host/database, with %-escapes for all characters "
            "but letters and digits"
        )
    return text
