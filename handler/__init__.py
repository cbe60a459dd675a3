"""Nightdrop: a timer tick or a dropped file becomes a batch job on an edge fleet.

`handler` and `initializer` are what FunctionGraph calls. They are imported when they are first
asked for, which the zip's entry file does at once: a command does not load what it does not use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from handler.function import handler, initializer

__all__ = ["handler", "initializer"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from handler import function  # noqa: PLC0415 - see above

    return getattr(function, name)
