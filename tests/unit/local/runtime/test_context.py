"""The context of a local run."""

from __future__ import annotations

import logging
import traceback
from typing import TYPE_CHECKING

import pytest

from handler.emulator.server import Emulator
from handler.errors import CredentialsError, SettingsError
from handler.local.runtime.context import Agency, Context, agency_of
from handler.runtime.deadline import ASSUMED_SECONDS, deadline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Answering = Callable[[int, bytes], str]

ENVIRONMENT = {
    "HUAWEICLOUD_SDK_AK": "canary-ak",
    "HUAWEICLOUD_SDK_SK": "canary-sk",
    "HUAWEICLOUD_SDK_SECURITY_TOKEN": "canary-token",
    "HUAWEICLOUD_SDK_PROJECT_ID": "project",
    "RUNTIME_TIMEOUT": "30",
}

CANARY = "canary-sk-5d21"


def context(environ: dict[str, str], *times: float) -> Context:
    """Return a context whose clock shows these times, one after the other."""
    clock = iter(times or (0.0,))
    return Context.from_environment(environ, "request-1", lambda: next(clock))


def test_the_environment_gives_credentials_and_project() -> None:
    """The SDK's own names are used."""
    made = context(ENVIRONMENT)
    assert made.getSecurityAccessKey() == "canary-ak"
    assert made.getSecuritySecretKey() == "canary-sk"
    assert made.getSecurityToken() == "canary-token"
    assert made.getProjectID() == "project"
    assert made.getRequestID() == "request-1"


def test_deprecated_methods_answer_nothing() -> None:
    """Code that still calls them fails locally already."""
    made = context(ENVIRONMENT)
    assert (made.getAccessKey(), made.getSecretKey()) == ("", "")


def test_with_an_agency_the_keys_are_its_own(emulator: Emulator) -> None:
    """Those of the environment do not count then."""
    made = context({**ENVIRONMENT, "DESK_AGENCY": emulator.agency_url}, 0.0, 0.0)
    account = emulator.account
    assert "canary" not in f"{made.getSecurityAccessKey()} {made.getSecuritySecretKey()}"
    assert made.getSecurityAccessKey() not in {"", account.access_key}
    assert made.getSecuritySecretKey() not in {"", account.secret_key}
    assert made.getSecurityToken() not in {"", "canary-token"}


def test_an_invocation_keeps_its_keys_when_the_agency_has_others() -> None:
    """The three are of one set, whenever they are asked for."""
    now = [0.0]
    with Emulator(clock=lambda: now[0], rotation=10) as emulator:
        environ = {"DESK_AGENCY": emulator.agency_url}
        made = context(environ, 0.0, 0.0)
        before = made.getSecurityAccessKey()
        now[0] = 10.0
        other = context(environ, 10.0, 10.0)
        assert made.getSecurityAccessKey() == before != other.getSecurityAccessKey()
        assert made.getSecuritySecretKey() != other.getSecuritySecretKey()
        assert made.getSecurityToken() != other.getSecurityToken()


def test_the_platforms_wrong_clock_is_over_at_once() -> None:
    """Seconds are counted as milliseconds, and what is left becomes negative."""
    made = context({**ENVIRONMENT, "DESK_ODD_CLOCK": "1"}, 100.0, 100.0, 100.015625, 101.0)
    assert made.getRunningTimeInSeconds() == 30
    assert [made.getRemainingTimeInMilliSeconds() for _ in range(3)] == [30, 14, -970]


@pytest.mark.parametrize(("timeout", "seconds"), [("40", 40.0), ("", ASSUMED_SECONDS)])
def test_the_platforms_wrong_clock_does_not_shorten_an_invocation(
    timeout: str, seconds: float
) -> None:
    """The time-out counts, or without one what is assumed."""
    environ = {"RUNTIME_TIMEOUT": timeout, "DESK_ODD_CLOCK": "1"}
    made = context(environ, 7.0, 7.125)
    assert deadline(made, environ, clock=lambda: 7.125).left() == seconds


def test_without_an_agency_everything_is_empty_text() -> None:
    """The platform does not raise either."""
    made = context({})
    assert made.getSecurityAccessKey() == ""
    assert made.getSecuritySecretKey() == ""
    assert made.getSecurityToken() == ""
    assert made.getToken() == ""
    assert made.getProjectID() == ""
    assert made.getAlias() == ""


def test_nightdrops_own_project_is_used_without_the_sdks() -> None:
    """One of the two names is enough."""
    assert context({"NIGHTDROP_PROJECT_ID": "mine"}).getProjectID() == "mine"


def test_the_remaining_time_runs_down_to_zero() -> None:
    """Milliseconds of the time allowed, from when the context was made."""
    made = context(ENVIRONMENT, 100.0, 100.25, 129.9995, 131.0)
    assert made.getRunningTimeInSeconds() == 30
    assert [made.getRemainingTimeInMilliSeconds() for _ in range(3)] == [29750, 0, 0]


def test_a_minute_is_allowed_by_default() -> None:
    """Without RUNTIME_TIMEOUT, or with an empty one."""
    assert context({}).getRunningTimeInSeconds() == 60
    assert context({"RUNTIME_TIMEOUT": ""}).getRunningTimeInSeconds() == 60


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "a minute", "259201", "²", "9" * 5000])
def test_a_timeout_that_is_no_number_of_seconds_is_an_error(text: str) -> None:
    """It is named, with what would be right."""
    with pytest.raises(SettingsError, match="RUNTIME_TIMEOUT must be a number of seconds"):
        context({"RUNTIME_TIMEOUT": text})


def test_user_data_may_have_a_default() -> None:
    """One argument and two are both in use."""
    made = Context("r", 60, lambda: 0.0, 0.0, user_data={"NIGHTDROP_PREFIX": "drop/"})
    assert made.getUserData("NIGHTDROP_PREFIX") == "drop/"
    assert made.getUserData("NIGHTDROP_REGION") is None
    assert made.getUserData("NIGHTDROP_REGION", "x") == "x"


def test_the_function_describes_itself() -> None:
    """Processors follow from memory as on the platform."""
    made = context({})
    assert made.getFunctionName() == "nightdrop"
    assert made.getVersion() == "latest"
    assert made.getPackage() == "default"
    assert (made.getMemorySize(), made.getCPUNumber()) == (512, 600)


def test_asking_for_the_logger_adds_no_handler() -> None:
    """Otherwise every line would be written once more per invocation."""
    before = list(logging.getLogger().handlers)
    logger = context({}).getLogger()
    assert logger.name == "nightdrop"
    assert logger.handlers == []
    assert logging.getLogger().handlers == before


def test_the_context_shows_no_secret() -> None:
    """Its text may end up in a log."""
    assert "canary" not in repr(context(ENVIRONMENT))


class ManualClock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.shows = 0.0

    def __call__(self) -> float:
        """Return the time in seconds."""
        return self.shows


@pytest.fixture
def clock() -> ManualClock:
    """The clock of the emulator and of the process."""
    return ManualClock()


@pytest.fixture
def cloud(clock: ManualClock) -> Iterator[Emulator]:
    """An emulator with other keys every ten seconds."""
    with Emulator(clock=clock, rotation=10) as running:
        yield running


def test_keys_are_cached_for_the_cache_period(cloud: Emulator, clock: ManualClock) -> None:
    """A rotation is seen only after it."""
    agency = Agency(cloud.agency_url, clock, 25)
    first = agency.keys()
    clock.shows = 24.9
    assert agency.keys() == first
    clock.shows = 25.0
    assert agency.keys().token != first.token


def test_cached_keys_need_no_answer(clock: ManualClock) -> None:
    """The agency is asked at most once in a period."""
    with Emulator(clock=clock) as cloud:
        agency = Agency(cloud.agency_url, clock, 25)
        first = agency.keys()
    assert agency.keys() == first


def test_an_unreachable_agency_is_reported_with_a_remedy(clock: ManualClock) -> None:
    """The emulator may have ended."""
    with Emulator(clock=clock) as cloud:
        url = cloud.agency_url
    with pytest.raises(CredentialsError, match="cannot fetch keys from DESK_AGENCY"):
        Agency(url, clock).keys()


@pytest.mark.parametrize("page", ["state?only=jobs", "nothing"])
def test_an_answer_without_keys_is_an_error(cloud: Emulator, clock: ManualClock, page: str) -> None:
    """Another page of the emulator, or none."""
    with pytest.raises(CredentialsError, match="cannot fetch keys"):
        Agency(f"{cloud.url}/_emulator/{page}", clock).keys()


def test_a_broken_answer_is_not_quoted(cloud: Emulator, clock: ManualClock) -> None:
    """Not even in the trace: half of it may be keys."""
    cloud.state.denied.clear()
    with pytest.raises(CredentialsError) as caught:
        Agency(f"{cloud.url}/{CANARY}", clock).keys()
    assert CANARY not in "".join(traceback.format_exception(caught.value))


def test_without_an_agency_there_is_no_client(clock: ManualClock) -> None:
    """An empty one counts as none."""
    assert agency_of({}, clock) is None
    assert agency_of({"DESK_AGENCY": "", "DESK_AGENCY_CACHE": "1"}, clock) is None


def test_keys_are_cached_for_ten_minutes_by_default(clock: ManualClock) -> None:
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
def test_a_cache_period_that_is_no_number_of_seconds_is_an_error(
    text: str, clock: ManualClock
) -> None:
    """It is named, with what would be right."""
    with pytest.raises(SettingsError, match="DESK_AGENCY_CACHE must be a number of seconds"):
        agency_of({"DESK_AGENCY": "http://127.0.0.1:1/", "DESK_AGENCY_CACHE": text}, clock)


def test_keys_show_nothing_of_themselves(cloud: Emulator, clock: ManualClock) -> None:
    """Their text may end up in a log."""
    keys = Agency(cloud.agency_url, clock).keys()
    assert keys.access_key
    assert repr(keys) == "Keys()"
