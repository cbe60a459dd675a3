"""JSON and YAML from outside, read with limits and line numbers.

`read` parses the bytes of a file or an inline spec; `check_event` checks an event that is already
parsed. Both apply the same limits.
"""

from handler.parsing.document import (
    MAX_PROBLEMS,
    Document,
    Limits,
    Path,
    first_problems,
    format_path,
)
from handler.parsing.documents_reader import read
from handler.parsing.event_limits import check_event

__all__ = [
    "MAX_PROBLEMS",
    "Document",
    "Limits",
    "Path",
    "check_event",
    "first_problems",
    "format_path",
    "read",
]
