"""Schedules and their next five ticks, each worked out on a calendar."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handler.local.triggers.schedule import Interval, Schedule, cron, every, parse_schedule, rate

WEDNESDAY = "2024-05-15T10:20:30Z"
BERLIN = "CRON_TZ=Europe/Berlin"
HOWE = "CRON_TZ=Australia/Lord_Howe"

TICKS = [
    # Rates and durations: elapsed time from the start.
    ("1m", WEDNESDAY, "10:21:30 10:22:30 10:23:30 10:24:30 10:25:30"),
    ("3m", WEDNESDAY, "10:23:30 10:26:30 10:29:30 10:32:30 10:35:30"),
    ("60m", WEDNESDAY, "11:20:30 12:20:30 13:20:30 14:20:30 15:20:30"),
    ("6h", WEDNESDAY, "16:20:30 22:20:30 05-16T04:20:30 05-16T10:20:30 05-16T16:20:30"),
    ("24h", WEDNESDAY, "16T10:20:30 17T10:20:30 18T10:20:30 19T10:20:30 20T10:20:30"),
    # Counted in hours: where clocks are put forward, it ticks an hour later by the clock.
    (
        "1d",
        "2024-03-30T02:30:00+01:00",
        "31T01:30:00 04-01T01:30 04-02T01:30 04-03T01:30 04-04T01:30",
    ),
    (
        "30d",
        WEDNESDAY,
        "06-14T10:20:30 07-14T10:20:30 08-13T10:20:30 09-12T10:20:30 10-12T10:20:30",
    ),
    ("@every 1h30m", WEDNESDAY, "11:50:30 13:20:30 14:50:30 16:20:30 17:50:30"),
    ("@every 1.5h", WEDNESDAY, "11:50:30 13:20:30 14:50:30 16:20:30 17:50:30"),
    ("@every 90s", WEDNESDAY, "10:22:00 10:23:30 10:25:00 10:26:30 10:28:00"),
    ("@every 1500ms", WEDNESDAY, "10:20:31 10:20:32 10:20:33 10:20:34 10:20:35"),
    ("@every 10ns", WEDNESDAY, "10:20:31 10:20:32 10:20:33 10:20:34 10:20:35"),
    ("@every 1m", "2024-05-15T10:20:30.750Z", "10:21:30 10:22:30 10:23:30 10:24:30 10:25:30"),
    ("CRON_TZ=Asia/Shanghai @every 30m", WEDNESDAY, "10:50:30 11:20:30 11:50:30 12:20:30 12:50:30"),
    ("@every 1h", "2024-10-27T01:30:00+02:00", "27T00:30 27T01:30 27T02:30 27T03:30 27T04:30"),
    # Seconds, minutes, hours.
    ("* * * * * *", WEDNESDAY, "10:20:31 10:20:32 10:20:33 10:20:34 10:20:35"),
    ("0 * * * * *", WEDNESDAY, "10:21 10:22 10:23 10:24 10:25"),
    ("0 * * * * *", "2024-05-15T10:20:59.999999Z", "10:21 10:22 10:23 10:24 10:25"),
    ("*/15 * * * * *", WEDNESDAY, "10:20:45 10:21:00 10:21:15 10:21:30 10:21:45"),
    ("5/20 * * * * *", WEDNESDAY, "10:20:45 10:21:05 10:21:25 10:21:45 10:22:05"),
    ("30 20 10 * * *", WEDNESDAY, "16T10:20:30 17T10:20:30 18T10:20:30 19T10:20:30 20T10:20:30"),
    ("0 0 2 * * *", WEDNESDAY, "16T02:00 17T02:00 18T02:00 19T02:00 20T02:00"),
    ("0 30 2 * * *", WEDNESDAY, "16T02:30 17T02:30 18T02:30 19T02:30 20T02:30"),
    ("0 15,45 * * * *", WEDNESDAY, "10:45 11:15 11:45 12:15 12:45"),
    ("0 10-12 8 * * *", WEDNESDAY, "16T08:10 16T08:11 16T08:12 17T08:10 17T08:11"),
    ("0 0-30/10 9 * * *", WEDNESDAY, "16T09:00 16T09:10 16T09:20 16T09:30 17T09:00"),
    ("0 0 */6 * * *", WEDNESDAY, "12:00 18:00 16T00:00 16T06:00 16T12:00"),
    ("0 0 22-23,0-1 * * *", WEDNESDAY, "22:00 23:00 16T00:00 16T01:00 16T22:00"),
    # Days of the month, months.
    ("0 0 0 1 * *", WEDNESDAY, "06-01T00:00 07-01T00:00 08-01T00:00 09-01T00:00 10-01T00:00"),
    ("0 0 0 31 * *", WEDNESDAY, "05-31T00:00 07-31T00:00 08-31T00:00 10-31T00:00 12-31T00:00"),
    (
        "0 0 12 29 2 *",
        WEDNESDAY,
        "2028-02-29T12:00 2032-02-29T12:00 2036-02-29T12:00 2040-02-29T12:00 2044-02-29T12:00",
    ),
    (
        "59 59 23 31 12 ?",
        WEDNESDAY,
        (
            "12-31T23:59:59 2025-12-31T23:59:59 2026-12-31T23:59:59 2027-12-31T23:59:59 "
            "2028-12-31T23:59:59"
        ),
    ),
    (
        "0 0 0 1 JAN,jul *",
        WEDNESDAY,
        "07-01T00:00 2025-01-01T00:00 2025-07-01T00:00 2026-01-01T00:00 2026-07-01T00:00",
    ),
    (
        "0 0 6 * 3-4 *",
        WEDNESDAY,
        "2025-03-01T06:00 2025-03-02T06:00 2025-03-03T06:00 2025-03-04T06:00 2025-03-05T06:00",
    ),
    (
        "0 0 6 1 */3 *",
        WEDNESDAY,
        "07-01T06:00 10-01T06:00 2025-01-01T06:00 2025-04-01T06:00 2025-07-01T06:00",
    ),
    # Days of the week; both day fields: either matches if both are restricted.
    ("0 0 2 * * MON-FRI", WEDNESDAY, "16T02:00 17T02:00 20T02:00 21T02:00 22T02:00"),
    ("0 0 2 ? * SUN", WEDNESDAY, "19T02:00 26T02:00 06-02T02:00 06-09T02:00 06-16T02:00"),
    ("0 0 2 * * 6,0", WEDNESDAY, "18T02:00 19T02:00 25T02:00 26T02:00 06-01T02:00"),
    ("0 0 3 1,15 * FRI", WEDNESDAY, "17T03:00 24T03:00 31T03:00 06-01T03:00 06-07T03:00"),
    ("0 0 3 13 * fri", WEDNESDAY, "17T03:00 24T03:00 31T03:00 06-07T03:00 06-13T03:00"),
    ("0 0 0 */10 * MON", WEDNESDAY, "20T00:00 21T00:00 27T00:00 31T00:00 06-01T00:00"),
    ("0 0 0 ? * */2", WEDNESDAY, "16T00:00 18T00:00 19T00:00 21T00:00 23T00:00"),
    ("0 0 0 1-31 * MON", WEDNESDAY, "16T00:00 17T00:00 18T00:00 19T00:00 20T00:00"),
    ("0 0 0 */1 * MON", WEDNESDAY, "20T00:00 27T00:00 06-03T00:00 06-10T00:00 06-17T00:00"),
    ("0 0 0 10,* * MON", WEDNESDAY, "20T00:00 27T00:00 06-03T00:00 06-10T00:00 06-17T00:00"),
    ("0 0 0 ? * ?", WEDNESDAY, "16T00:00 17T00:00 18T00:00 19T00:00 20T00:00"),
    # Zones: 02:00 in Shanghai is 18:00 the day before, 09:00 in a summer New York is 13:00.
    ("CRON_TZ=Asia/Shanghai 0 0 2 * * *", WEDNESDAY, "18:00 16T18:00 17T18:00 18T18:00 19T18:00"),
    (
        "CRON_TZ=America/New_York 0 0 9 * * 1-5",
        WEDNESDAY,
        "13:00 16T13:00 17T13:00 20T13:00 21T13:00",
    ),
    (
        "TZ=Asia/Kolkata 0 30 0 1 * *",
        WEDNESDAY,
        "31T19:00 06-30T19:00 07-31T19:00 08-31T19:00 09-30T19:00",
    ),
    # 31 March 2024 in Berlin: after 02:00+01:00 comes 03:00+02:00, so there is no 02:30.
    (
        f"{BERLIN} 0 30 2 * * *",
        "2024-03-29T12:00:00Z",
        "30T01:30 04-01T00:30 04-02T00:30 04-03T00:30 04-04T00:30",
    ),
    (
        f"{BERLIN} 0 0 3 * * *",
        "2024-03-29T12:00:00Z",
        "30T02:00 31T01:00 04-01T01:00 04-02T01:00 04-03T01:00",
    ),
    (
        f"{BERLIN} 0 0 * * * *",
        "2024-03-31T00:30:00+01:00",
        "31T00:00 31T01:00 31T02:00 31T03:00 31T04:00",
    ),
    # 27 October 2024 in Berlin: 02:30 is 00:30 UTC and, an hour later, 01:30 UTC.
    (
        f"{BERLIN} 0 30 2 * * *",
        "2024-10-25T12:00:00Z",
        "26T00:30 27T00:30 27T01:30 28T01:30 29T01:30",
    ),
    (
        f"{BERLIN} 0 */30 * * * *",
        "2024-10-27T02:15:00+02:00",
        "27T00:30 27T01:00 27T01:30 27T02:00 27T02:30",
    ),
    (
        f"{BERLIN} 0 45 2 * * *",
        "2024-10-27T02:50:00+02:00",
        "27T01:45 28T01:45 29T01:45 30T01:45 31T01:45",
    ),
    # New York, 10 March and 3 November 2024.
    (
        "CRON_TZ=America/New_York 0 15 2 * * *",
        "2024-03-08T12:00:00Z",
        "09T07:15 11T06:15 12T06:15 13T06:15 14T06:15",
    ),
    (
        "CRON_TZ=America/New_York 0 0 1 * * SUN",
        "2024-10-28T00:00:00Z",
        "11-03T05:00 11-03T06:00 11-10T06:00 11-17T06:00 11-24T06:00",
    ),
    # Cairo, 26 April 2024: the day begins at 01:00. Beirut, 31 March 2019: the same.
    (
        "CRON_TZ=Africa/Cairo 0 0 0 * * *",
        "2024-04-24T12:00:00Z",
        "24T22:00 26T21:00 27T21:00 28T21:00 29T21:00",
    ),
    (
        "CRON_TZ=Asia/Beirut 0 30 1 31 3 *",
        "2019-03-01T00:00:00Z",
        "03-30T22:30 2020-03-30T22:30 2021-03-30T22:30 2022-03-30T22:30 2023-03-30T22:30",
    ),
    # Lord Howe changes by half an hour: 7 April 2024 has 01:30 twice, 6 October no 02:15.
    (
        f"{HOWE} 0 30 1 * * *",
        "2024-04-05T12:00:00Z",
        "05T14:30 06T14:30 06T15:00 07T15:00 08T15:00",
    ),
    (
        f"{HOWE} 0 15 2 * * *",
        "2024-10-04T12:00:00Z",
        "04T15:45 06T15:15 07T15:15 08T15:15 09T15:15",
    ),
]

NOON = datetime(2026, 11, 23, 12, tzinfo=timezone.utc)

# Just before the first of January, a Sunday.
START = datetime(2023, 1, 1, tzinfo=timezone.utc) - timedelta(seconds=1)


def at(text: str) -> datetime:
    """Return an aware moment."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def five(schedule: Schedule, start: datetime) -> list[datetime]:
    """Return the next five ticks."""
    ticks = [start]
    for _ in range(5):
        ticks.append(schedule.after(ticks[-1]))
    return ticks[1:]


def expected(start: datetime, ticks: str) -> list[datetime]:
    """Return UTC times that are written without what they share with the start."""
    begin = start.astimezone(timezone.utc).date().isoformat()
    found = []
    for tick in ticks.split():
        day, _, time = tick.rpartition("T")
        date = begin[: 10 - len(day)] + day
        found.append(at(f"{date}T{time}{':00' if len(time) == 5 else ''}+00:00"))
    return found


@pytest.mark.parametrize(("text", "start", "ticks"), TICKS, ids=lambda value: value[:40])
def test_the_next_five_ticks(text: str, start: str, ticks: str) -> None:
    """Rates, durations and expressions, clocks put forward and back."""
    assert five(parse_schedule(text), at(start)) == expected(at(start), ticks)


def test_an_expression_without_a_zone_is_in_the_regions() -> None:
    """Which the caller names."""
    schedule = parse_schedule("0 0 2 * * *", ZoneInfo("Asia/Shanghai"))
    assert schedule.after(at(WEDNESDAY)) == at("2024-05-15T18:00:00Z")


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../etc/passwd", "Europe", "a\0b"])
def test_an_unknown_zone_is_refused(zone: str) -> None:
    """The message shows how one is written."""
    with pytest.raises(ValueError, match="Europe/Berlin"):
        parse_schedule(f"CRON_TZ={zone} 0 0 2 * * *")


@pytest.mark.parametrize("text", ["@daily", "@midnight", "@reboot", "@everyday", "@"])
def test_words_that_the_platform_does_not_document_are_refused(text: str) -> None:
    """Whether it takes them is not known."""
    with pytest.raises(ValueError, match="only @every is supported"):
        parse_schedule(text)


@given(st.text(max_size=30) | st.from_regex(r"(CRON_TZ=UTC )?(@every )?[0-9*,/ smhd-]{1,20}"))
def test_any_text_is_a_schedule_or_a_clear_error(text: str) -> None:
    """Nothing else is raised, and a schedule moves on."""
    try:
        schedule = parse_schedule(text)
    except ValueError:
        return
    assert schedule.after(at(WEDNESDAY)) > at(WEDNESDAY)


@pytest.mark.parametrize(
    ("text", "seconds"), [("1m", 60), ("60m", 3600), ("24h", 86_400), ("30d", 30 * 86_400)]
)
def test_a_rate_is_minutes_hours_or_days(text: str, seconds: int) -> None:
    """Up to the console's limits."""
    assert rate(text) == Interval(seconds)


@pytest.mark.parametrize("text", ["61m", "25h", "31d", "999d"])
def test_a_rate_beyond_the_limit_is_refused(text: str) -> None:
    """The message says from what to what."""
    with pytest.raises(ValueError, match=f"1{text[-1]} to "):
        rate(text)


@pytest.mark.parametrize("text", ["", "m", "0m", "01m", "5s", "5 m", "5M", "1h30m", "٣m"])
def test_other_text_is_no_rate(text: str) -> None:
    """It may be something else."""
    assert rate(text) is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1h30m", 5400),
        ("1.5h", 5400),
        (".5m", 30),
        ("1m1m", 120),
        ("2.h", 7200),
        ("1999ms", 1),
        ("1ns", 1),
        ("1500000µs", 1),
        ("2000000us", 2),
        ("8784h", 31_622_400),
    ],
)
def test_durations_are_gos(text: str, seconds: int) -> None:
    """Sums of decimal numbers with units; whole seconds are kept, at least one."""
    assert every(text) == Interval(seconds)


@pytest.mark.parametrize("text", ["", "1", "h", "-1h", "+1h", "1 h", "1d", "1h,", ".h", "1e3s"])
def test_an_invalid_duration_is_refused(text: str) -> None:
    """Days among it: Go has none."""
    with pytest.raises(ValueError, match="@every takes numbers with units"):
        every(text)


@pytest.mark.parametrize("text", ["0s", "0.0h", "8785h"])
def test_nothing_and_more_than_a_year_are_refused(text: str) -> None:
    """Both are mistakes."""
    with pytest.raises(ValueError, match="above zero and up to a year"):
        every(text)


def test_a_tick_has_the_zone_of_the_moment_it_was_asked_from() -> None:
    """Even where that zone's clock is put forward in between."""
    start = datetime(2024, 3, 31, 1, 30, tzinfo=ZoneInfo("Europe/Berlin"))
    assert Interval(3600).after(start).isoformat() == "2024-03-31T03:30:00+02:00"


@given(st.integers(1, 5000), st.integers(0, 100_000))
def test_the_latest_tick_is_the_last_one_that_counting_finds(seconds: int, slept: int) -> None:
    """However long the sleep was."""
    now = NOON + timedelta(seconds=slept)
    latest = Interval(seconds).latest(NOON, now)
    assert latest <= now < Interval(seconds).after(latest)
    assert (latest - NOON) % timedelta(seconds=seconds) == timedelta(0)


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
def test_an_invalid_second_is_refused(text: str) -> None:
    """The message says what it may be."""
    with pytest.raises(ValueError, match=r"not valid \(Bad second\): second and minute are 0-59"):
        cron(f"{text} * * * * *", timezone.utc)


@pytest.mark.parametrize(
    "text", ["7", "5-7", "L", "5L", "6#3", "monday", "jan", "L/2", "5L/2", "-", "/", "1/", "5,"]
)
def test_an_invalid_day_of_the_week_is_refused(text: str) -> None:
    """Sunday is 0 and never 7; there is no last or third Friday."""
    with pytest.raises(ValueError, match=r"\(Bad day-of-week\): .* day of week 0-6 or sun-sat"):
        cron(f"* * * * * {text}", timezone.utc)


@pytest.mark.parametrize("text", ["0", "32", "L", "15W", "LW", "1,L", "L/2", "3*/2", "1/2/3"])
def test_an_invalid_day_of_the_month_is_refused(text: str) -> None:
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
