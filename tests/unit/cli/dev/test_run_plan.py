"""The processes that `nightdrop dev` starts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from handler.cli.dev.run_plan import DevOptions, plan_run
from handler.errors import SettingsError

CLOUD = {"NIGHTDROP_OBS_ENDPOINT": "http://127.0.0.1:8071", "HUAWEICLOUD_SDK_SK": "secret"}


def options(**given: Any) -> DevOptions:  # noqa: ANN401 - as the command has them
    """Return the command's defaults with some options changed."""
    defaults: dict[str, Any] = {
        "drop": Path("drop"),
        "timers": (),
        "settings": None,
        "folder": Path("dev"),
        "instances": 1,
        "retries": 1,
        "shape": "obs",
        "speed": None,
        "start": None,
        "chaos": None,
        "fleet": None,
        "no_agency": False,
        "odd_clock": False,
        "once": False,
    }
    return DevOptions(**{**defaults, **given})


@pytest.mark.parametrize(("speed", "clock", "fleet"), [(None, 1, 60), (1.0, 1, 1), (20.0, 20, 20)])
def test_a_given_speed_is_that_of_the_clock_and_the_fleet(
    speed: float | None, clock: float, fleet: float
) -> None:
    """By default a job of the emulated fleet ends quickly."""
    plan = plan_run(options(speed=speed))
    assert (plan.clock.speed, plan.fleet_speed) == (clock, fleet)


def test_the_function_gets_its_settings_and_no_keys(tmp_path: Path) -> None:
    """The settings file overrides all others; the agency issues the keys."""
    file = tmp_path / "my.env"
    file.write_text("NIGHTDROP_MAX_SPEC_BYTES=77\nNIGHTDROP_PREFIX=drop/a/\n")
    plan = plan_run(options(settings=file))
    environ = plan.function_environment(CLOUD)
    assert plan.largest_spec == 77
    assert environ["NIGHTDROP_PREFIX"] == "drop/a/"
    assert environ["DESK_AGENCY"] == "http://127.0.0.1:8071/_emulator/credentials"
    assert "secret" not in environ.values()


def test_a_function_without_an_agency_gets_no_address_of_one() -> None:
    """Its keys must then be missing."""
    plan = plan_run(options(no_agency=True, odd_clock=True))
    environ = plan.function_environment(CLOUD)
    assert "DESK_AGENCY" not in environ
    assert environ["DESK_ODD_CLOCK"] == "1"


def test_a_drop_folder_does_not_contain_what_the_run_writes(tmp_path: Path) -> None:
    """Otherwise each line of a log would be dropped."""
    with pytest.raises(SettingsError, match="contains --dir"):
        plan_run(options(drop=tmp_path, folder=tmp_path / "dev"))


def test_a_run_that_ends_by_itself_needs_its_drop_folder(tmp_path: Path) -> None:
    """A misspelt one would be created, and nothing would be run from it."""
    with pytest.raises(SettingsError, match="create it, or name another"):
        plan_run(options(once=True, drop=tmp_path / "specs"))


@pytest.mark.parametrize(
    ("event", "error"),
    [
        ('{"action": "reconcle"}', "reconcile"),
        ("notjson", "the timer tick"),
        ("{}", "the timer tick"),
        ('{"kind": "node_upgrade"}', "name"),
    ],
)
def test_a_timer_that_can_only_fail_is_refused(event: str, error: str) -> None:
    """Now, and not at its time."""
    with pytest.raises(SettingsError, match=error):
        plan_run(options(timers=(f"tick=@every 1m={event}",)))


def test_timers_of_actions_and_specs_are_taken() -> None:
    """A name of a node is not looked up here."""
    spec = '{"kind": "node_upgrade", "name": "a", "targets": {"nodes": ["gw-1"]}}'
    events = ('{"action": "reconcile"}', spec, '{"spec": "obs://drops/a.yaml"}')
    plan = plan_run(options(timers=tuple(f"t{n}=@every 1m={e}" for n, e in enumerate(events))))
    assert [timer.name for timer in plan.timers] == ["t0", "t1", "t2"]
