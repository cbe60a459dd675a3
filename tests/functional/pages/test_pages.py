"""Every command that a page marks is run, and prints what the page shows."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.support.documents.pages import ROOT, agrees, blocks, masked, pages, run, steps
from tests.support.preloaded_command import preloaded_command

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.documents.pages import Step

RUN = [page for page in pages() if any(blocks(page.read_text()))]


@pytest.fixture(scope="module")
def commands() -> Iterator[Path]:
    """The folder with the command that the pages call."""
    with preloaded_command() as folder:
        yield folder


@pytest.mark.parametrize("page", RUN, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_shows_the_output_of_its_commands(page: Path, commands: Path) -> None:
    """Keys, ids, ports and times are others each time; nothing else is.

    Not so the names of the jobs of a file that is invoked: they follow from what is in it.
    """
    text = page.read_text()
    shown = [steps(block.lines) for block in blocks(text) if not block.file]
    for block, real in zip(shown, run(text, commands), strict=True):
        for there, here in zip(block, real, strict=True):
            assert agrees(there.output, here.output), "\n".join([*here.command, *here.output])
            if "emulator -- nightdrop invoke" in here.command[0]:
                assert _job_names(there) == _job_names(here)


def _job_names(step: Step) -> list[str]:
    return re.findall(r"\b[a-z0-9-]+-[a-z2-7]{8}\b", "\n".join(step.output))


def test_another_output_is_noticed() -> None:
    """Only what varies is masked, and only whole lines are left out."""
    real = ("job  tonight-lz4fc75q", "hash b96abcd9296149ec…", "done in 3 steps")
    assert agrees(("job  tonight-aaaabbbb", "hash 06252fb742b28068…", "done in 3 steps"), real)
    assert agrees(("…", "done in 3 steps"), real)
    assert not agrees(("…", "done in 4 steps"), real)
    assert not agrees(real[:2], real)


@pytest.mark.parametrize(
    ("line", "left"),
    [
        ("emulator at http://127.0.0.1:42389", "emulator at http://127.0.0.1:PORT"),
        ("at 2026-11-25T19:07:08.919463Z", "at TIME"),
        ("Python 3.11.7, pydantic 2.14.3", "Python VERSION, pydantic 2.14.3"),
        (
            "no such setting, perhaps NIGHTDROP_BUCKETS",
            "no such setting, perhaps NIGHTDROP_BUCKETS",
        ),
    ],
)
def test_varying_values_are_masked(line: str, left: str) -> None:
    """A port and a time, and no word of a message."""
    assert masked(line) == left
