"""Validates the options of `nightdrop dev` before anything is started."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from difflib import get_close_matches
from typing import TYPE_CHECKING

from handler.cli.configuration.value import KEYS
from handler.cli.dev.emulator_process import BUCKET, PREFIX, clean_environment
from handler.emulator.ief.fleet_file import read_fleet
from handler.errors import RejectedError, SettingsError
from handler.local.env_file import read_env_file
from handler.local.runtime.context import Context
from handler.local.triggers.clock import start_clock
from handler.local.triggers.event_factory import timer_event
from handler.local.triggers.timer_scheduler import read_timer
from handler.parsing import Limits, read
from handler.settings import Settings, load
from handler.specs.node_names import plan_without_fleet
from handler.triggers.delivery import Delivery, InlineSpec
from handler.triggers.timer import parse_timer_event
from handler.values.canonical_json import utc_now
from handler.values.display import display

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import tzinfo
    from pathlib import Path

    from handler.local.triggers.clock import LocalClock
    from handler.local.triggers.timer_scheduler import Timer

_FLEET_SPEED = 60.0
# Valid values, for the check of the settings before the emulator runs.
_PLACEHOLDERS = {
    "NIGHTDROP_REGION": "cn-north-4",
    "NIGHTDROP_PROJECT_ID": "emulated",
    "NIGHTDROP_IEF_ENDPOINT": "http://127.0.0.1:1",
    "NIGHTDROP_OBS_ENDPOINT": "http://127.0.0.1:1",
    "NIGHTDROP_BUCKETS": BUCKET,
}


@dataclass(frozen=True)
class DevOptions:
    """The options of the command; its `--help` describes them."""

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
    once: bool


@dataclass(frozen=True)
class DevPlan:
    """The validated options of a local run.

    `given` has the function's settings in the settings file; `largest_spec` is in bytes.
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
        """Return the function's complete environment: without keys, with its agency's URL.

        `cloud` has the settings that point at the emulator.
        """
        # With the keys in its environment the function would work without an agency.
        environ = {name: value for name, value in cloud.items() if name not in KEYS}
        if not self.options.no_agency:
            environ["DESK_AGENCY"] = f"{cloud['NIGHTDROP_OBS_ENDPOINT']}/_emulator/credentials"
        if self.options.odd_clock:
            environ["DESK_ODD_CLOCK"] = "1"
        return {
            **clean_environment(),
            "NIGHTDROP_AUDIT": f"sqlite:///{(self.options.folder / 'audit.db').resolve()}",
            "NIGHTDROP_PREFIX": PREFIX,
            "NIGHTDROP_RESULTS": f"obs://{BUCKET}/results/",
            **environ,
            **self.given,
        }


def plan_run(options: DevOptions) -> DevPlan:
    """Return the plan of a local run.

    Raises:
        SettingsError: A timer, the clock, the settings file, a setting or the fleet is invalid, or
            there is no drop folder whose files a run with `once` could process.
    """
    try:
        start = options.start.astimezone() if options.start else None
        clock = start_clock(start, 1.0 if options.speed is None else options.speed)
        timers = tuple(read_timer(text, local_zone()) for text in options.timers)
    except (ValueError, OverflowError) as error:
        raise SettingsError(str(error)) from error
    if options.folder.resolve().is_relative_to(options.drop.resolve()):
        raise SettingsError(
            f"--drop {options.drop} contains --dir {options.folder}; "
            "name another folder with one of them"
        )
    given = read_env_file(options.settings) if options.settings else {}
    if options.fleet:
        read_fleet(options.fleet)
    plan = DevPlan(options, timers, clock, given, 0)
    settings = _load_settings(plan)
    for timer in timers:
        _check_user_event(timer, settings.job_grace)
    if options.once and not options.drop.exists():
        raise SettingsError(
            f"there is no folder {options.drop}; create it, or name another with --drop"
        )
    return DevPlan(options, timers, clock, given, settings.max_spec_bytes)


def _check_user_event(timer: Timer, grace: int) -> None:
    """Check a timer's user event as the function will.

    Raises:
        SettingsError: It would be rejected at each tick.
    """
    try:
        fired = parse_timer_event(timer_event(timer.name, timer.user_event, utc_now()))
        if isinstance(fired, Delivery) and isinstance(fired.spec, InlineSpec):
            plan_without_fleet(fired.key, read(fired.spec.data, Limits()), grace)
    except RejectedError as error:
        raise SettingsError(f"the timer {display(timer.name)}: {error}") from error


def _load_settings(plan: DevPlan) -> Settings:
    """Return the settings as the function will load them.

    Raises:
        SettingsError: A setting is invalid; the message names the file.
    """
    environ = plan.function_environment(_PLACEHOLDERS)
    environ.pop("DESK_AGENCY", None)
    try:
        _reject_misspellings(plan.given)
        Context.from_environment(environ)
        return load(lambda _name: None, environ)
    except SettingsError as error:
        file = plan.options.settings
        raise SettingsError("\n".join(f"{file}: {one}" for one in str(error).split("\n"))) from None


def _reject_misspellings(given: Mapping[str, str]) -> None:
    known = [f"NIGHTDROP_{field.upper()}" for field in Settings.model_fields]
    for name in given:
        near = get_close_matches(name.upper(), known, n=1, cutoff=0.85)
        if near and not name.startswith("NIGHTDROP_"):
            raise SettingsError(f"{name}: no such setting, perhaps {near[0]}; correct or remove it")


def local_zone() -> tzinfo:
    """Return this machine's time zone, for schedules that name none."""
    return datetime.now().astimezone().tzinfo or timezone.utc
