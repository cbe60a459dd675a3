"""Hostile files: each is answered in time and little memory, without a traceback, without a job."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.hostile.answering import answers_to_files
from tests.hostile.files import FILES
from tests.hostile.limits import MOST_MEGABYTES, MOST_SECONDS, run_limited

LONGEST_ANSWER = 32_768
"""Characters of all errors of one file together."""

_AT_ONCE = 15


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
    outcome = run_limited(answers_to_files, [file.data for file in files])
    assert not outcome.error, outcome.trace
    assert outcome.megabytes <= MOST_MEGABYTES
    for file, answer in zip(files, outcome.value, strict=True):
        assert not answer.trace, (file.name, answer.trace)
        assert answer.seconds <= MOST_SECONDS, file.name
        assert bool(answer.jobs) == file.legal, (file.name, answer.said)
        assert answer.said or file.legal, file.name
        assert len(answer.said) <= 101, file.name
        assert len("\n".join(answer.said)) <= LONGEST_ANSWER, file.name
        assert "".join(answer.said).isprintable(), file.name
