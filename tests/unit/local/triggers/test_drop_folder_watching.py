"""The thread that watches a drop folder."""

from __future__ import annotations

from threading import Event
from typing import TYPE_CHECKING

import pytest

from handler.errors import StartError
from handler.local.triggers.drop_folder import DropFolder, make_drop_folder, watching

if TYPE_CHECKING:
    from pathlib import Path


def test_a_dropped_file_is_uploaded_by_the_thread(tmp_path: Path) -> None:
    """With the real clock, and until it is closed."""
    uploaded = Event()
    folder = DropFolder(tmp_path, lambda _name, _data: uploaded.set(), print, 1000)
    with watching(folder):
        (tmp_path / "a.yaml").write_bytes(b"one")
        assert uploaded.wait(30)


def test_a_folder_that_cannot_be_created_fails_with_one_sentence(tmp_path: Path) -> None:
    """With a remedy."""
    (tmp_path / "file").touch()
    with pytest.raises(StartError, match="Not a directory; name another with --drop"):
        make_drop_folder(tmp_path / "file/drop")
