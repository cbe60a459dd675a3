"""The pages agree with the code."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import click
import pytest

from handler.cli.configuration.config import default_of
from handler.cli.main import COMMANDS, main
from handler.settings import Settings
from tests.support.documents.pages import pages

if TYPE_CHECKING:
    from collections.abc import Iterator

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


def command_lines(text: str) -> Iterator[list[str]]:
    """Yield the words behind each `nightdrop`, in blocks and in running text."""
    joined = re.sub(r"\\\n", " ", text)
    shown = re.findall(r"^\$ (.*nightdrop .*)$", joined, flags=re.MULTILINE)
    for line in [*shown, *re.findall(r"`(nightdrop [^`]+)`", joined)]:
        for part in re.split(r"(?:^|\s)nightdrop ", line)[1:]:
            words = shlex.shlex(part, posix=True, punctuation_chars="|;&<>")
            words.whitespace_split = True
            yield [*words]


def unknown_words(words: list[str]) -> list[str]:
    """Return the commands and options of a command line that `nightdrop` does not have."""
    context = click.Context(main)
    unknown = []
    rest = iter(words)
    for word in rest:
        if word in {"--", "|", ";", "&&", ">", ">>"}:
            break
        if word.startswith("--"):
            params = context.command.get_params(context)
            known = {name: each for each in params for name in each.opts}
            unknown += [] if word.split("=")[0] in known else [word]
            if isinstance(context.command, click.Group) and not getattr(
                known.get(word), "is_flag", True
            ):
                next(rest, "")  # the option's value is not a command
        elif isinstance(context.command, click.Group) and not word.isupper():
            below = context.command.get_command(context, word)
            if not below:
                return [word]
            context = click.Context(below, parent=context)
    return unknown


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
def test_every_command_line_is_one(page: str) -> None:
    """Whether it is run by a test or not, its commands and options exist."""
    for words in command_lines(PAGES[page]):
        assert not unknown_words(words), words


def test_a_command_line_with_a_slip_is_noticed() -> None:
    """A command or an option that is not there."""
    (first, second) = command_lines("`nightdrop audit lst` and `nightdrop hold --raeson x`")
    assert (unknown_words(first), unknown_words(second)) == (["lst"], ["--raeson"])


_COMMANDS, _INSTALLATION = "tests/functional/commands", "tests/functional/installation"
_LOCAL = f"{_COMMANDS}/test_local_page.py"
NOT_RUN = {
    ("README.md", "make .venv/.local"): (".ci/run", "installs packages"),
    ("README.md", "make demo"): (f"{_COMMANDS}/test_command.py", "takes its time"),
    ("README.md", "nightdrop dev"): (f"{_COMMANDS}/test_dev.py", "runs until Ctrl-C"),
    ("README.md", "nightdrop package"): (f"{_INSTALLATION}/test_package.py", "needs an account"),
    ("handler/local/README.md", "nightdrop dev"): (_LOCAL, "runs until Ctrl-C"),
    ("handler/local/README.md", "export NIGHTDROP_AUDIT"): (_LOCAL, "starts a server"),
    ("handler/local/README.md", "curl -s"): (_LOCAL, "asks that server"),
    ("handler/cli/README.md", "make dist"): (f"{_INSTALLATION}/test_install.py", "installs it"),
    ("infra/MORNING.md", "nightdrop dev"): ("tests/support/documents/pages.py", "is started first"),
    ("infra/README.md", "make .venv/.local"): ("tests/infra/test_terraform.py", "needs an account"),
}
"""How blocks begin that `test_pages.py` does not run: what runs their commands instead, and why."""


_BLOCK = re.compile(r"^(.*)\n```(?:console|sh)\n(?:\$ )?(.*)$", re.MULTILINE)


def test_every_block_of_commands_is_run_or_has_a_reason() -> None:
    """The emulator's page has tests of its own, request by request."""
    found = {
        (page, " ".join(first.split()[:2]))
        for page, text in PAGES.items()
        for mark, first in _BLOCK.findall(text)
        if page != "handler/emulator/README.md" and not mark.startswith("<!-- run")
    }
    assert {(page, first.split("=")[0]) for page, first in found} == NOT_RUN.keys()
    assert all((ROOT / runs_it).exists() for runs_it, _ in NOT_RUN.values())


def test_every_target_of_make_exists() -> None:
    """Whether a test runs it or not."""
    makefile = (ROOT / "Makefile").read_text().replace("$(VENV)", ".venv")
    named = re.findall(r"(?:`|^\$ )make ([\w./-]+)", ALL, re.MULTILINE)
    assert {
        target for target in named if not re.search(rf"^{target}:", makefile, re.MULTILINE)
    } == set()


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
    """A page without a link to it is not found."""
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
    """Everything else is beside the code that it describes."""
    assert len(README.splitlines()) <= 250
    assert "never applied to a live account" in README[:1200]


def test_the_table_of_settings_is_that_of_the_code() -> None:
    """Each setting with its default, as one would write it, and what it means."""
    rows = re.findall(
        r"^\| `(NIGHTDROP_\w+)` \| (?:`(.*?)`|(.*?)) \| (.*) \|$",
        PAGES["infra/README.md"],
        flags=re.MULTILINE,
    )
    assert {name: (default or word, text) for name, default, word, text in rows} == {
        f"NIGHTDROP_{name.upper()}": (
            "required" if field.is_required() else default_of(field) or "",
            field.description,
        )
        for name, field in Settings.model_fields.items()
    }
