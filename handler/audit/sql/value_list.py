"""Query by a list of values of any length in statements of a fixed length."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handler.audit.sql.view import Execute

_AT_ONCE = 500
"""How many values one statement takes; PostgreSQL takes 65,535 and SQLite 32,766."""

_FEW = 4
"""So many need no statement for 500: most events ask for one."""

ANY = f"({', '.join('?' * _AT_ONCE)})"
"""The placeholder for the list of values, as in `WHERE key IN {ANY}`."""

_ANY_OF_FEW = f"({', '.join('?' * _FEW)})"


def rows_for(execute: Execute, statement: str, values: Sequence[str]) -> list[tuple[Any, ...]]:
    """Return the rows of a statement for a list of values.

    Args:
        execute: Runs a statement.
        statement: The statement; its only values are one list `ANY`, and it has no row for "".
        values: Any number of values.
    """
    size = _AT_ONCE
    if len(values) <= _FEW:
        statement, size = statement.replace(ANY, _ANY_OF_FEW), _FEW
    return [
        row
        for begin in range(0, len(values), size)
        for some in [values[begin : begin + size]]
        for row in execute(statement, (*some, *[""] * (size - len(some))))
    ]
