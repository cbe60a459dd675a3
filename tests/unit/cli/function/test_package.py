"""The `nightdrop package` command, without the parts that need a network."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from handler.cli.main import main
from handler.packaging import build
from handler.packaging.python_runtime import Interpreter

if TYPE_CHECKING:
    from pathlib import Path

MADE = build.Built(zip=b"zip", sha256="ab" * 32, code="cd" * 32, bill=b"{}", unpacked=2_097_152)


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace the build and the search for its compiler; the zip is tested by being run."""
    found = Interpreter("python3.10", "3.10")
    monkeypatch.setattr("handler.cli.function.package.interpreter", lambda *_: found)
    monkeypatch.setattr("handler.cli.function.package.build", lambda *_: MADE)


@pytest.mark.usefixtures("built")
def test_the_bill_of_materials_is_written_beside_the_zip(tmp_path: Path) -> None:
    """And both digests are printed."""
    place = tmp_path / "nightdrop.zip"
    done = CliRunner().invoke(main, ["package", "--runtime", "python3.10", "-o", str(place)])
    assert done.exit_code == 0
    assert place.read_bytes() == b"zip"
    assert (tmp_path / "nightdrop.cdx.json").read_bytes() == b"{}"
    assert MADE.sha256 in done.output
    assert MADE.code in done.output


@pytest.mark.usefixtures("built")
def test_a_path_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    """With a remedy."""
    place = tmp_path / "nowhere" / "nightdrop.zip"
    done = CliRunner().invoke(main, ["package", "--runtime", "python3.10", "-o", str(place)])
    assert done.exit_code == 2
    assert "name another file" in done.output


def test_a_full_temporary_folder_fails_with_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk causes no traceback."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "full"))
    done = CliRunner().invoke(main, ["package", "--runtime", "python3.10", "--no-bytecode"])
    assert done.exit_code == 2
    assert done.output.startswith("nightdrop: the zip cannot be built: ")


def test_only_runtimes_of_the_platform_can_be_named() -> None:
    """Others have no interpreter there."""
    done = CliRunner().invoke(main, ["package", "--runtime", "python3.11"])
    assert done.exit_code == 2
    assert "python3.12" in done.output


@pytest.mark.usefixtures("built")
@pytest.mark.parametrize("name", ["nightdrop.zip", "nightdrop.cdx.json"])
def test_a_foreign_file_is_not_replaced(tmp_path: Path, name: str) -> None:
    """Such as a log, by a typing error in the name."""
    (tmp_path / name).write_bytes(b"mine")
    place = tmp_path / "nightdrop.zip"
    done = CliRunner().invoke(main, ["package", "--runtime", "python3.10", "-o", str(place)])
    assert done.exit_code == 2
    assert "name another" in done.output
    assert [(one.name, one.read_bytes()) for one in tmp_path.iterdir()] == [(name, b"mine")]
