"""The short form of rollouts: `targets.select`, `rollout` and `window`."""

from __future__ import annotations

import re
from datetime import date, time
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field

from handler.parsing.validation_errors import Issue, nearest_name
from handler.schedule.rollout_settings import RolloutSettings, Select
from handler.schedule.window import DAYS, Window
from handler.specs.field_types import (
    STRICT,
    Duration,
    Line,
    TagKey,
    TagValue,
    TextRule,
    omitted,
    rule_error,
)
from handler.specs.targets import selects
from handler.values.duration import seconds_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from handler.values.canonical_json import Json

_WAVE = re.compile(r"([1-9][0-9]{0,5})|([1-9][0-9]?|100)%")
_FAILURES = re.compile(r"0|0%|" + _WAVE.pattern)
_ALL = "100%"
_ZONE_LENGTH = 64


def _wave(value: Any) -> Any:  # noqa: ANN401 - raw input
    return _counted(
        value,
        _WAVE,
        "must be a number up to 999999, or a whole share, 1% to 100%",
    )


def _failures(value: Any) -> Any:  # noqa: ANN401 - raw input
    return _counted(
        value,
        _FAILURES,
        "must be a number up to 999999, or a whole share, 0% to 100%",
    )


def _counted(value: Any, pattern: re.Pattern[str], wanted: str) -> str:  # noqa: ANN401 - raw input
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    if not pattern.fullmatch(text):
        raise rule_error(wanted)
    return text


def _states(value: Any) -> Any:  # noqa: ANN401 - raw input
    listed = value if isinstance(value, list) else [value]
    return [one.lower() if isinstance(one, str) else one for one in listed]


def _one_or_more(schema: dict[str, Any]) -> None:
    whole = dict(schema)
    schema.clear()
    description = whole.pop("description", "")
    schema |= {"anyOf": [whole["items"], whole], "description": description}


def _date(text: str) -> str:
    try:
        if len(text) == len("2026-12-24"):
            date.fromisoformat(text)
            return text
    except ValueError:
        pass
    raise rule_error("must be a date such as 2026-12-24")


def _zone(text: str) -> str:
    import zoneinfo

    try:
        zoneinfo.ZoneInfo(text[:_ZONE_LENGTH])
    except (KeyError, ValueError, OSError):
        known = {name.lower(): name for name in zoneinfo.available_timezones()}
        near = known.get(nearest_name(text.lower(), list(known)))
        hint = f"did you mean {near}?" if near else "write one such as Asia/Shanghai or UTC"
        if re.fullmatch(r"(utc|gmt)? ?[+-]?[0-9:]+", text[:_ZONE_LENGTH], re.IGNORECASE):
            hint = "write a place instead of an offset, such as Asia/Shanghai"
        raise rule_error(f"no known time zone; {hint}") from None
    return text


StateWord: TypeAlias = Literal["running", "fail", "upgrading", "stopped", "unconnected", "freeze"]
Day: TypeAlias = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Wave: TypeAlias = Annotated[str | int, BeforeValidator(_wave)]
Pattern: TypeAlias = Annotated[Line, TextRule(_ZONE_LENGTH, limit="at most {}")]
ClockTime: TypeAlias = Annotated[
    str,
    TextRule(
        pattern=r"([01][0-9]|2[0-3]):[0-5][0-9]",
        wanted="must be a time from 00:00 to 23:59",
        nearly=(r"[0-9]:[0-5][0-9]", "must have two digits for the hour, such as 01:00"),
    ),
]


class SelectForm(BaseModel):
    """Which nodes (of deployment_upgrade: deployments) are meant; every condition must hold."""

    model_config = {**STRICT, "json_schema_extra": {"minProperties": 1}}

    tags: dict[TagKey, TagValue] = Field(default_factory=dict, description="Tags they all have.")
    state: Annotated[list[StateWord], BeforeValidator(_states), Field(min_length=1)] = Field(
        default_factory=omitted,
        description="A node's state, or several; default running.",
        json_schema_extra=_one_or_more,
    )
    name: Pattern = Field(
        default="*", description="A pattern of names: `*` is any characters, `?` any one."
    )
    group: Line = Field(default="", description="The name or id of a node group.")
    upgradable: bool = Field(
        default_factory=omitted, description="Whether IEF must have a newer EdgeCore for a node."
    )
    exclude: list[Pattern] = Field(
        default_factory=list,
        max_length=500,
        description="Names, ids and patterns of names that are left out.",
    )
    limit: int = Field(default_factory=omitted, ge=1, description="The most that are taken.")


class RolloutForm(BaseModel):
    """How the nodes have their turn, wave after wave."""

    model_config = STRICT

    waves: list[Wave] = Field(
        default_factory=omitted,
        min_length=1,
        description="How many nodes have had their turn after each wave: 7, or 5% of all; the "
        "last must be 100%, and that alone is the default.",
    )
    max_targets_per_job: int = Field(
        default=20, ge=1, le=1000, description="The most nodes of a job, which has ten minutes."
    )
    max_parallel_jobs: int = Field(
        default=3, ge=1, le=100, description="The most jobs that run at once."
    )
    max_failed: Annotated[str | int, BeforeValidator(_failures)] = Field(
        default="", description="Of the finished nodes, how many may fail: 5, or 2%; default any."
    )
    min_finished: int = Field(
        default=10, ge=1, description="From how many finished nodes on a share counts."
    )
    soak: Duration = Field(
        default="", description="How long to wait between two waves: 30m, 6h, 1d."
    )
    on_breach: Literal["pause", "stop"] = Field(
        default="pause", description="What becomes of a rollout with too many failures."
    )
    running_jobs: Literal["finish", "pause"] = Field(
        default="finish", description="What its running jobs do while it is paused."
    )
    retry: int = Field(
        default=0, ge=0, le=3, description="How often the failed nodes of a wave are tried again."
    )
    approve_before: list[Annotated[int, Field(ge=1)]] = Field(
        default_factory=list, description="The numbers of the waves that somebody must approve."
    )
    when_busy: Literal["wait", "skip"] = Field(
        default="wait", description="What to do about a node in a running job of another rollout."
    )
    late_joiners: Literal["ignore", "include"] = Field(
        default="ignore", description="Nodes that match only after the rollout was planned."
    )


class WindowForm(BaseModel):
    """When waves may run, in local time."""

    model_config = STRICT

    days: list[Day] = Field(
        default_factory=omitted, min_length=1, description="On which days it opens; default all."
    )
    begin: ClockTime = Field(alias="from", description="When it opens, such as 01:00.")
    end: ClockTime = Field(alias="to", description="When it closes; if not later, on the next day.")
    timezone: Annotated[Line, AfterValidator(_zone)] = Field(
        description="Whose local time is meant, such as Asia/Shanghai."
    )
    excluded: list[Annotated[str, AfterValidator(_date)]] = Field(
        default_factory=list, alias="except", description="Dates on which it does not open."
    )


def rollout_settings(job: dict[str, Json], valid_for: int | None = None) -> RolloutSettings:
    """Return the settings of a valid document that asks for a rollout."""
    form = RolloutForm.model_validate(job.get("rollout", {}))
    values = form.model_dump(exclude={"waves", "approve_before", "soak"})
    return RolloutSettings(
        **values,
        waves=tuple(map(str, form.waves or [_ALL])),
        approve_before=tuple(sorted(set(form.approve_before))),
        soak=seconds_of(form.soak) if form.soak else 0,
        window=_window(job["window"]) if "window" in job else None,
        select=selected(job) if selects(job) else None,
        valid_for=valid_for,
    )


def selected(job: dict[str, Json]) -> Select:
    """Return what a valid document selects that does."""
    form = SelectForm.model_validate(_part(job, "targets")["select"])
    states = [] if job["kind"] == "deployment_upgrade" else form.state or ["running"]
    return Select(
        **form.model_dump(include={"name", "group", "upgradable", "limit"}),
        tags=tuple(f"{key}={value}" for key, value in form.tags.items()),
        states=tuple(state.upper() for state in states),
        exclude=tuple(form.exclude),
    )


def rollout_errors(job: dict[str, Json]) -> Iterator[Issue]:
    """Yield what does not fit together in a document that asks for a rollout."""
    targets, rollout = _part(job, "targets"), _part(job, "rollout")
    if "groups" in targets:
        text = "not for a rollout; write select with group, which takes its nodes alone"
        yield Issue(("targets", "groups"), text)
    yield from _select_errors(job.get("kind"), targets.get("select"))
    if rollout.get("late_joiners") == "include" and "select" not in targets:
        text = "include needs targets.select, by which they are found"
        yield Issue(("rollout", "late_joiners"), text)
    waves = rollout.get("waves", [_ALL])
    if isinstance(waves, list):
        yield from _wave_errors([str(wave) for wave in waves])
        approvals = rollout.get("approve_before")
        for place, number in enumerate(approvals if isinstance(approvals, list) else ()):
            if isinstance(number, int) and number > len(waves):
                count = f"there {'is' if len(waves) == 1 else 'are'} {len(waves)}"
                yield Issue(("rollout", "approve_before", place), f"no such wave, {count}")


def rollout_warnings(job: dict[str, Json]) -> list[Issue]:
    """Return what a valid rollout probably lacks."""
    rollout = _part(job, "rollout")
    waves = rollout.get("waves")
    if isinstance(waves, list) and len(waves) > 1 and "max_failed" not in rollout:
        text = "no max_failed: however many nodes fail, the next wave starts"
        return [Issue(("rollout",), text)]
    return []


def _select_errors(kind: Json, select: Json) -> Iterator[Issue]:
    if not isinstance(select, dict):
        return
    if not select:
        text = 'needs a condition; name: "*" selects all that are running'
        yield Issue(("targets", "select"), text)
    if kind == "deployment_upgrade":
        for field in ("state", "group", "upgradable"):
            if field in select:
                text = "of nodes, but deployment_upgrade selects deployments; leave it out"
                yield Issue(("targets", "select", field), text)


def _wave_errors(waves: list[str]) -> Iterator[Issue]:
    """Yield the waves that do not grow; numbers and shares are compared with their own kind."""
    if not waves or not all(map(_WAVE.fullmatch, waves)):
        return
    largest = {True: 0, False: 0}
    for place, wave in enumerate(waves):
        is_share, number = wave.endswith("%"), int(wave.rstrip("%"))
        if number <= largest[is_share]:
            text = "must be more than the wave before, whose nodes it counts too"
            yield Issue(("rollout", "waves", place), text)
        largest[is_share] = max(number, largest[is_share])
    if waves[-1] != _ALL:
        yield Issue(("rollout", "waves", len(waves) - 1), f"the last wave must be {_ALL}")


def _window(written: Json) -> Window:
    form = WindowForm.model_validate(written)
    return Window(
        begin=time.fromisoformat(form.begin),
        end=time.fromisoformat(form.end),
        timezone=form.timezone,
        days=frozenset(map(DAYS.index, form.days or DAYS)),
        excluded=frozenset(map(date.fromisoformat, form.excluded)),
    )


def _part(job: dict[str, Json], name: str) -> dict[str, Json]:
    part = job.get(name)
    return part if isinstance(part, dict) else {}
