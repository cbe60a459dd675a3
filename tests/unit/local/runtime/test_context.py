"""The context of a local run."""

from __future__ import annotations

import logging

import pytest

from handler.emulator.server import Emulator
from handler.errors import SettingsError
from handler.local.runtime.context import Context
from handler.runtime.deadline import ASSUMED_SECONDS, deadline

ENVIRONMENT = {
    "HUAWEICLOUD_SDK_AK": "canary-ak",
    "HUAWEICLOUD_SDK_SK": "canary-sk",
    "HUAWEICLOUD_SDK_SECURITY_TOKEN": "canary-token",
    "HUAWEICLOUD_SDK_PROJECT_ID": "project",
    "RUNTIME_TIMEOUT": "30",
}


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


def test_the_methods_out_of_use_answer_nothing() -> None:
    """Whoever still asks them finds out on the desk."""
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


def test_the_odd_clock_is_over_at_once() -> None:
    """Seconds are counted as milliseconds, and what is left becomes negative."""
    made = context({**ENVIRONMENT, "DESK_ODD_CLOCK": "1"}, 100.0, 100.0, 100.015625, 101.0)
    assert made.getRunningTimeInSeconds() == 30
    assert [made.getRemainingTimeInMilliSeconds() for _ in range(3)] == [30, 14, -970]


@pytest.mark.parametrize(("timeout", "seconds"), [("40", 40.0), ("", ASSUMED_SECONDS)])
def test_the_odd_clock_does_not_shorten_an_invocation(timeout: str, seconds: float) -> None:
    """The time-out counts, or without one what is assumed."""
    environ = {"RUNTIME_TIMEOUT": timeout, "DESK_ODD_CLOCK": "1"}
    made = context(environ, 7.0, 7.125)
    assert deadline(made, environ, lambda: 7.125).left() == seconds


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
