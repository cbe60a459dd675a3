"""The settings of a rollout, as its spec has them and as its record keeps them."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from datetime import date, time
from typing import TYPE_CHECKING, Any, Literal

from handler.schedule.window import DAYS, Window
from handler.values.canonical_json import canonical

if TYPE_CHECKING:
    from handler.values.canonical_json import Json

JOB_SECONDS = 600
"""How long IEF lets a job run, queueing included."""


@dataclass(frozen=True)
class Select:
    """Which nodes, or deployments, a rollout is for.

    Attributes:
        tags: Tags as `key=value`; each of them is needed.
        states: The states that are wanted; empty for any.
        name: A pattern of names, with `*`, `?` and `[…]`; case counts.
        group: The name or id of a node group; "" for any.
        upgradable: Whether IEF must have a newer EdgeCore for the node; None if it does not matter.
        exclude: Names, ids and patterns of names that are left out.
        limit: How many are chosen at most; None for all.
    """

    tags: tuple[str, ...] = ()
    states: tuple[str, ...] = ("RUNNING",)
    name: str = "*"
    group: str = ""
    upgradable: bool | None = None
    exclude: tuple[str, ...] = ()
    limit: int | None = None


@dataclass(frozen=True)
class RolloutSettings:
    """How a rollout proceeds.

    Attributes:
        waves: How many of the nodes have had their turn after each wave: `7`, or `5%` of them.
        max_targets_per_job: The most nodes of one job.
        max_parallel_jobs: The most jobs that run at once.
        max_failed: How many nodes may fail: `5`, or `2%` of those that finished; "" for any.
        min_finished: How many nodes must have finished before a percentage is judged.
        soak: Seconds between the end of a wave and the start of the next.
        on_breach: Whether a rollout with too many failures pauses or stops.
        running_jobs: Whether the running jobs of one that is paused finish or are paused with it.
        retry: How often the failed nodes of a wave are tried again.
        approve_before: The numbers of the waves that somebody must approve, from 1.
        when_busy: Whether a node in a running job of another rollout is waited for or skipped.
        late_joiners: Whether nodes that match later are added.
        window: When waves may run; None for always.
        select: How the nodes were selected; None if they are named.
        valid_for: Seconds after its plan in which a job may be sent; None: the operator's setting.
    """

    waves: tuple[str, ...] = ("100%",)
    max_targets_per_job: int = 20
    max_parallel_jobs: int = 3
    max_failed: str = ""
    min_finished: int = 10
    soak: int = 0
    on_breach: Literal["pause", "stop"] = "pause"
    running_jobs: Literal["finish", "pause"] = "finish"
    retry: int = 0
    approve_before: tuple[int, ...] = ()
    when_busy: Literal["wait", "skip"] = "wait"
    late_joiners: Literal["ignore", "include"] = "ignore"
    window: Window | None = None
    select: Select | None = None
    valid_for: int | None = None

    def to_json(self) -> str:
        """Return the settings as canonical JSON.

        It has all of them but those that are None, so that a record means the same after a default
        has changed.
        """
        values: dict[str, Json] = {name: _plain(value) for name, value in _set_fields(self)}
        if self.window:
            values["window"] = _window_json(self.window)
        if self.select:
            values["select"] = {name: _plain(value) for name, value in _set_fields(self.select)}
        return canonical(values)

    @classmethod
    def from_json(cls, text: str) -> RolloutSettings:
        """Return the settings that `to_json` wrote; what is missing has its default."""
        values = _tuples(json.loads(text))
        if "window" in values:
            values["window"] = _window(values["window"])
        if "select" in values:
            values["select"] = Select(**_tuples(values["select"]))
        return cls(**values)


def _set_fields(settings: RolloutSettings | Select) -> list[tuple[str, Any]]:
    """Return the fields that are not None."""
    found = [(field.name, getattr(settings, field.name)) for field in fields(settings)]
    return [(name, value) for name, value in found if value is not None]


def _plain(value: Any) -> Any:  # noqa: ANN401 - the fields have many types
    return list(value) if isinstance(value, tuple) else value


def _tuples(values: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(one) if isinstance(one, list) else one for name, one in values.items()}


def _window_json(window: Window) -> dict[str, Json]:
    return {
        "days": [DAYS[day] for day in sorted(window.days)],
        "from": window.begin.isoformat("minutes"),
        "to": window.end.isoformat("minutes"),
        "timezone": window.timezone,
        "except": [day.isoformat() for day in sorted(window.excluded)],
    }


def _window(values: dict[str, Any]) -> Window:
    return Window(
        days=frozenset(map(DAYS.index, values["days"])),
        begin=time.fromisoformat(values["from"]),
        end=time.fromisoformat(values["to"]),
        timezone=values["timezone"],
        excluded=frozenset(map(date.fromisoformat, values["except"])),
    )
