"""The fields of an expression."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handler.local.triggers.cron_field import FIELDS, Field

SECOND, MINUTE, HOUR, DAY, MONTH, WEEKDAY = FIELDS


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("*", "*"),
        ("*/1", "*"),
        ("5,*", "*"),
        ("7", "7"),
        ("07", "7"),
        ("50/5", "50,55"),
        ("1-5", "1,2,3,4,5"),
        ("1-9/4,0", "0,1,5,9"),
        ("3,3,1", "1,3"),
        ("*/30", "0,30"),
    ],
)
def test_a_field_becomes_a_list_unless_it_is_unrestricted(text: str, read: str) -> None:
    """Ranges, steps and lists are written out in order."""
    assert SECOND.read(text) == read


def test_names_are_read_in_any_case() -> None:
    """Of months and of days; the week begins with Sunday, as 0."""
    assert MONTH.read("jan,FEB-Apr") == "1,2,3,4"
    assert WEEKDAY.read("Sun,thu-SAT") == "0,4,5,6"


def test_a_question_mark_is_a_star_for_days() -> None:
    """With a step it restricts, as a star does."""
    assert (DAY.read("?"), WEEKDAY.read("?"), WEEKDAY.read("?/3")) == ("*", "*", "0,3,6")


@pytest.mark.parametrize("field", [SECOND, MINUTE, HOUR, MONTH])
def test_a_question_mark_is_refused_elsewhere(field: Field) -> None:
    """FunctionGraph documents it for the two day fields."""
    with pytest.raises(ValueError, match="only the two day fields may"):
        field.read("?")


@pytest.mark.parametrize(
    "text", ["60", "-1", "+1", "1,,2", "", "a", "mon", "1-2-3", "*-5", "1/2/3"]
)
def test_what_is_no_second_is_refused(text: str) -> None:
    """The message says what it may be."""
    with pytest.raises(ValueError, match=r"^the second must be 0 to 59, a range, \* or a step"):
        SECOND.read(text)


@pytest.mark.parametrize("text", ["7", "L", "5L", "6#3", "monday", "jan"])
def test_what_is_no_day_of_the_week_is_refused(text: str) -> None:
    """Sunday is 0 and never 7; there is no last or third Friday."""
    with pytest.raises(ValueError, match="the day of week must be 0 to 6 or a name such as sun"):
        WEEKDAY.read(text)


@pytest.mark.parametrize("text", ["0", "32", "L", "15W", "LW"])
def test_what_is_no_day_of_the_month_is_refused(text: str) -> None:
    """Last days and working days are Quartz's."""
    with pytest.raises(ValueError, match="the day of month must be 1 to 31"):
        DAY.read(text)


def test_a_step_of_zero_is_refused() -> None:
    """It would never arrive."""
    with pytest.raises(ValueError, match="step of 0"):
        HOUR.read("*/0")


def test_a_range_that_runs_backwards_is_refused() -> None:
    """Nights are two ranges: 22-23,0-5."""
    with pytest.raises(ValueError, match="ends before it begins"):
        HOUR.read("22-5")


@given(st.text(max_size=12))
def test_any_text_is_a_field_or_a_clear_error(text: str) -> None:
    """Nothing else is raised."""
    for field in FIELDS:
        try:
            assert set(field.read(text)) <= set("*,0123456789")
        except ValueError as error:
            assert str(error).startswith(f"the {field.name} ")  # noqa: PT017 - both ends are right
