"""A rollout as a row and as a line, from what replies and result files say of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from handler.cli.audit.records.record_row import format_time
from handler.cli.configuration.environment import environment
from handler.cli.listing import Listing, print_table
from handler.errors import SettingsError
from handler.rollouts.advance import JobTimes
from handler.schedule.timeline import GRACE
from handler.values.duration import seconds_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROLLOUTS = Listing(
    ("name", "state", "wave", "nodes", "failed", "waits for", "until", "note"),
    name="name",
    empty="No rollout matches.",
    optional=("waits for", "failed", "until", "wave"),
)
"""How rollouts are listed."""

_WAITS = {
    "due": "the next run",
    "joiners": "the next run",
    "running": "its jobs",
    "busy": "other rollouts",
    "held": "release",
    "paused": "resume",
}
"""What a rollout waits for, where the word of the reply is not that."""


def operator_times() -> JobTimes:
    """Return what the operator set for rollouts, as far as looking at one needs it.

    Raises:
        SettingsError: NIGHTDROP_JOB_GRACE is not a duration.
    """
    try:
        given = environment().get("NIGHTDROP_JOB_GRACE")
        return JobTimes(0.0, seconds_of(given) if given else GRACE)
    except ValueError as error:
        raise SettingsError(f"NIGHTDROP_JOB_GRACE: {error}") from error


def print_rollouts(standings: Sequence[Mapping[str, Any]]) -> None:
    """Print rollouts as a table."""
    print_table(standings, ROLLOUTS, shown=rollout_cells, style=rollout_style)


def rollout_cells(standing: Mapping[str, Any]) -> dict[str, object]:
    """Return a rollout as a table shows it."""
    waits = standing.get("waits", {})
    return {
        "name": standing["name"],
        "state": standing["state"],
        "wave": f"{standing['wave']}/{standing['waves']}",
        "nodes": nodes_done(standing["nodes"]),
        "failed": standing["nodes"]["failed"] or "",
        "waits for": _word(waits),
        "until": format_time(waits.get("until", ""))[:16],
        "note": (standing.get("note") or waits.get("text", "")).partition("\n")[0],
        "command": f"nightdrop rollout approve {standing['name']}" * (_word(waits) == "approval"),
    }


def rollout_style(standing: Mapping[str, Any]) -> str:
    """Return the style of a rollout in a table."""
    return "red" if rollout_went_wrong(standing) or standing["nodes"]["failed"] else ""


def rollout_went_wrong(standing: Mapping[str, Any]) -> bool:
    """Return whether a rollout was stopped, or has finished with nodes that failed."""
    failed = standing["state"] == "finished" and standing["nodes"]["failed"]
    return bool(standing["state"] == "stopped" or failed)


def rollout_line(standing: Mapping[str, Any]) -> str:
    """Return a rollout as one line."""
    cells = rollout_cells(standing)
    failed = f", {cells['failed']} failed" if cells["failed"] else ""
    waits = waits_for(standing)
    return "  ".join(
        (
            str(cells["name"]),
            str(standing["state"]),
            f"wave {cells['wave']}",
            f"{cells['nodes']} nodes{failed}",
            *((f"waits for {waits}",) if waits else ()),
        )
    )


def waits_for(standing: Mapping[str, Any]) -> str:
    """Return what a rollout waits for and until when; "" if it has ended."""
    waits = standing.get("waits", {})
    until = f" until {format_time(waits['until'])} UTC" if "until" in waits else ""
    return f"{_word(waits)}{until}"


def nodes_done(nodes: Mapping[str, int]) -> str:
    """Return how many nodes of a rollout had their turn, such as `35 of 40 (87%)`."""
    done = nodes["total"] - nodes["pending"] - nodes["running"]
    return f"{done} of {nodes['total']} ({100 * done // nodes['total']}%)"


def _word(waits: Mapping[str, Any]) -> str:
    word = str(waits.get("for", ""))
    return _WAITS.get(word, word)
