"""Hostile files: each is answered in time and little memory, without a traceback, without a job."""

from __future__ import annotations

from collections import Counter

import pytest

from handler.parsing import Limits
from handler.settings import Settings
from tests.hostile.answers.answering import answers_to_files
from tests.hostile.files import FILES
from tests.hostile.limits import MOST_MEGABYTES, MOST_SECONDS, assert_within_limits, run_limited

LONGEST_ANSWER = 32_768
"""Characters of all errors of one file together."""

_AT_ONCE = 15
_MOST: int = Settings.model_json_schema()["properties"]["max_spec_bytes"]["maximum"]
_UPGRADE = b"kind: node_upgrade\nname: a\ntargets: {nodes: [n]}\n"

LARGEST = {
    "comments": _UPGRADE + "# \U0001f600\n".encode() + b"# a comment\n" * (_MOST // 12 - 10),
    "one text": b"x: '\xf0\x9f\x98\x80" + b"x" * (_MOST - 30) + b"'",
    "lines": (b'{"a": 1}\n' + b"x\n" * _MOST)[:_MOST],
    "values": (b"a: [" + b"1, " * _MOST)[:_MOST],
    "brackets": b"[" * _MOST,
}
"""Files as large as the setting can allow, one character in them of four bytes."""


def test_the_corpus_is_large_and_says_what_each_file_attacks() -> None:
    """At least 150 files, each with a name of its own and a reason."""
    assert len(FILES) >= 150
    names = Counter(file.name for file in FILES)
    assert [name for name, times in names.items() if times > 1] == []
    assert all(file.attacks for file in FILES)


@pytest.mark.parametrize("first", range(0, len(FILES), _AT_ONCE))
def test_a_hostile_file_orders_nothing(first: int) -> None:
    """It is refused with sentences that a person can read, whatever it is."""
    files = FILES[first : first + _AT_ONCE]
    outcome = run_limited(answers_to_files, [file.data for file in files], Limits().max_bytes)
    assert not outcome.error, outcome.trace
    assert outcome.megabytes <= MOST_MEGABYTES
    for file, answer in zip(files, outcome.value, strict=True):
        assert not answer.trace, (file.name, answer.trace)
        assert answer.seconds <= MOST_SECONDS, file.name
        assert bool(answer.jobs) == file.legal, (file.name, answer.problems)
        assert answer.problems or file.legal, file.name
        assert len(answer.problems) <= 101, file.name
        assert len("\n".join(answer.problems)) <= LONGEST_ANSWER, file.name
        assert "".join(answer.problems).isprintable(), file.name


@pytest.mark.parametrize("name", LARGEST)
def test_the_largest_file_that_can_be_allowed_is_read_in_little_memory(name: str) -> None:
    """The setting's maximum is what works in a function of 128 MB."""
    outcome = run_limited(answers_to_files, [LARGEST[name]], _MOST)
    assert_within_limits(outcome)
    (answer,) = outcome.value
    assert not answer.trace
    assert bool(answer.jobs) == (name == "comments")
