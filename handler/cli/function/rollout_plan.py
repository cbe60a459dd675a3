"""What a rollout would be, as `nightdrop plan` prints it: nodes, settings, waves on a time line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.text import Text

from handler.cli.audit.records.record_row import format_minute
from handler.cli.console import printable
from handler.cli.listing import Listing, print_table
from handler.policy.verdict import BUILT_IN_NAME
from handler.values.canonical_json import moment
from handler.values.display import quantity

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from rich.console import Console

_TIMES = ("earliest_start", "latest_start", "latest_end")
_WAVES = Listing(
    ("wave", "nodes", "jobs", *(name.replace("_", " ") for name in _TIMES), "time line"),
    name="wave",
    empty="",
    optional=("latest start", "earliest start", "jobs"),
)
_BAR_WIDTH = 20


def print_rollout_plans(planned: Mapping[str, Any], outcome: str, console: Console) -> None:
    """Print the rollouts in the reply to `{"action": "plan"}`, and the policy's rule."""
    if outcome == "completed":
        policy = planned["policy"]
        name = "the built-in policy" if policy == BUILT_IN_NAME else f"policy {policy[:12]}…"
        line = f"  rule {planned['rule']} of {name} allows it"
        console.print(line, highlight=False, soft_wrap=True)
    for rollout in planned["rollouts"]:
        _print_rollout(rollout, console)


def _print_rollout(rollout: Mapping[str, Any], console: Console) -> None:
    for name, text in _facts(rollout):
        line = Text.assemble(("  " + name.ljust(10), "dim"), printable(text))
        console.print(line, highlight=False, soft_wrap=True)
    if rollout["waves"]:
        bars = time_line([tuple(moment(one[name]) for name in _TIMES) for one in rollout["waves"]])
        rows = [
            {"wave": one["wave"], "nodes": one["nodes"], "jobs": one["jobs"], "time line": bar}
            | {name.replace("_", " "): format_minute(one[name]) for name in _TIMES}
            for one, bar in zip(rollout["waves"], bars, strict=True)
        ]
        print_table(rows, _WAVES)
        note = "times are UTC; ░ may start by then, █ runs if every job takes as long as it may"
        console.print(Text(f"  {note}", style="dim"), highlight=False, soft_wrap=True)


def time_line(waves: Sequence[tuple[datetime, ...]]) -> Iterator[str]:
    """Yield a bar for each wave, all on the same scale.

    Args:
        waves: The earliest start, the latest start and the latest end of each.
    """
    begin, end = waves[0][0], waves[-1][-1]
    cell = (end - begin) / _BAR_WIDTH
    for times in waves:
        first, last, ended = (round((time - begin) / cell) for time in times)
        first = min(first, _BAR_WIDTH - 1)
        last = min(max(first, last), _BAR_WIDTH - 1)
        yield " " * first + "░" * (last - first) + "█" * max(1, ended - last)


def _facts(rollout: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "rollout", f"{rollout['name']}, {rollout['job_type']}"
    if "select" in rollout:
        yield "selects", rollout["select"]
    more = ", …" if rollout["selected"] > len(rollout["names"]) else ""
    nodes = quantity(rollout["selected"], "node")
    yield "nodes", f"{nodes}: {', '.join(rollout['names'])}{more}" if rollout["names"] else nodes
    skipped = ", ".join(f"{one['nodes']} {one['reason']}" for one in rollout["skipped"])
    if skipped:
        yield "skips", skipped
    for number, sentence in enumerate(rollout["settings"]):
        yield "" if number else "runs", sentence
