"""What is over and done with: tables, and the directory of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handler.audit.objects.archive import Directory, Run, packed, runs_in, table_of, unpacked

if TYPE_CHECKING:
    from handler.audit.objects.archive import Kind

KEYS = st.text(max_size=6)
TABLES = st.dictionaries(st.integers(1, 2**24 - 1), st.sets(KEYS, max_size=4), max_size=6)


def run(*keys: str, kind: Kind = "job") -> Run:
    """Return a run that is found by some keys."""
    return Run([keys[0] if keys else ""], [], frozenset((kind, key) for key in keys))


@given(TABLES, KEYS)
def test_everything_is_found_where_it_is(tables: dict[int, set[str]], strange: str) -> None:
    """The newest table first, and what is nowhere almost never anywhere."""
    directory = Directory()
    for number, keys in tables.items():
        directory = directory.with_table(number, [run(*keys)])
    for key in {strange, *(key for keys in tables.values() for key in keys)}:
        expected = sorted((n for n, keys in tables.items() if key in keys), reverse=True)
        assert directory.find("job", key) == expected
        assert directory.find("delivery", key) == []


def test_a_name_costs_eight_bytes() -> None:
    """However long it is; the same name of several runs in a table once."""
    runs = [run("k" * 52, "same"), run("l" * 52, "same")]
    assert len(Directory().with_table(7, runs).entries) == 3 * 8


def test_a_table_is_what_was_put_into_it() -> None:
    """Whatever the order of the names; the same runs give the same bytes."""
    runs = [Run(["d", 1], [["j", "d", ""]], frozenset({("job", "j"), ("delivery", "d")}))]
    again = [Run(["d", 1], [["j", "d", ""]], frozenset({("delivery", "d"), ("job", "j")}))]
    assert runs_in(table_of(runs)) == runs
    assert table_of(runs) == table_of(again)


@pytest.mark.parametrize("data", [b"", b"{}", packed([1])[:-3]])
def test_what_is_not_packed_is_a_value_error(data: bytes) -> None:
    """Whatever is wrong with it."""
    with pytest.raises(ValueError, match="packed"):
        unpacked(data)
