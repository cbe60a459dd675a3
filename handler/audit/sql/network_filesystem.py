"""What kind of file system a path lies on, as far as it matters to SQLite."""

from __future__ import annotations

from pathlib import Path

NETWORK_TYPES = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph", "glusterfs", "lustre", "gpfs"}
    | {"fuse.sshfs", "fuse.s3fs", "fuse.obsfs", "fuse.glusterfs", "fuse.ceph"}
)
"""File systems whose locks SQLite cannot rely on (https://sqlite.org/wal.html, "Disadvantages")."""

_MOUNTS = Path("/proc/self/mounts")


def network_type(path: Path, mounts: Path = _MOUNTS) -> str:
    """Return the network file system that a path lies on, or "" for a local or unknown one.

    Args:
        path: A file that need not exist yet.
        mounts: The kernel's list of mounts; a system without it is taken to be local.
    """
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    target = path.resolve()
    best, found = -1, ""
    for line in lines:
        _, mounted, kind, *_ = line.split(" ")
        point = Path(mounted.replace("\\040", " "))
        if (target == point or point in target.parents) and len(point.parts) >= best:
            best, found = len(point.parts), kind
    return found if found in NETWORK_TYPES else ""
