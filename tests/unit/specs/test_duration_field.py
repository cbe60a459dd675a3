"""A duration as a field of a job spec."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from handler.specs.field_types import Duration

FIELD: TypeAdapter[str] = TypeAdapter(Duration)


def test_a_duration_stays_as_it_was_written() -> None:
    """It is checked, not changed."""
    assert FIELD.validate_python("90m") == "90m"


@pytest.mark.parametrize("text", ["6", "6H", "31d", "secret"])
def test_anything_else_is_refused_without_being_repeated(text: str) -> None:
    """The sentence is what the reader of a result file sees."""
    with pytest.raises(ValidationError) as caught:
        FIELD.validate_python(text)
    assert text not in caught.value.errors()[0]["msg"].split("such as")[0]


@pytest.mark.parametrize("number", [3600, 1.5])
def test_a_number_without_its_unit_is_refused_with_what_is_wanted(number: float) -> None:
    """Quotes around it would not help."""
    with pytest.raises(ValidationError) as caught:
        FIELD.validate_python(number)
    assert caught.value.errors()[0]["msg"].startswith("must be a number and m, h or d, such as")


def test_the_schema_shows_what_a_duration_looks_like() -> None:
    """For editors that check while one types."""
    assert FIELD.json_schema()["pattern"].startswith("^([1-9]")
