"""An agency's keys as a function's process gets them, from an emulator that rotates them."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

import pytest

from handler.emulator.server import Emulator
from handler.errors import CredentialsError, SettingsError
from handler.local.runtime.agency_credentials import Agency, agency_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Answering = Callable[[int, bytes], str]

CANARY = "canary-sk-5d21"


class Hand:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.shows = 0.0

    def __call__(self) -> float:
        """Return the time in seconds."""
        return self.shows


@pytest.fixture
def clock() -> Hand:
    """The clock of the emulator and of the process."""
    return Hand()


@pytest.fixture
def cloud(clock: Hand) -> Iterator[Emulator]:
    """An emulator with other keys every ten seconds."""
    with Emulator(clock=clock, rotation=10) as running:
        yield running


def test_keys_are_kept_for_the_cache_period(cloud: Emulator, clock: Hand) -> None:
    """A rotation is seen only after it."""
    agency = Agency(cloud.agency_url, clock, 25)
    first = agency.keys()
    clock.shows = 24.9
    assert agency.keys() == first
    clock.shows = 25.0
    assert agency.keys().token != first.token


def test_kept_keys_need_nobody_to_answer(clock: Hand) -> None:
    """The agency is asked at most once in a period."""
    with Emulator(clock=clock) as cloud:
        agency = Agency(cloud.agency_url, clock, 25)
        first = agency.keys()
    assert agency.keys() == first


def test_where_nobody_answers_it_is_said_what_to_do(clock: Hand) -> None:
    """The emulator may have ended."""
    with Emulator(clock=clock) as cloud:
        url = cloud.agency_url
    with pytest.raises(CredentialsError, match="cannot fetch keys from DESK_AGENCY"):
        Agency(url, clock).keys()


@pytest.mark.parametrize("page", ["state?only=jobs", "nothing"])
def test_an_answer_without_keys_is_an_error(cloud: Emulator, clock: Hand, page: str) -> None:
    """Another page of the emulator, or none."""
    with pytest.raises(CredentialsError, match="cannot fetch keys"):
        Agency(f"{cloud.url}/_emulator/{page}", clock).keys()


def test_a_broken_answer_is_not_told(cloud: Emulator, clock: Hand) -> None:
    """Not even in the trace: half of it may be keys."""
    cloud.state.denied.clear()
    with pytest.raises(CredentialsError) as caught:
        Agency(f"{cloud.url}/{CANARY}", clock).keys()
    assert CANARY not in "".join(traceback.format_exception(caught.value))


def test_without_desk_agency_there_is_none(clock: Hand) -> None:
    """An empty one counts as none."""
    assert agency_of({}, clock) is None
    assert agency_of({"DESK_AGENCY": "", "DESK_AGENCY_CACHE": "1"}, clock) is None


def test_keys_are_kept_for_ten_minutes_by_default(clock: Hand) -> None:
    """As the platform does."""
    with Emulator(clock=clock, rotation=300) as cloud:
        agency = agency_of({"DESK_AGENCY": cloud.agency_url}, clock)
        assert agency
        first = agency.keys()
        clock.shows = 599.0
        assert agency.keys() == first
        clock.shows = 600.0
        assert agency.keys() != first


@pytest.mark.parametrize("text", ["soon", "-1", "nan", "inf"])
def test_a_cache_period_that_is_no_number_of_seconds_is_an_error(text: str, clock: Hand) -> None:
    """It is named, with what would be right."""
    with pytest.raises(SettingsError, match="DESK_AGENCY_CACHE must be a number of seconds"):
        agency_of({"DESK_AGENCY": "http://127.0.0.1:1/", "DESK_AGENCY_CACHE": text}, clock)


def test_keys_show_nothing_of_themselves(cloud: Emulator, clock: Hand) -> None:
    """Their text may end up in a log."""
    keys = Agency(cloud.agency_url, clock).keys()
    assert keys.access_key
    assert repr(keys) == "Keys()"
