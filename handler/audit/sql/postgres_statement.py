"""A statement as every store spells it, run by psycopg."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg


def run(
    db: psycopg.Connection[tuple[Any, ...]], statement: str, values: Sequence[object] = ()
) -> list[tuple[Any, ...]]:
    """Run a statement with `?` for its values and return its rows; none for one without."""
    cursor = db.execute(_spelt(statement), [_storable(value) for value in values])
    return cursor.fetchall() if cursor.description else []


def _spelt(statement: str) -> bytes:
    """Return a statement with psycopg's mark for a value; none of ours holds another `?`."""
    return statement.replace("%", "%%").replace("?", "%s").encode()


def _storable(value: object) -> object:
    # A text column holds no NUL; only the name of an object could bring one.
    return value.replace("\0", "\ufffd") if isinstance(value, str) else value
