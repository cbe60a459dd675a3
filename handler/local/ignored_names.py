"""Names of files that editors, file managers and downloads leave behind: no specs."""

from __future__ import annotations

_PREFIXES = (".", "~$", "#")
_SUFFIXES = ("~", ".tmp", ".part", ".partial", ".crdownload", ".swp", ".swo", ".swx", ".bak")
_WHOLE = frozenset({"thumbs.db", "desktop.ini"})


def is_ignored(path: str) -> bool:
    """Return whether a file is passed over because of its name, or of a folder it lies in."""
    *folders, name = path.lower().split("/")
    hidden = any(folder.startswith(".") for folder in folders)
    return hidden or name in _WHOLE or name.startswith(_PREFIXES) or name.endswith(_SUFFIXES)
