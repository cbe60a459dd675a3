"""The entry file at the root of the zip: FunctionGraph calls `index.handler`."""

import sys
from pathlib import Path

# Which copy of a package that the runtime brings along too is found first is undocumented.
sys.path.insert(0, str(Path(__file__).parent))

from handler import handler, initializer

__all__ = ["handler", "initializer"]
