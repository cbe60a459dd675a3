"""Rules: limits on texts, each with its sentence."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from handler.specs.rules import Name, TextRule

CHECK = TypeAdapter(Name)


def message(rule: TextRule, text: str) -> str:
    """Return the sentence about a text that breaks a rule."""
    with pytest.raises(PydanticCustomError) as caught:
        rule.check(text)
    return str(caught.value)


def test_a_text_that_is_too_long_is_counted() -> None:
    """The sentence has both numbers."""
    assert message(TextRule(26), "a" * 31) == "31 characters, the API allows 26"


def test_an_empty_text_is_called_empty() -> None:
    """No alphabet is explained to somebody who wrote nothing."""
    assert message(TextRule(26, "[a-z]+", "only letters"), "") == "is empty"


def test_a_text_can_be_wrong_in_two_ways_at_once() -> None:
    """Both are said together."""
    assert message(TextRule(2, "[a-z]+", "only letters"), "123") == (
        "3 characters, the API allows 2; only letters"
    )


@pytest.mark.parametrize("name", ["a", "0", "a-b", "a--b", "n" * 26])
def test_the_names_of_the_apis_pattern_pass(name: str) -> None:
    """The rule is `[a-z0-9]([a-z0-9-]{0,24}[a-z0-9])?`."""
    assert CHECK.validate_python(name) == name


@pytest.mark.parametrize("name", ["", "-a", "a-", "-", "A", "a_b", "a b", "ä", "a\n", "n" * 27])
def test_other_names_do_not(name: str) -> None:
    """A trailing newline is part of the name, too."""
    with pytest.raises(ValidationError):
        CHECK.validate_python(name)


def test_the_schema_says_what_the_rule_checks() -> None:
    """Editors learn the same limits."""
    assert CHECK.json_schema() == {
        "type": "string",
        "minLength": 1,
        "maxLength": 26,
        "pattern": "^(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)$",
    }
