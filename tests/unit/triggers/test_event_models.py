"""Messages of triggers: their fields, and errors in them."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from handler.parsing.validation_errors import json_problems
from handler.triggers.event_models import EventEntry


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ({"eventName": "canary" * 30}, "Records[0].eventName: must be at most 128 characters"),
        ({"eventName": ""}, "Records[0].eventName: must not be empty"),
        ({"eventName": "a", "obs": "canary"}, "Records[0].obs: must be an object"),
        ({"eventName": "a", "obs": {"object": {"key": "k"}}}, "Records[0].obs.bucket: missing"),
    ],
)
def test_a_problem_names_its_place_and_echoes_nothing(entry: Any, sentence: str) -> None:  # noqa: ANN401 - any JSON
    """The sentence is our own, the value stays out of it."""
    with pytest.raises(ValidationError) as caught:
        EventEntry.model_validate(entry)
    assert [str(problem) for problem in json_problems(caught.value, ("Records", 0))] == [sentence]


@pytest.mark.parametrize("size", [-1, 2**53, True, 1.5, "914"])
def test_a_size_that_is_no_number_of_bytes_is_dropped(size: Any) -> None:  # noqa: ANN401 - any JSON
    """It is only recorded; what has no canonical form would break the record."""
    content = {"bucket": {"name": "b"}, "object": {"key": "k", "size": size}}
    entry = EventEntry.model_validate({"eventName": "a", "obs": content})
    assert entry.obs is not None
    assert entry.obs.stored.size is None


def test_an_etag_far_too_long_is_dropped() -> None:
    """Records stay small, whatever an event holds."""
    content = {"bucket": {"name": "b"}, "object": {"key": "k", "eTag": "e" * 257}}
    entry = EventEntry.model_validate({"eventName": "a", "obs": content})
    assert entry.obs is not None
    assert entry.obs.stored.etag is None
