"""Tab completion, as handler/cli/README.md documents it."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.preloaded_command import preloaded_command

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "handler/cli/README.md").read_text()
GROUPS = ("audit", "configuration.config", "main", "rollouts")


@pytest.fixture(scope="module")
def command() -> Iterator[Path]:
    """The command, each call of it a process that has its modules already."""
    with preloaded_command(*(f"handler.cli.{name}" for name in GROUPS)) as folder:
        yield folder / "nightdrop"


def complete(command: Path, folder: Path, **environ: str) -> str:
    """Return what the command prints for a shell."""
    path = f"{command.parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [str(command)],
        cwd=folder,
        env={**os.environ, "PATH": path, **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    return done.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_script(shell: str, command: Path, tmp_path: Path) -> None:
    """By the line in the page."""
    assert re.search(rf"_NIGHTDROP_COMPLETE={shell}_source nightdrop", PAGE)
    script = complete(command, tmp_path, _NIGHTDROP_COMPLETE=f"{shell}_source")
    assert "_nightdrop_completion" in script


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("nightdrop con", ["config"]),
        ("nightdrop audit s", ["show", "stats", "serve"]),
        ("nightdrop rollout re", ["resume", "retry"]),
        ("nightdrop audit list --audit x --for", ["--format"]),
        ("nightdrop config show -o ", ["table", "json", "yaml", "name"]),
    ],
)
def test_commands_options_and_choices_are_completed(
    words: str, found: list[str], command: Path, tmp_path: Path
) -> None:
    """Also beside a nightdrop.toml that is not valid."""
    (tmp_path / "nightdrop.toml").write_text("[profile")
    number = str(len(words.split(" ")) - 1)
    given = {"COMP_WORDS": words, "COMP_CWORD": number, "_NIGHTDROP_COMPLETE": "bash_complete"}
    lines = complete(command, tmp_path, **given).splitlines()
    assert [line.partition(",")[2] for line in lines] == found
