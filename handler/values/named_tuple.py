"""`typing.NamedTuple` for classes whose annotations nobody evaluates.

`typing` compiles each annotation when a class is created, although it is a string under `from
__future__ import annotations`. That is two thirds of what a class costs, and a cold start creates
seventy.
"""

from __future__ import annotations

from collections import namedtuple
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import NamedTuple
else:

    class _NamedTupleMeta(type):
        """Makes a named tuple of a class body, which may have defaults, methods and properties."""

        def __new__(
            cls, name: str, _bases: tuple[type, ...], body: dict[str, Any]
        ) -> type[tuple[Any, ...]]:
            """Return the named tuple."""
            fields = body["__annotations__"]
            defaults = [body.pop(field) for field in fields if field in body]
            made = namedtuple(name, fields, defaults=defaults, module=body["__module__"])  # noqa: PYI024 - it is what `typing` makes
            for key, value in body.items():
                setattr(made, key, value)
            return made

    NamedTuple = type.__new__(_NamedTupleMeta, "NamedTuple", (), {})

__all__ = ["NamedTuple"]
