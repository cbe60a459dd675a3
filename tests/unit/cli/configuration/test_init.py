"""`nightdrop init`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import jsonschema
import pytest
import yaml
from click.testing import CliRunner

from handler.cli.configuration.environment import Configuration
from handler.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path

FILES = ("nightdrop.toml", "upgrade.yaml", "nightdrop.schema.json")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder in which the command has run."""
    done = CliRunner().invoke(main, ["init", str(tmp_path / "new")])
    assert done.exit_code == 0, done.output
    return tmp_path / "new"


def test_what_it_writes_is_valid(folder: Path) -> None:
    """The spec for Nightdrop and for the schema that its first line names, and the profile."""
    spec = (folder / "upgrade.yaml").read_text()
    comment, schema = spec.splitlines()[0].split("$schema=")
    assert comment == "# yaml-language-server: "
    jsonschema.validate(yaml.safe_load(spec), json.loads((folder / schema).read_text()))
    assert CliRunner().invoke(main, ["validate", str(folder / "upgrade.yaml")]).exit_code == 0
    profile = Configuration({}, folder=folder).profile
    assert profile
    assert profile.name == "local"


def test_a_file_is_replaced_only_after_a_yes(folder: Path) -> None:
    """What is as it would be written is not asked about."""
    spec = folder / "upgrade.yaml"
    spec.write_text("mine")
    done = CliRunner().invoke(main, ["init", str(folder)], input="n\n")
    assert (done.exit_code, spec.read_text()) == (1, "mine")
    done = CliRunner().invoke(main, ["init", str(folder)], input="")
    assert (done.exit_code, spec.read_text()) == (2, "mine")
    done = CliRunner().invoke(main, ["init", str(folder)], input="y\n")
    assert done.exit_code == 0
    assert spec.read_text() != "mine"
    assert "nightdrop.toml is up to date" in done.output


def test_nothing_is_written_before_every_question_is_answered(tmp_path: Path) -> None:
    """Or a new profile would stand beside the old spec."""
    (tmp_path / "upgrade.yaml").write_text("mine")
    done = CliRunner().invoke(main, ["init", str(tmp_path)], input="")
    assert (done.exit_code, "nothing was done" in done.output) == (2, True)
    assert [path.name for path in tmp_path.iterdir()] == ["upgrade.yaml"]


def test_yes_replaces_without_a_question(folder: Path) -> None:
    """For scripts."""
    (folder / "nightdrop.toml").write_text("mine")
    assert CliRunner().invoke(main, ["init", str(folder), "--yes"]).exit_code == 0
    assert (folder / "nightdrop.toml").read_text() != "mine"
    assert sorted(FILES) == sorted(path.name for path in folder.iterdir())
