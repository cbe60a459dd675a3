"""Query by a list of values of any length in statements of a fixed length."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handler.audit.sql.view import Execute

_AT_ONCE = 500
"""How many values one statement takes; PostgreSQL takes 65,535 and SQLite 32,766."""

ANY = f"({', '.join('?' * _AT_ONCE)})"
"""The placeholder for the list of values, as in `WHERE key IN {ANY}`."""


def rows_for(execute: Execute, statement: str, values: Sequence[str]) -> list[tuple[Any, ...]]:
    """Return the rows of a statement for a list of values.

    Args:
        execute: Runs a statement.
        statement: The statement; its only values are one list `ANY`, and it has no row for "".
        values: Any number of values.
    """
    return [
        row
        for begin in range(0, len(values), _AT_ONCE)
        for some in [values[begin : begin + _AT_ONCE]]
        for row in execute(statement, (*some, *[""] * (_AT_ONCE - len(some))))
    ]
