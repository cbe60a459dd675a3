"""Nightdrop: a timer tick or a dropped file becomes a batch job on an edge fleet.

`handler` and `initializer` are what FunctionGraph calls.
"""

from handler.function import handler, initializer

__all__ = ["handler", "initializer"]
