"""Where SQLite's locks can be relied on, by the kernel's list of mounts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from handler.audit.sql import sqlite
from handler.audit.sql.sqlite import NETWORK_TYPES, SqliteLog, network_type
from handler.errors import LogError

if TYPE_CHECKING:
    from pathlib import Path

MOUNTS = """\
/dev/vda1 / ext4 rw,relatime 0 0
proc /proc proc rw 0 0
server:/share {0}/share nfs4 rw,vers=4.1 0 0
/dev/vdb1 {0}/share/local ext4 rw 0 0
server:/spaced {0}/with\\040space cifs rw 0 0
s3fs {0}/bucket fuse.s3fs rw 0 0
/dev/vdc1 {0}/over ext4 rw 0 0
server:/over {0}/over nfs rw 0 0
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("audit.db", ""),
        ("share/audit.db", "nfs4"),
        ("share/deep/er/audit.db", "nfs4"),
        ("share", "nfs4"),
        ("shared/audit.db", ""),
        ("share/local/audit.db", ""),
        ("share/local/../audit.db", "nfs4"),
        ("with space/audit.db", "cifs"),
        ("bucket/audit.db", "fuse.s3fs"),
        ("over/audit.db", "nfs"),
    ],
)
def test_the_innermost_and_latest_mount_counts(tmp_path: Path, path: str, kind: str) -> None:
    """Whether the file exists or not."""
    mounts = tmp_path / "mounts"
    mounts.write_text(MOUNTS.format(tmp_path.resolve()))
    assert network_type(tmp_path / path, mounts) == kind


def test_a_link_is_followed(tmp_path: Path) -> None:
    """The file lies where the link leads."""
    mounts = tmp_path / "mounts"
    mounts.write_text(MOUNTS.format(tmp_path.resolve()))
    (tmp_path / "share").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "share")
    assert network_type(tmp_path / "link" / "audit.db", mounts) == "nfs4"


def test_a_system_without_a_list_of_mounts_is_taken_to_be_local(tmp_path: Path) -> None:
    """Such as macOS."""
    assert network_type(tmp_path / "audit.db", tmp_path / "none") == ""


def test_this_machines_own_list_can_be_read(tmp_path: Path) -> None:
    """Whatever is mounted here."""
    assert network_type(tmp_path / "audit.db") in {"", *NETWORK_TYPES}


def test_a_log_on_a_network_file_system_is_refused_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And with what would do instead; no file is made."""
    monkeypatch.setattr(sqlite, "network_type", lambda _path: "nfs4")
    with pytest.raises(LogError, match=r"network file system \(nfs4\).*postgresql://"):
        SqliteLog(tmp_path / "audit.db")
    assert list(tmp_path.iterdir()) == []
