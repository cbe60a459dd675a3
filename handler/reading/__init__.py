"""The one way in: everything that comes from outside is read or checked here first.

`read` takes the bytes of a file or an inline spec, `check` takes an event that was parsed before
it reached us. Both hold the same limits, so nothing deeper, larger or odder passes by either way.
"""

from handler.reading.document import MOST_PROBLEMS, Document, Limits, Path, at_most, path_text
from handler.reading.foreign import format_of_text
from handler.reading.parsed import check
from handler.reading.reader import read

__all__ = [
    "MOST_PROBLEMS",
    "Document",
    "Limits",
    "Path",
    "at_most",
    "check",
    "format_of_text",
    "path_text",
    "read",
]
