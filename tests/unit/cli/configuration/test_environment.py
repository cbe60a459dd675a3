"""The environment of a command, from all its sources."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner

from handler.cli.configuration.environment import (
    Configuration,
    cloud_environment,
    configuration,
    environment,
)
from handler.cli.main import main
from handler.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

NAME = "NIGHTDROP_REGION"
SOURCES = ("process", "env file", "profile")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a profile, and an env file beside it."""
    (tmp_path / "nightdrop.toml").write_text('[profile.default]\nregion = "of the profile"\n')
    (tmp_path / "keys.env").write_text(f"{NAME}='of the env file'\nHUAWEICLOUD_SDK_AK=AK\n")
    return tmp_path


def test_the_process_counts_more_than_the_env_file_and_that_more_than_the_profile(
    folder: Path,
) -> None:
    """Each value names its origin."""
    file = folder / "keys.env"
    found = [
        Configuration({NAME: "of the process"}, env_file=file, folder=folder),
        Configuration({}, env_file=file, folder=folder),
        Configuration({}, folder=folder),
        Configuration({}, folder=folder.parent),
    ]
    assert [one.values.get(NAME) for one in found] == [
        ("of the process", "environment"),
        ("of the env file", str(file)),
        ("of the profile", "nightdrop.toml:2"),
        None,
    ]


def test_an_empty_variable_counts_as_not_set(folder: Path) -> None:
    """As it does for the function."""
    assert Configuration({NAME: ""}, folder=folder).environ[NAME] == "of the profile"


def test_a_profile_is_found_from_a_folder_below(folder: Path) -> None:
    """With its relative paths where the file is."""
    (folder / "nightdrop.toml").write_text('[profile.default]\naudit = "sqlite:///my.db"\n')
    (below := folder / "a" / "b").mkdir(parents=True)
    found = Configuration({}, folder=below).environ["NIGHTDROP_AUDIT"]
    assert found == f"sqlite:///{folder}/my.db"


def test_keys_of_the_environment_are_used_without_fetching_any(folder: Path) -> None:
    """The process of the profile does not run."""
    (folder / "nightdrop.toml").write_text('[profile.p]\ncredential_process = "touch ran"\n')
    keys = {"HUAWEICLOUD_SDK_AK": "AK", "HUAWEICLOUD_SDK_SK": "SK"}
    assert Configuration(keys, "p", folder=folder).cloud_environ == keys
    assert not (folder / "ran").exists()


def test_outside_of_a_command_it_is_that_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that code that a command shares works without one."""
    monkeypatch.setenv(NAME, "here")
    assert environment()[NAME] == cloud_environment()[NAME] == "here"


def test_a_command_gets_what_the_options_of_the_group_name(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For an option that a setting may give, too."""
    monkeypatch.chdir(folder)
    (folder / "nightdrop.toml").write_text('[profile.p]\naudit = "sqlite:///none.db"\n')
    options = ["--profile", "p", "--env-file", "keys.env"]

    @click.command()
    def probe() -> None:
        click.echo(f"{environment()[NAME]}, {configuration().profile_name}")

    monkeypatch.setitem(main.commands, "probe-test", probe)
    runner = CliRunner()
    assert runner.invoke(main, [*options, "probe-test"]).output == "of the env file, p\n"
    listed = runner.invoke(main, [*options, "audit", "list"], env={"NIGHTDROP_AUDIT": None})
    assert "none.db" in listed.output
    named = [*options, "audit", "list", "--audit", "sqlite:///other.db"]
    assert "other.db" in runner.invoke(main, named).output


def test_help_is_printed_whatever_the_files_say(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where a command would fail with the place of the error."""
    monkeypatch.chdir(folder)
    (folder / "nightdrop.toml").write_text("[profile")
    assert CliRunner().invoke(main, ["audit", "list", "--help"]).exit_code == 0
    done = CliRunner().invoke(main, ["audit", "list"], env={"NIGHTDROP_AUDIT": None})
    assert (done.exit_code, done.output[:43]) == (2, "nightdrop: nightdrop.toml is not valid TOML")


def test_an_invalid_env_file_is_an_error_with_its_line(tmp_path: Path) -> None:
    """As everywhere."""
    (file := tmp_path / "x.env").write_text("A B\n")
    with pytest.raises(SettingsError, match="line 1: must be NAME=value"):
        _ = Configuration({}, env_file=file, folder=tmp_path).environ


def test_a_named_profile_needs_a_file(tmp_path: Path) -> None:
    """Nothing runs with other settings than those that were asked for."""
    with pytest.raises(SettingsError, match="here or above, so no profile production"):
        _ = Configuration({}, "production", folder=tmp_path).environ
