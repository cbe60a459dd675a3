"""Decides from the names of event and object whether an event is about a new job spec."""

from __future__ import annotations

import re

APPROVAL_SUFFIX = ".approve"
"""What follows the name of a job spec in the name of its approval."""

SPEC_NAMES = "a job spec is named *.yaml, *.yml, *.json or *.jsonl"
"""The names of job specs, in a sentence for whoever dropped another file."""

_SPEC = re.compile(r".+\.(?:ya?ml|jsonl?)", re.IGNORECASE | re.DOTALL)

# Names of files that appear beside the one a person saves, and mostly vanish again: Finder's and
# Explorer's (with those on archives), Office's and LibreOffice's owner files, vim's and Emacs's
# swap, lock and backup files, NFS's silly renames, partial uploads and downloads.
_SCRATCH = re.compile(
    r"\..*"  # .DS_Store, ._a.yaml, .a.yaml.swp, .#a.yaml, .~lock.a.yaml#, .nfs0001, .a.yaml.Xa1b2
    r"|~\$.*|#.*#|.*~"
    r"|.*\.(?:sw[a-px]|tmp|temp|part|partial|filepart|crdownload|download|bak|lock|lnk|orig)"
    r"|thumbs\.db(?::encryptable)?|ehthumbs(?:_vista)?\.db|desktop\.ini|icon\r|4913",
    re.IGNORECASE | re.DOTALL,
)

# Folders of the same kind. A file that is deleted on a mounted share lands in a bin, under a new
# name that is still the name of a spec: to run it would be the opposite of what was asked for.
_SCRATCH_FOLDER = re.compile(
    r"\.+[^.].*"  # .Trash-1000/, .git/
    r"|\$recycle\.bin|recycler|#recycle|@recycle|@eadir|__macosx|system volume information"
    r"|lost\+found",
    re.IGNORECASE | re.DOTALL,
)


def is_creation(event_name: str) -> bool:
    """Return whether an event tells of a new object, in whatever way it was written.

    The names of the platform's triggers have all been seen: `ObjectCreated:Put`, with the prefix
    `s3:`, `OBS:DWR:` or `OBS:CloudTrace:`, in other letter case, and `ObjectCreated` alone.
    """
    return "objectcreated" in event_name.casefold().split(":")


def is_scratch(key: str, prefix: str) -> bool:
    """Return whether an object is one that an editor or a system keeps for itself.

    Args:
        key: The object's key; it begins with the prefix.
        prefix: The watched prefix; whoever set it wants what it names.
    """
    *folders, name = key[len(prefix) :].split("/")
    if prefix and not prefix.endswith("/"):
        # The first step began within the prefix: how it begins was asked for.
        folders, name = (["-", *folders[1:]], name) if folders else ([], f"-{name}")
    names = _SCRATCH.fullmatch(name), *map(_SCRATCH_FOLDER.fullmatch, folders)
    return any(names)


def is_approval_name(key: str) -> bool:
    """Return whether an object has the name of the approval of a job spec."""
    return key.endswith(APPROVAL_SUFFIX) and is_spec_name(key.removesuffix(APPROVAL_SUFFIX))


def is_spec_name(key: str) -> bool:
    """Return whether an object has the name of a job spec."""
    return bool(_SPEC.fullmatch(key.rpartition("/")[2]))
