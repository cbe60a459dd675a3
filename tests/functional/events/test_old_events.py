"""Events that are received long after their time, and events that come again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from click.testing import CliRunner

from handler.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Callable

    Fire = Callable[[object], dict[str, Any]]
    Tick = Callable[..., dict[str, Any]]

UPGRADE = "kind: node_upgrade\nname: hall\ntargets: {nodes: [{id: node-1}]}\n"


def audit(environ: dict[str, str], *arguments: str) -> str:
    """Return the output of a subcommand of `nightdrop audit`."""
    done = CliRunner().invoke(main, ["audit", *arguments, "--audit", environ["NIGHTDROP_AUDIT"]])
    assert done.exit_code == 0, done.output
    return done.output


def test_times_count_from_the_receipt_where_the_events_own_is_long_past(
    environ: dict[str, str], fire: Fire, tick: Tick
) -> None:
    """A sample's old date says nothing of how long a job took."""
    (job,) = fire(tick(UPGRADE, "2020-01-02T02:00:00+08:00"))["jobs"]
    (day,) = json.loads(audit(environ, "stats", "-ojson"))["days"]
    assert 0 <= day["p95_seconds"] < 600
    assert "2020" not in audit(environ, "show", job["job_name"]).splitlines()[1]


def test_a_repeated_event_does_not_hide_the_result_of_the_first(
    environ: dict[str, str], fire: Fire, tick: Tick
) -> None:
    """It is no run that repeats itself."""
    event = tick(UPGRADE)
    (job,) = fire(event)["jobs"]
    assert fire(event)["outcome"] == "duplicate"
    shown = audit(environ, "show", job["job_name"])
    assert "  planned  " in shown.splitlines()[0]
    assert "received again; no new job" in shown
    assert "the same as" not in shown
