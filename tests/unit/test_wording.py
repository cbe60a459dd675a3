"""Code and tests use plain technical English: phrases of an earlier style do not come back."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parents[2]
NEW_LINE = "\n"
TEXTS = frozenset({".py", ".md", ".tf", ".yaml", ".yml", ".json", ".svg", ".html", ".tftpl"})
SENTENCES = Path(__file__).with_name("former_sentences.txt")
"""Sentences and parts of them that were replaced, one a line, in lower case."""

NAMES = Path(__file__).with_name("former_names.txt")
"""Names of files, types and functions that were replaced, one a line."""

DEFINITION = re.compile(r"^ *(?:async def|def|class) _*(\w+)", re.MULTILINE)

PHRASES = (
    "vouch", "mended", "told of", "stands in the log", "bereft", "witness", "swept", "brake",
    "came of it", "what it came to", "at hand", "for good", "likewise", "laid out anew",
    "lets? go of", "made up for", "bears? no", "in the same breath", "of old", "the tick",
)  # fmt: skip
"""From the table of words that was agreed on; each is a regular expression."""

PHRASES_OF_TESTS = (
    "told",
    "shelf",
    "begun",
    "anew",
    "somebody",
    "is said",
    "all the same",
    "on a desk",
)
"""More that tests do not use; the names of tests are searched word by word."""


def places(folder: str, phrases: Sequence[str]) -> list[str]:
    """Return file, line and phrase of each occurrence of a phrase below a folder."""
    pattern = re.compile(rf"\b(?:{'|'.join(phrases)})\b", re.IGNORECASE)
    return [
        f"{file.relative_to(ROOT)}:{text.count(NEW_LINE, 0, found.start()) + 1}: {found[0]}"
        for file in sorted((ROOT / folder).rglob("*.py"))
        if file != Path(__file__)
        for text in [file.read_text().replace("_", " ")]  # of a name, each word counts
        for found in pattern.finditer(text)
    ]


def test_no_source_has_one_of_the_phrases() -> None:
    """Neither in a message, nor in a docstring, nor in a name."""
    assert places("handler", PHRASES) == []


def test_no_test_has_one_of_the_phrases() -> None:
    """Neither in a docstring, nor in a name."""
    assert places("tests", [*PHRASES, *PHRASES_OF_TESTS]) == []


def test_no_file_has_one_of_the_former_sentences() -> None:
    """Neither a source, nor a page, nor a template; logs that older versions wrote keep theirs."""
    former = SENTENCES.read_text(encoding="utf-8").splitlines()
    folders = ("handler", "tests", "events", "infra")
    files = [file for name in folders for file in (ROOT / name).rglob("*.*")] + [ROOT / "README.md"]
    read = [file for file in files if file.suffix in TEXTS]
    texts = {
        file: " ".join(file.read_text(encoding="utf-8").replace("_", " ").split()).lower()
        for file in read
    }
    assert [(file.name, one) for file, text in texts.items() for one in former if one in text] == []


def test_no_file_type_or_function_has_one_of_the_former_names() -> None:
    """With or without an underscore before it; for most, the field has a standard term."""
    former = NAMES.read_text(encoding="utf-8").split()
    modules = sorted((ROOT / "handler").rglob("*.py"))
    defined = {(file.name, file.name) for file in modules} | {
        (file.name, found[1])
        for file in modules
        for found in DEFINITION.finditer(file.read_text(encoding="utf-8"))
    }
    assert sorted(one for one in defined if one[1] in former) == []
