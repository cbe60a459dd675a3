"""What `nightdrop dev` is to run, read and checked before anything is started."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from difflib import get_close_matches
from typing import TYPE_CHECKING

from handler.cli.dev.job_names import PREFIX
from handler.emulator.ief.fleet_file import read_fleet
from handler.errors import SettingsError
from handler.local.env_file import read_env_file
from handler.local.runtime.context import Context
from handler.local.triggers.clock import desk_clock
from handler.local.triggers.timer_scheduler import read_timer
from handler.settings import Settings, load

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import tzinfo
    from pathlib import Path

    from handler.local.triggers.clock import LocalClock
    from handler.local.triggers.timer_scheduler import Timer

BUCKET = "nightdrop-drop"
_FLEET_SPEED = 60.0
# With them in its environment the function would not miss an agency.
_KEYS = ("HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK", "HUAWEICLOUD_SDK_SECURITY_TOKEN")
# Of the form that the emulator's settings have, before there is an emulator.
_CLOUD_TO_COME = {
    "NIGHTDROP_REGION": "cn-north-4",
    "NIGHTDROP_PROJECT_ID": "emulated",
    "NIGHTDROP_IEF_ENDPOINT": "http://127.0.0.1:1",
    "NIGHTDROP_OBS_ENDPOINT": "http://127.0.0.1:1",
    "NIGHTDROP_BUCKETS": BUCKET,
}
CLOUD_NAMES = frozenset({*_CLOUD_TO_COME, *_KEYS, "HUAWEICLOUD_SDK_PROJECT_ID"})
"""What the emulator's environment file sets."""


@dataclass(frozen=True)
class DevOptions:
    """What the command line asks for; its `--help` says what each means."""

    drop: Path
    timers: tuple[str, ...]
    settings: Path | None
    folder: Path
    instances: int
    retries: int
    shape: str
    speed: float | None
    start: datetime | None
    chaos: int | None
    fleet: Path | None
    no_agency: bool
    odd_clock: bool


@dataclass(frozen=True)
class DevPlan:
    """A local run whose parts are all known to be right.

    Attributes:
        options: What was asked for.
        timers: The timers, read.
        clock: The clock of timers and queue.
        given: What the settings file sets, for the function alone.
        largest_spec: The largest spec file that the function reads, in bytes.
    """

    options: DevOptions
    timers: tuple[Timer, ...]
    clock: LocalClock
    given: Mapping[str, str]
    largest_spec: int

    @property
    def fleet_speed(self) -> float:
        """Seconds of the emulated fleet's time in a real second."""
        return _FLEET_SPEED if self.options.speed is None else self.options.speed

    def function_environment(self, cloud: Mapping[str, str]) -> dict[str, str]:
        """Return the whole environment of the function.

        It has no keys, but is told where its agency is.

        Args:
            cloud: The settings that point at the emulator.
        """
        told = {name: value for name, value in cloud.items() if name not in _KEYS}
        if not self.options.no_agency:
            told["DESK_AGENCY"] = f"{cloud['NIGHTDROP_OBS_ENDPOINT']}/_emulator/credentials"
        if self.options.odd_clock:
            told["DESK_ODD_CLOCK"] = "1"
        return {
            **clean_environment(),
            "NIGHTDROP_AUDIT": f"sqlite:///{(self.options.folder / 'audit.db').resolve()}",
            "NIGHTDROP_PREFIX": PREFIX,
            "NIGHTDROP_RESULTS": f"obs://{BUCKET}/results/",
            **told,
            **self.given,
        }


def plan_of(options: DevOptions) -> DevPlan:
    """Return the plan of a local run.

    Raises:
        SettingsError: A timer, the clock, the settings file, a setting in it or the fleet is wrong.
    """
    try:
        start = options.start.astimezone() if options.start else None
        clock = desk_clock(start, 1.0 if options.speed is None else options.speed)
        timers = tuple(read_timer(text, local_zone()) for text in options.timers)
    except ValueError as error:
        raise SettingsError(str(error)) from error
    given = read_env_file(options.settings) if options.settings else {}
    if options.fleet:
        read_fleet(options.fleet)
    plan = DevPlan(options, timers, clock, given, 0)
    settings = _checked(plan)
    return DevPlan(options, timers, clock, given, settings.max_spec_bytes)


def _checked(plan: DevPlan) -> Settings:
    """Return the settings that the function will find.

    Raises:
        SettingsError: It would not start with them; the message names the file.
    """
    environ = plan.function_environment(_CLOUD_TO_COME)
    environ.pop("DESK_AGENCY", None)
    try:
        _no_near_misses(plan.given)
        Context.from_environment(environ, "", time.monotonic)
        return load(lambda _name: None, environ)
    except SettingsError as error:
        file = plan.options.settings
        raise SettingsError("\n".join(f"{file}: {one}" for one in str(error).split("\n"))) from None


def _no_near_misses(given: Mapping[str, str]) -> None:
    known = [f"NIGHTDROP_{field.upper()}" for field in Settings.model_fields]
    for name in given:
        near = get_close_matches(name.upper(), known, n=1, cutoff=0.85)
        if near and not name.startswith("NIGHTDROP_"):
            raise SettingsError(f"{name}: no such setting, perhaps {near[0]}; correct or remove it")


def clean_environment() -> dict[str, str]:
    """Return this process's environment without what would reach into the run from outside."""
    return {
        name: value
        for name, value in os.environ.items()
        if "NIGHTDROP" not in name and name not in _KEYS and not name.startswith("DESK_")
    }


def local_zone() -> tzinfo:
    """Return this machine's zone, in which schedules without one are read."""
    return datetime.now().astimezone().tzinfo or timezone.utc
