"""`nightdrop infra`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from click.testing import CliRunner

from handler.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path


def test_a_changed_file_is_replaced_only_after_a_yes(tmp_path: Path) -> None:
    """What an operator changed is not lost."""
    call = ["infra", str(tmp_path)]
    assert CliRunner().invoke(main, call).exit_code == 0
    assert (tmp_path / "examples" / "minimal" / "main.tf").is_file()
    (file := tmp_path / "main.tf").write_text("mine")
    done = CliRunner().invoke(main, call, input="n\n")
    assert (done.exit_code, file.read_text()) == (1, "mine")
    assert CliRunner().invoke(main, [*call, "--yes"]).exit_code == 0
    assert file.read_text() != "mine"


def test_a_folder_that_cannot_be_made_is_reported(tmp_path: Path) -> None:
    """With its path."""
    (tmp_path / "file").write_text("")
    done = CliRunner().invoke(main, ["infra", str(tmp_path / "file" / "below")])
    assert done.exit_code == 2
    assert "cannot be written" in done.output
