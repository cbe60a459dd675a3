"""The object `latest`: which segment was the last to end. It is only a hint, and not trusted."""

from __future__ import annotations

import json
from typing import Any

from handler.audit.format_version import VERSION

LATEST = "latest"
"""The object's name."""


def hint_of(segment: int) -> bytes:
    """Return what `latest` says when a segment was the last to end."""
    return json.dumps({"segment": segment, "version": VERSION}).encode()


def hinted(hint: bytes | None) -> tuple[int, int]:
    """Return the segment that `latest` speaks of and who wrote it; 0 for what cannot be read."""
    try:
        said: Any = json.loads(hint or b"{}")
        return int(said["segment"]), int(said["version"])
    except (KeyError, TypeError, ValueError):
        return 0, 0
