"""Nightdrop: a timer tick or a dropped file becomes a batch job on an edge fleet.

FunctionGraph calls `handler` and `initializer`. They are imported on first use, so that a command
does not load the whole function.
"""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from handler.function import handler, initializer

__all__ = ["handler", "initializer"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    collects = gc.isenabled()
    # Nothing that an import creates is garbage, and looking for it costs a fifth of a cold start: it
    # is not looked for while modules are loaded, nor among them later.
    gc.disable()
    try:
        from handler import function
    finally:
        gc.freeze()
        if collects:
            gc.enable()
    return getattr(function, name)
