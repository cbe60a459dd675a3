"""Nightdrop: a timer tick or a dropped file becomes a batch job on an edge fleet.

FunctionGraph calls `handler` and `initializer`. They are imported on first use, so that a command
does not load the whole function.
"""

from __future__ import annotations

import gc
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from handler.function import handler, initializer

__all__ = ["handler", "initializer"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # A plugin would see every spec and every setting, and looking for one takes milliseconds.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    collects = gc.isenabled()
    # Nothing that an import creates is garbage, and looking for it costs a fifth of a cold start:
    # neither while modules are loaded nor later is it looked for among them.
    gc.disable()
    try:
        from handler import function
    finally:
        gc.freeze()
        if collects:
            gc.enable()
    return getattr(function, name)
