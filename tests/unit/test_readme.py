"""What the README says is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from handler.cli.main import COMMANDS
from handler.settings import Settings

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def test_every_setting_is_in_the_table() -> None:
    """The table of settings is the model, word for word."""
    for name, field in Settings.model_fields.items():
        assert f"| `NIGHTDROP_{name.upper()}` |" in README
        assert str(field.description) in README


@pytest.mark.parametrize("path", sorted((ROOT / "events").rglob("*.*")), ids=lambda p: p.name)
def test_every_sample_is_named(path: Path) -> None:
    """Each file in events/ is in the README, where a reader finds it."""
    assert f"`{path.relative_to(ROOT)}`" in README


def test_every_command_is_shown() -> None:
    """Each command of `nightdrop` is at least once in the README."""
    for name in COMMANDS:
        assert f"nightdrop {name}" in README


def test_every_path_that_is_named_exists() -> None:
    """No file or folder of the package is named that is not there."""
    for path in re.findall(r"`((?:handler|events|infra|tests)/[\w./-]+)`", README):
        assert (ROOT / path).exists(), path
