"""The one way in: everything that comes from outside is read or checked here first.

`read` takes the bytes of a file or an inline spec, `check` takes an event that was parsed before
it reached us. Both hold the same limits, so nothing deeper, larger or odder passes by either way.
"""

from handler.parsing.document import MOST_PROBLEMS, Document, Limits, Path, at_most, path_text
from handler.parsing.documents_reader import read
from handler.parsing.event_limits import check
from handler.parsing.foreign_format import format_of_text

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
