"""What the pages say is so."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from handler.cli.main import COMMANDS
from handler.settings import Settings
from tests.support.pages import pages

ROOT = Path(__file__).parents[2]
PAGES = {str(page.relative_to(ROOT)): page.read_text() for page in pages()}
README = PAGES["README.md"]
ALL = "\n".join(PAGES.values())
SAMPLES = sorted(
    path for path in (ROOT / "events").rglob("*") if path.suffix in {".json", ".jsonl", ".yaml"}
)

each_page = pytest.mark.parametrize("page", PAGES)


def links(text: str) -> list[str]:
    """Return the targets of a page's links and pictures."""
    return re.findall(r"\]\(([^)\s]+)\)", text)


def anchors(text: str) -> set[str]:
    """Return the anchors that the headings of a page have, as GitHub makes them."""
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.+)$", prose, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_setting_is_in_the_table() -> None:
    """The table of settings is the model, word for word."""
    for name, field in Settings.model_fields.items():
        (row,) = re.findall(rf"^\| `NIGHTDROP_{name.upper()}` \|.*$", ALL, flags=re.MULTILINE)
        assert str(field.description) in row


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_every_sample_is_named(path: Path) -> None:
    """Each sample is in the list beside it, where a reader finds it."""
    assert f"| `{path.relative_to(ROOT)}` |" in PAGES["events/README.md"]


def test_every_command_is_shown() -> None:
    """Each command of `nightdrop` is at least once on a page."""
    for name in COMMANDS:
        assert f"nightdrop {name}" in ALL


@each_page
def test_every_path_that_is_named_exists(page: str) -> None:
    """No file or folder is named that is not there."""
    for path in re.findall(r"`((?:handler|events|infra|tests)/[\w./-]+)`", PAGES[page]):
        assert (ROOT / path).exists(), path


@each_page
def test_every_link_leads_somewhere(page: str) -> None:
    """To a file that is there, and to a heading in it."""
    for link in links(PAGES[page]):
        url = urlsplit(link)
        if url.scheme:
            continue
        target = ((ROOT / page).parent / unquote(url.path)).resolve() if url.path else ROOT / page
        assert target.exists(), link
        assert not url.fragment or url.fragment in anchors(target.read_text()), link


def test_every_page_is_found_from_the_readme() -> None:
    """A page that nothing links to is a page that nobody reads."""
    found, waiting = {"README.md"}, ["README.md"]
    while waiting:
        page = waiting.pop()
        below = {
            ((ROOT / page).parent / urlsplit(link).path).resolve() for link in links(PAGES[page])
        }
        new = {name for name in PAGES if (ROOT / name).resolve() in below} - found
        found |= new
        waiting += new
    assert found == PAGES.keys()


def test_the_readme_is_read_in_five_minutes() -> None:
    """Everything else stands beside what it describes."""
    assert len(README.splitlines()) <= 250
    assert "never applied to a live account" in README[:1200]
