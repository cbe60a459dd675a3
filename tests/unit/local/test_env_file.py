"""Files of NAME=value lines."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handler.errors import SettingsError
from handler.local.env_file import parse_env, read_env_file

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"A=1", "1"),
        (b"\xef\xbb\xbfA=1\r\n", "1"),
        (b"export A=1", "1"),
        (b"  A=1  ", "1"),
        (b"A='one two # three'  # a comment", "one two # three"),
        (b'A="it\'s"', "it's"),
        (b"A=", ""),
        (b"A=''", ""),
        (b"A=postgresql://me@host/db?a=b&c=d#e", "postgresql://me@host/db?a=b&c=d#e"),
        (b"# a comment\n\n \t\nA=1", "1"),
    ],
)
def test_syntax_that_every_reader_agrees_on_is_read(text: bytes, value: str) -> None:
    """A byte-order mark, CRLF, `export` and whole quotes change nothing."""
    assert parse_env(text, "f.env") == {"A": value}


@pytest.mark.parametrize(
    "line",
    ["A = 1", "A", "1A=1", "A=one two", "A=1 # why", "A=it's", "A='x", 'A="$HOME"', "A=a\\b",
     "A='x'y", "A=x\x00", "A=\u202ex", "set A=1", "A: 1"],
)  # fmt: skip
def test_ambiguous_syntax_is_refused_with_its_line(line: str) -> None:
    """No line is passed over, and no value is repeated."""
    with pytest.raises(SettingsError) as refused:
        parse_env(f"FIRST=1\n{line}\n".encode(), "f.env")
    assert re.match(r"f\.env, line 2: (has|must be) ", str(refused.value))


def test_every_wrong_line_is_named_at_once() -> None:
    """A name that is set twice is one of them."""
    with pytest.raises(SettingsError) as refused:
        parse_env(b"A=1\nA=2\nB = 3", "f.env")
    assert str(refused.value).split("\n") == [
        "f.env, line 2: sets A a second time",
        "f.env, line 3: must be NAME=value, without blanks around the =",
    ]


def test_another_encoding_is_reported(tmp_path: Path) -> None:
    """UTF-16, as some editors save it."""
    file = tmp_path / "f.env"
    file.write_bytes("A=1".encode("utf-16"))
    with pytest.raises(SettingsError, match="is not UTF-8 text; save it as UTF-8"):
        read_env_file(file)


def test_a_missing_or_endless_file_is_reported(tmp_path: Path) -> None:
    """Neither a traceback nor all of the memory."""
    with pytest.raises(SettingsError, match=r"cannot read .*: No such file"):
        read_env_file(tmp_path / "none")
    with (tmp_path / "big").open("wb") as file:
        file.truncate(3 * 2**30)
    with pytest.raises(SettingsError, match="the limit of a settings file"):
        read_env_file(tmp_path / "big")


@given(st.binary())
def test_nothing_but_a_settings_error_is_raised(data: bytes) -> None:
    """Whatever the bytes are."""
    try:
        found = parse_env(data, "f.env")
    except SettingsError:
        return
    assert all(value.isprintable() for value in found.values())
