"""Tab completion, as handler/cli/README.md documents it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "handler/cli/README.md").read_text()
COMMAND = Path(sys.executable).parent / "nightdrop"


def complete(folder: Path, **environ: str) -> str:
    """Return what the command prints for a shell."""
    path = f"{COMMAND.parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [str(COMMAND)],
        cwd=folder,
        env={**os.environ, "PATH": path, **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    return done.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_script(shell: str, tmp_path: Path) -> None:
    """By the line in the page."""
    assert re.search(rf"_NIGHTDROP_COMPLETE={shell}_source nightdrop", PAGE)
    script = complete(tmp_path, _NIGHTDROP_COMPLETE=f"{shell}_source")
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
    words: str, found: list[str], tmp_path: Path
) -> None:
    """Also beside a nightdrop.toml that is not valid."""
    (tmp_path / "nightdrop.toml").write_text("[profile")
    number = str(len(words.split(" ")) - 1)
    given = {"COMP_WORDS": words, "COMP_CWORD": number, "_NIGHTDROP_COMPLETE": "bash_complete"}
    lines = complete(tmp_path, **given).splitlines()
    assert [line.partition(",")[2] for line in lines] == found
