"""One local run to a folder."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from handler.cli.dev.folder_lock import locked_folder
from handler.errors import StartError

if TYPE_CHECKING:
    from pathlib import Path


def test_a_second_run_in_a_folder_is_refused_with_the_first_ones_id(tmp_path: Path) -> None:
    """By the id of the process; afterwards the folder is free again."""
    folder = tmp_path / "dev"
    with (
        locked_folder(folder),
        pytest.raises(StartError, match=f"in use by another run, process {os.getpid()}; stop it"),
        locked_folder(folder),
    ):
        pass
    with locked_folder(folder):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_killed_process_holds_no_lock(tmp_path: Path) -> None:
    """The system releases its lock."""
    code = (
        "import os, pathlib, sys\n"
        "from handler.cli.dev.folder_lock import locked_folder\n"
        "with locked_folder(pathlib.Path(sys.argv[1])):\n    os._exit(9)\n"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False).returncode == 9
    with locked_folder(tmp_path):
        pass


def test_a_folder_that_cannot_be_created_fails_with_one_sentence(tmp_path: Path) -> None:
    """With a remedy."""
    (tmp_path / "file").touch()
    with (
        pytest.raises(
            StartError, match=r"cannot use the folder .*: Not a directory; name another with --dir"
        ),
        locked_folder(tmp_path / "file/dev"),
    ):
        pass
