"""The reader: how a text's form is detected, and what is refused before and while parsing."""

from __future__ import annotations

import gzip
import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handler.errors import SpecRejectedError
from handler.parsing import Limits, read
from handler.parsing.lines_reader import read_with_lines


def values(text: str) -> list[object]:
    """Return the values of a text's documents."""
    return [document.value for document in read(text.encode(), Limits())]


def refusal(data: bytes | str, limits: Limits | None = None) -> str:
    """Return the text of the refusal."""
    raw = data.encode() if isinstance(data, str) else data
    with pytest.raises(SpecRejectedError) as caught:
        read(raw, limits or Limits())
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": 1}', [{"a": 1}]),
        ('\n  {"a":\n 1}\n', [{"a": 1}]),
        ('[{"a": 1}, {"b": 2}]', [{"a": 1}, {"b": 2}]),
        ('{"a": 1}\n\n{"b": 2}\r\n', [{"a": 1}, {"b": 2}]),
        ("a: 1\n---\nb: 2\n", [{"a": 1}, {"b": 2}]),
        ("---\na: 1\n---\n# nothing\n---\nb: 2\n---\n", [{"a": 1}, {"b": 2}]),
        ('# a comment first\n{"a": 1}', [{"a": 1}]),
        ("\ufeffa: 1", [{"a": 1}]),
        ('\ufeff{"a": 1}', [{"a": 1}]),
    ],
)
def test_the_content_decides_the_form(text: str, expected: list[object]) -> None:
    """JSON, an array, JSON Lines and YAML are distinguished by their first characters."""
    assert values(text) == expected


def test_documents_are_numbered_from_one() -> None:
    """A number is the document's place in the file."""
    documents = read(b'[{"a": 1}, {"b": 2}]', Limits())
    assert [document.number for document in documents] == [1, 2]


def test_each_document_of_an_array_has_its_own_lines() -> None:
    """Paths begin at the document, lines at the file."""
    first, second = read(b'[\n{"a": 1},\n{"a":\n[2,\n3]}]', Limits())
    assert (first.line_of(("a",)), second.line_of(())) == (2, 3)
    assert (second.line_of(("a",)), second.line_of(("a", 1))) == (3, 5)


@pytest.mark.parametrize("text", ['{"a": [1, 2]}', ' [{"a": {"b": 1}}, {"c": 2}] '])
def test_every_part_of_one_line_is_in_the_first(text: str) -> None:
    """As the parser that counts lines has it, for parts that are there and for others."""
    for document, counted in zip(
        read(text.encode(), Limits()), read_with_lines(text, Limits()), strict=True
    ):
        for path in (*counted.lines, ("a", 9), ("nothing",)):
            assert document.line_of(path) == counted.line_of(path) == 1


@pytest.mark.parametrize("text", ["", " \n\t", "\ufeff"])
def test_an_empty_file_is_refused(text: str) -> None:
    """An empty file requests nothing."""
    assert refusal(text) == "empty; write at least one entry"


@pytest.mark.parametrize("text", ["[]", "# only a comment\n", "---\n---\n"])
def test_a_file_without_a_document_is_refused(text: str) -> None:
    """A file without a document requests nothing either."""
    assert refusal(text) == "holds no document; write at least one job"


def test_a_file_that_is_too_large_is_refused_unread() -> None:
    """The size counts before anything is decoded."""
    assert refusal(b"\xff" * 11, Limits(max_bytes=10)) == (
        "larger than 10 bytes; split it into several files"
    )


def test_another_encoding_is_refused_with_its_line() -> None:
    """Only UTF-8 is read, and strictly."""
    assert refusal("a: 1\nb: größe".encode("latin-1")) == "line 2: not UTF-8; save it as UTF-8"
    assert refusal("a: 1".encode("utf-16")) == "UTF-16; save it as UTF-8"


@pytest.mark.parametrize(
    "text", ['\ufeff\ufeff{"a": 1} # not JSON', "\ufeff\ufeff\ufeff{'a': 1}", "\ufeff\ufeffa: 1"]
)
def test_more_than_one_byte_order_mark_is_refused(text: str) -> None:
    """They would make YAML of JSON, so that comments and single quotes pass."""
    assert refusal(text) == (
        "line 1: begins with more than one byte order mark; save it as UTF-8 without any"
    )


@pytest.mark.parametrize("start", ["\n\ufeff", " \ufeff", "\u200b", "\xa0", "\u2060", "\x85"])
def test_nothing_invisible_turns_json_into_yaml(start: str) -> None:
    """Text before the first bracket is refused unless blank, or the file is not taken for JSON."""
    try:
        documents = read(f"{start}{{'a': 1}} # b".encode(), Limits())
    except SpecRejectedError:
        return
    assert [document.value for document in documents] != [{"a": 1}]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('{\r\n"a": 1,\r\n"b": NaN}', 3),
        ('{\r"a": 1,\r"b": NaN}', 3),
        ("a: 1\r\nb: 1.10\r\n", 2),
        ("a: 1\rb: 1.10\r", 2),
        ("a: |\r\n  x\r\n  y\r\nb: 1.10", 4),
    ],
)
def test_lines_are_counted_as_an_editor_does(text: str, line: int) -> None:
    """Whatever ends them, in both languages."""
    assert f"line {line}, b: " in refusal(text)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            gzip.compress(b"kind: node_upgrade", mtime=0),
            "compressed with gzip; decompress it first",
        ),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "an image, not a text"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF\x00", "an image, not a text"),
        (b"PK\x03\x04\x14\x00", "a zip archive or an office document, not a text"),
        (b"%PDF-1.7\n", "a formatted document, not a text; save it as plain text in UTF-8"),
        (b"{\\rtf1\\ansi}", "a formatted document, not a text; save it as plain text in UTF-8"),
        (b"<!DOCTYPE html>\n<html>", "an HTML page, such as the error page of a download"),
        ("kind: x".encode("utf-16-le"), "UTF-16; save it as UTF-8"),
        ("kind: x".encode("utf-16-be"), "UTF-16; save it as UTF-8"),
        ("kind: x".encode("utf-16"), "UTF-16; save it as UTF-8"),
        ("kind: x".encode("utf-32"), "UTF-16; save it as UTF-8"),
        ("名: x".encode("utf-16"), "UTF-16; save it as UTF-8"),
    ],
)
def test_a_file_that_is_no_text_is_reported_by_its_type(data: bytes, message: str) -> None:
    """Such as an image."""
    assert refusal(data) == message


@pytest.mark.parametrize(
    "text",
    [
        "kind: node_upgrade\nname: {{ name }}\n",
        "{%if x%}\nkind: node_upgrade\n{%endif%}\nname: a\n",
        '{"kind": "node_upgrade",\n"name": {{ name }}}',
        "{{ kind }}: x",
    ],
)
def test_a_template_is_reported_as_a_template(text: str) -> None:
    """A placeholder where the grammar breaks is not reported as wrong indentation."""
    assert "a template that was not rendered" in refusal(text)


@pytest.mark.parametrize(
    "rubbish", ["x\n", "{\n", "{}\n", "NaN\n", "[[[[\n", '"\n', "\x00\n", "]\n"]
)
def test_rubbish_after_a_good_line_costs_little(rubbish: str) -> None:
    """Limits hold while reading: little time, and memory below three times the input."""
    data = (b'{"a": 1}\n' + rubbish.encode() * 300_000)[: Limits().max_bytes]
    tracemalloc.start()
    began = time.process_time()
    refusal(data)
    spent, (_, peak) = time.process_time() - began, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert spent < 3
    assert peak < (60 if rubbish == "{}\n" else 3) * len(data)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 50_000, "- " * 100_000, "a: " + "[" * 9])
def test_deep_nesting_is_refused(text: str) -> None:
    """A bomb of brackets ends in a sentence."""
    assert "nested more than 8 levels deep" in refusal(text, Limits(max_depth=8))


@pytest.mark.parametrize(
    "text", ['{"a": [1, 2, 3]}', "a: [1, 2, 3]", '{"a": 1}\n{"b": 2}\n{"c": 3}']
)
def test_too_many_values_are_refused(text: str) -> None:
    """All documents of a file share one count."""
    assert "more than 4 values; split the file" in refusal(text, Limits(max_nodes=4))


def test_every_broken_json_line_is_reported() -> None:
    """One broken line does not hide the next."""
    assert refusal('{"a": 1,}\n{"b": 2}\n{"c": NaN}') == (
        "document 1, line 1: not JSON: expected a key in double quotes: "
        "JSON allows no comma before `}`\n"
        "document 3, line 3, c: NaN and Infinity are not JSON numbers"
    )


def test_a_fault_in_an_array_names_its_document() -> None:
    """A path never begins with the document's own index."""
    assert refusal('[{"a": 1},\n{"b": {"c": 1e999}}]').startswith("document 2, line 2, b.c: ")


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_read_or_refused(data: bytes) -> None:
    """Nothing but the one refusal is ever raised."""
    try:
        documents = read(data, Limits())
    except SpecRejectedError as error:
        assert error.problems  # noqa: PT017 - either outcome is right
    else:
        assert documents


@given(st.text(alphabet="[]{}:,-#&*!|>'\"\\ \n\t\x85\u2028%?ab1.eE0", max_size=60))
def test_arbitrary_punctuation_is_read_or_refused(text: str) -> None:
    """The characters that steer both grammars raise nothing else either."""
    try:
        documents = read(text.encode(), Limits())
    except SpecRejectedError as error:
        assert error.problems  # noqa: PT017 - either outcome is right
    else:
        assert documents
