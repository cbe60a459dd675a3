"""Each answer of a misbehaving server ends in one of our errors, in time, and creates no job."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.hostile.answers import answers_ief, answers_obs
from tests.hostile.answers.answers import HostileAnswer, serving
from tests.hostile.answers.answers_http import CUT, FLOODS, HTTP, LENGTHS, LINES, SLOW
from tests.hostile.asking import asked
from tests.hostile.limits import assert_within_limits, run_limited

if TYPE_CHECKING:
    from collections.abc import Mapping

    Group = Mapping[str, HostileAnswer]

EVERY = {
    "create": answers_ief.CREATED,
    "list": answers_ief.LISTED,
    "show": answers_ief.SHOWN,
    "read": answers_obs.READ,
    "append": answers_obs.APPENDED,
    "bucket": answers_obs.LISTED,
}


def answers(operation: str, group: Group) -> dict[str, tuple[str, str]]:
    """Give a group of answers to an operation, and check the limits for the group as a whole."""
    with ExitStack() as stack:
        urls = {name: stack.enter_context(serving(answer)) for name, answer in group.items()}
        outcome = run_limited(asked, operation, urls)
    assert_within_limits(outcome)
    found: dict[str, tuple[str, str]] = outcome.value
    assert all(text.isprintable() for _, text in found.values())
    assert all(len(text) < 600 for kind, text in found.values() if kind == "error")
    return found


def by(size: int, group: Group) -> list[dict[str, HostileAnswer]]:
    """Cut a group into smaller ones."""
    names = list(group)
    return [
        {name: group[name] for name in names[at : at + size]} for at in range(0, len(names), size)
    ]


@pytest.mark.parametrize(
    "group", [SLOW, *by(5, FLOODS), CUT, LENGTHS, LINES], ids=lambda group: next(iter(group))
)
@pytest.mark.parametrize("operation", ["create", "bucket"])
def test_an_answer_that_is_not_proper_http_is_rejected(operation: str, group: Group) -> None:
    """However slow, fast, long or strange it is: nothing is taken for created, or for listed."""
    assert {kind for kind, _ in answers(operation, group).values()} == {"error"}


@pytest.mark.parametrize(
    ("operation", "group"),
    [
        (operation, group)
        for operation, every in EVERY.items()
        for group in by({"bucket": 1, "list": 4}.get(operation, 12), every)
    ],
    ids=lambda value: value if isinstance(value, str) else next(iter(value)),
)
def test_an_ambiguous_answer_is_rejected(operation: str, group: Group) -> None:
    """Only what clearly says so is a new job, a list, an object."""
    found = answers(operation, group)
    believed = {name for name, (kind, _) in found.items() if kind == "value"}
    assert believed == {name for name, answer in group.items() if answer.readable}


def test_the_corpus_has_the_stated_size() -> None:
    """At least 120, each with one line that says what it attacks."""
    every = [*HTTP.values(), *(one for group in EVERY.values() for one in group.values())]
    assert len(every) >= 120
    assert all(answer.attacks and "\n" not in answer.attacks for answer in every)
