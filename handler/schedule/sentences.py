"""The settings of a rollout as sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handler.schedule.timeline import in_words
from handler.schedule.window import DAYS, EVERY_DAY
from handler.values.display import quantity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from handler.schedule.rollout_settings import RolloutSettings, Select
    from handler.schedule.window import Window


def rollout_sentences(settings: RolloutSettings) -> Iterator[str]:
    """Yield how a rollout proceeds, what ends it, and when it runs."""
    count = (
        "in one wave" if len(settings.waves) == 1 else f"in waves of {', '.join(settings.waves)}"
    )
    soak = f", {in_words(settings.soak)} between them" if settings.soak else ""
    yield (
        f"{count}{soak}; at most {quantity(settings.max_targets_per_job, 'target')} in a job, "
        f"{quantity(settings.max_parallel_jobs, 'job')} at a time"
    )
    if settings.max_failed:
        pauses = settings.on_breach == settings.running_jobs == "pause"
        is_share = settings.max_failed.endswith("%")
        judged = f" of at least {settings.min_finished} finished ones" if is_share else ""
        yield (
            f"{settings.on_breach}s if more than {settings.max_failed}{judged} fail; "
            f"its running jobs {'are paused' if pauses else 'finish'}"
        )
    if settings.retry:
        times = "once" if settings.retry == 1 else f"up to {settings.retry} times"
        yield f"tries the failed nodes of a wave again, {times}"
    if settings.approve_before:
        numbers = ", ".join(map(str, settings.approve_before))
        yield f"waits for an approval before wave {numbers}"
    if settings.late_joiners == "include":
        yield "adds nodes that match later"
    if settings.when_busy == "skip":
        yield "leaves out nodes that are in a job of another rollout"
    if settings.window:
        yield f"only {window_sentence(settings.window)}"


def select_sentence(select: Select) -> str:
    """Return what is selected, such as `tag site=north, running, name gw-*`."""
    upgradable = {None: "", True: "upgradable", False: "not upgradable"}[select.upgradable]
    parts = [
        *(f"tag {tag}" for tag in select.tags),
        " or ".join(state.lower() for state in select.states),
        f"name {select.name}" if select.name != "*" else "",
        f"group {select.group}" if select.group else "",
        upgradable,
        f"without {', '.join(select.exclude)}" if select.exclude else "",
        f"at most {select.limit}" if select.limit else "",
    ]
    return ", ".join(part for part in parts if part) or "all"


def window_sentence(window: Window) -> str:
    """Return when a window is open, such as `mon, tue from 01:00 to 05:00 (Asia/Shanghai)`."""
    days = ", ".join(DAYS[day] for day in sorted(window.days))
    whole = "every day" if window.days == EVERY_DAY else days
    dates = ", ".join(day.isoformat() for day in sorted(window.excluded))
    times = f"from {window.begin:%H:%M} to {window.end:%H:%M} ({window.timezone})"
    return f"{whole} {times}{f', not on {dates}' if dates else ''}"
