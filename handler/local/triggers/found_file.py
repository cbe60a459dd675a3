"""Finds and reads the files in a folder without following links out of it."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Version(NamedTuple):
    """Identifies one version of a file, so that a replacement or a change is detected."""

    device: int
    inode: int
    size: int
    changed_ns: int


@dataclass(frozen=True)
class FoundFile:
    """An entry of a folder, other than a folder; it must be read before the next one is found.

    Attributes:
        name: Its path relative to the top folder, with slashes; bytes that are not UTF-8 are lone
            surrogates (PEP 383).
        version: Its version when it was found.
        mode: Its type and permissions, as in `stat`.
        folder: The file descriptor of the folder that contains it.
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
        """Whether it is a regular file: not a link, pipe, socket or device."""
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
        """Return its content, None if it has changed since it was found.

        Raises:
            OSError: It does not exist any more, is a link now, or is not readable.
        """
        base = self.name.rpartition("/")[2]
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        with os.fdopen(os.open(base, flags, dir_fd=self.folder), "rb") as file:
            data = file.read(self.version.size)
            return data if _version(os.fstat(file.fileno())) == self.version else None


def found_files(folder: Path) -> Iterator[FoundFile]:
    """Yield the entries of a folder and of its subfolders, in the order of names.

    Folders that are links are not entered; files that disappear are skipped.

    Raises:
        OSError: The folder itself cannot be read.
    """
    top = os.path.join(folder, "")  # noqa: PTH118 - with its slash, so that it may be a link itself
    for root, folders, names, descriptor in os.fwalk(top):
        parent = root.removeprefix(top).strip("/")
        links = [name for name in folders if _is_link(name, descriptor)]
        folders.sort()
        for name in sorted([*names, *links]):
            try:
                status = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
            except OSError:
                continue
            path = f"{parent}/{name}" if parent else name
            yield FoundFile(path, _version(status), status.st_mode, descriptor)


def _is_link(name: str, folder: int) -> bool:
    try:
        return stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    except OSError:
        return False


def _version(status: os.stat_result) -> Version:
    return Version(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
