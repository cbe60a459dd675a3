"""What lies in a folder, found and read without following a link out of it."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Version(NamedTuple):
    """What tells a file from another one of its name, and from itself after a change."""

    device: int
    inode: int
    size: int
    changed_ns: int


@dataclass(frozen=True)
class FoundFile:
    """One entry of a folder that is no folder; it can be read while the walk stands at it.

    Attributes:
        name: Its path relative to the walked folder, with slashes; bytes that are not UTF-8 are
            lone surrogates (PEP 383).
        version: What it was when it was found.
        mode: Its type and permissions, as `stat` has them.
        folder: The open folder it lies in, a file descriptor.
    """

    name: str
    version: Version
    mode: int
    folder: int

    @property
    def is_link(self) -> bool:
        """Whether it is a symbolic link."""
        return stat.S_ISLNK(self.mode)

    @property
    def is_regular(self) -> bool:
        """Whether it is a file with content: no link, pipe, socket or device."""
        return stat.S_ISREG(self.mode)

    @property
    def is_named_in_utf8(self) -> bool:
        """Whether its name can be the key of an object."""
        try:
            self.name.encode()
        except UnicodeEncodeError:
            return False
        return True

    def read(self) -> bytes | None:
        """Return its content, at most its size when it was found; None if it changed meanwhile.

        Raises:
            OSError: It is gone, a link by now, or may not be read.
        """
        base = self.name.rpartition("/")[2]
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        with os.fdopen(os.open(base, flags, dir_fd=self.folder), "rb") as file:
            data = file.read(self.version.size)
            return data if _version(os.fstat(file.fileno())) == self.version else None


def found_files(folder: Path) -> Iterator[FoundFile]:
    """Yield what lies in a folder and the folders below it, in the order of names.

    Folders that are links are not entered; what vanishes meanwhile is passed over.

    Raises:
        OSError: The folder itself cannot be read.
    """
    top = os.path.join(folder, "")  # noqa: PTH118 - with its slash, so that it may be a link itself
    for root, folders, names, descriptor in os.fwalk(top):
        below = root.removeprefix(top).strip("/")
        links = [name for name in folders if _is_link(name, descriptor)]
        folders.sort()
        for name in sorted([*names, *links]):
            try:
                status = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
            except OSError:
                continue
            path = f"{below}/{name}" if below else name
            yield FoundFile(path, _version(status), status.st_mode, descriptor)


def _is_link(name: str, folder: int) -> bool:
    try:
        return stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    except OSError:
        return False


def _version(status: os.stat_result) -> Version:
    return Version(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
