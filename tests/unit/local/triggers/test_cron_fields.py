"""What each field of a cron expression may be, seen by when it ticks."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handler.local.triggers.cron import cron

# Just before the first of January, a Sunday.
START = datetime(2023, 1, 1, tzinfo=timezone.utc) - timedelta(seconds=1)


def ticks(expression: str, days: float) -> list[datetime]:
    """Return the ticks of the first days of 2023."""
    schedule, found = cron(expression, timezone.utc), [START]
    while (tick := schedule.after(found[-1])) <= START + timedelta(days=days):
        found.append(tick)
    return found[1:]


def seconds(field: str) -> list[int]:
    """Return the seconds of a minute that a field of seconds names."""
    return [tick.second for tick in ticks(f"{field} * * * * *", 1 / 1440)]


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("*", [*range(60)]),
        ("*/1", [*range(60)]),
        ("5,*", [*range(60)]),
        ("7", [7]),
        ("07", [7]),
        ("50/5", [50, 55]),
        ("1-5", [1, 2, 3, 4, 5]),
        ("1-9/4,0", [0, 1, 5, 9]),
        ("3,3,1", [1, 3]),
        ("*/30", [0, 30]),
    ],
)
def test_a_field_is_a_list_of_numbers_ranges_and_steps(text: str, read: list[int]) -> None:
    """A step without an end goes to the end of the field."""
    assert seconds(text) == read


def test_names_are_read_in_any_case() -> None:
    """Of months and of days; the week begins with Sunday, as 0."""
    assert [t.month for t in ticks("0 0 0 1 jan,FEB-Apr *", 365)] == [1, 2, 3, 4]
    assert [t.day for t in ticks("0 0 0 * * Sun,thu-SAT", 7)] == [1, 5, 6, 7]


def test_a_question_mark_is_a_star_for_days() -> None:
    """With a step it restricts, as a star does."""
    assert len(ticks("0 0 0 ? * ?", 31)) == 31
    assert [t.day for t in ticks("0 0 0 ? * ?/3", 7)] == [1, 4, 7]
    assert [t.day for t in ticks("0 0 0 ?/10 * ?", 31)] == [1, 11, 21, 31]


@pytest.mark.parametrize(
    ("text", "days"),
    [("1/2", [2, 4, 6]), ("MON/3", [2, 5]), ("sat/1", [7]), ("2/1", [3, 4, 5, 6, 7])],
)
def test_a_step_of_weekdays_ends_on_saturday(text: str, days: list[int]) -> None:
    """It never reaches Sunday as a seventh day."""
    assert [t.day for t in ticks(f"0 0 0 * * {text}", 7)] == days


@pytest.mark.parametrize(
    "expression", ["? * * * * *", "0 ? * * * *", "0 0 ? * * *", "0 0 0 * ? *", "0 0 */2? * * *"]
)
def test_a_question_mark_is_refused_elsewhere(expression: str) -> None:
    """FunctionGraph documents it for the two day fields."""
    with pytest.raises(ValueError, match="only the two day fields may"):
        cron(expression, timezone.utc)


@pytest.mark.parametrize("text", ["60", "-1", "+1", "1,,2", "a", "mon", "1-2-3", "*-5", "1/2/3"])
def test_what_is_no_second_is_refused(text: str) -> None:
    """The message says what it may be."""
    with pytest.raises(ValueError, match=r"not valid \(Bad second\): second and minute are 0-59"):
        cron(f"{text} * * * * *", timezone.utc)


@pytest.mark.parametrize(
    "text", ["7", "5-7", "L", "5L", "6#3", "monday", "jan", "L/2", "5L/2", "-", "/", "1/", "5,"]
)
def test_what_is_no_day_of_the_week_is_refused(text: str) -> None:
    """Sunday is 0 and never 7; there is no last or third Friday."""
    with pytest.raises(ValueError, match=r"\(Bad day-of-week\): .* day of week 0-6 or sun-sat"):
        cron(f"* * * * * {text}", timezone.utc)


@pytest.mark.parametrize("text", ["0", "32", "L", "15W", "LW", "1,L", "L/2", "3*/2", "1/2/3"])
def test_what_is_no_day_of_the_month_is_refused(text: str) -> None:
    """Last days and working days are Quartz's."""
    with pytest.raises(ValueError, match=r"\(Bad day-of-month\): .* day of month 1-31"):
        cron(f"* * * {text} * *", timezone.utc)


@pytest.mark.parametrize("expression", ["0 0 */0 * * *", "0 0 0 */0 * *", "0 0 0 * * 1/0"])
def test_a_step_of_zero_is_refused(expression: str) -> None:
    """It would never advance."""
    with pytest.raises(ValueError, match="a step is at least 1"):
        cron(expression, timezone.utc)


def test_a_range_that_runs_backwards_is_refused() -> None:
    """Nights are two ranges: 22-23,0-5."""
    with pytest.raises(ValueError, match=r"\(Bad hour\): .* does not end before it begins"):
        cron("0 0 22-5 * * *", timezone.utc)


@given(st.text(min_size=1, max_size=12), st.integers(0, 5))
def test_any_text_is_a_field_or_a_clear_error(text: str, place: int) -> None:
    """Nothing else is raised."""
    fields = ["*"] * 6
    fields[place] = text
    try:
        assert cron(" ".join(fields), timezone.utc).after(START) > START
    except ValueError as error:
        assert str(error).startswith(  # noqa: PT017 - both ends are right
            ("the cron expression is not valid (Bad ", "a cron expression has six fields")
        )
