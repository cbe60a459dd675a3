"""A folder whose files are uploaded as they are dropped into it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from handler.local.dropbox import Dropbox

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def wait_for(ready: Callable[[], bool]) -> None:
    """Return once something is so; fail after ten seconds."""
    end = time.monotonic() + 10
    while not ready():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.02)


def test_a_dropped_file_is_uploaded_once_under_its_path(tmp_path: Path) -> None:
    """Folders become slashes, and hidden files stay."""
    uploaded: list[tuple[str, bytes]] = []
    with Dropbox(tmp_path / "drop", lambda *file: uploaded.append(file), print):
        (tmp_path / "drop/hall 4").mkdir()
        (tmp_path / "drop/hall 4/a+b.yaml").write_bytes(b"one")
        (tmp_path / "drop/.swap").write_bytes(b"hidden")
        wait_for(lambda: bool(uploaded))
        time.sleep(0.7)
    assert uploaded == [("hall 4/a+b.yaml", b"one")]


def test_a_file_that_is_written_again_is_uploaded_again(tmp_path: Path) -> None:
    """With its new content."""
    uploaded: list[bytes] = []
    with Dropbox(tmp_path, lambda _name, data: uploaded.append(data), print):
        (tmp_path / "a.yaml").write_bytes(b"one")
        wait_for(lambda: uploaded == [b"one"])
        (tmp_path / "a.yaml").write_bytes(b"two!")
        wait_for(lambda: uploaded == [b"one", b"two!"])


def test_an_upload_that_fails_is_told_and_tried_again(tmp_path: Path) -> None:
    """One file's trouble loses neither it nor the others."""
    told: list[str] = []
    uploaded: list[str] = []

    def upload(name: str, _data: bytes) -> None:
        if name == "bad.yaml" and not told:
            raise OSError("the cloud is away")
        uploaded.append(name)

    (tmp_path / "bad.yaml").write_bytes(b"1")
    (tmp_path / "good.yaml").write_bytes(b"2")
    with Dropbox(tmp_path, upload, told.append):
        wait_for(lambda: sorted(uploaded) == ["bad.yaml", "good.yaml"])
    assert told == ["bad.yaml could not be uploaded: the cloud is away"]
