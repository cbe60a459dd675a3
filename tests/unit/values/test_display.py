"""Foreign text made safe to show."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handler.values.display import display, quantity


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("drop/camera 1.yaml", "drop/camera 1.yaml"),
        ("drop/カメラ-é-🎥.yaml", "drop/カメラ-é-🎥.yaml"),
        (r"C:\drop\a.yaml", r"C:\drop\a.yaml"),
        ("[bold]a[/bold].yaml", "[bold]a[/bold].yaml"),
        ("a\nb\r\tc", r"a\nb\r\tc"),
        ("\x1b[2Ja\x07\x9b1m", r"\x1b[2Ja\x07\x9b1m"),
        ("evil\u202elmay.exe", r"evil\u202elmay.exe"),
        ("\u2066a\u2069\u200f", r"\u2066a\u2069\u200f"),
        ("a\u200bb\u200dc\u2060d\ufeff", r"a\u200bb\u200dc\u2060d\ufeff"),
        ("a\u2028b\u2029c\x85d", r"a\u2028b\u2029c\x85d"),
        ("a\u00a0b\u3000c\u00add", r"a\xa0b\u3000c\xadd"),
        ("a\u3164b\u2800c\ufe0fd\u034f", r"a\u3164b\u2800c\ufe0fd\u034f"),
        ("tag\U000e0041\U000e0100", r"tag\U000e0041\U000e0100"),
        ("half\ud800", r"half\ud800"),
        ("nul\x00del\x7f", r"nul\x00del\x7f"),
    ],
)
def test_invisible_characters_are_spelt_out_and_the_rest_stays(text: str, expected: str) -> None:
    """Letters of every script, signs and emoji are shown as they are."""
    assert display(text) == expected


def test_a_long_text_is_cut_with_an_ellipsis() -> None:
    """The ellipsis counts."""
    assert display("a" * 201) == "a" * 199 + "…"
    assert display("a" * 200) == "a" * 200
    assert display("abcdef", longest=4) == "abc…"
    assert display("abcdef", longest=1) == "…"


def test_an_escape_is_never_cut_in_the_middle() -> None:
    """Half of one would read as something else."""
    assert display("ab\u202ecd", longest=7) == "ab…"
    assert display("ab\u202ec", longest=9) == r"ab\u202ec"


def test_a_text_of_megabytes_takes_no_longer_than_a_short_one() -> None:
    """Only its beginning is looked at."""
    began = time.process_time()
    assert display("\u202e" * 20_000_000).endswith("…")
    assert time.process_time() - began < 1


@given(st.text(alphabet=st.characters(), max_size=80), st.integers(1, 300))
def test_any_text_becomes_a_printable_line_of_bounded_length(text: str, longest: int) -> None:
    """And it can be encoded, and showing it twice changes nothing."""
    shown = display(text, longest=longest)
    assert shown.isprintable()
    assert len(shown) <= longest
    assert len(shown.splitlines()) <= 1
    shown.encode()
    assert display(shown, longest=longest) == shown


@pytest.mark.parametrize(
    ("number", "noun", "text"),
    [(1, "job", "1 job"), (2, "job", "2 jobs"), (0, "delivery", "0 deliveries"),
     (1, "delivery", "1 delivery"), (2, "day", "2 days")],
)  # fmt: skip
def test_a_quantity_is_in_the_singular_or_the_plural(number: int, noun: str, text: str) -> None:
    """By its number."""
    assert quantity(number, noun) == text
