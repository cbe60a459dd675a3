"""A rollout as a row and as a line: its wave, its nodes, and what it waits for."""

from __future__ import annotations

from typing import Any

import pytest

from handler.cli.rollouts.rollout_row import (
    print_rollouts,
    rollout_cells,
    rollout_line,
    rollout_style,
    waits_for,
)
from tests.support.terminal import plain_on_terminal

NODES = {"total": 40, "pending": 4, "running": 1, "succeeded": 33, "failed": 1, "skipped": 3}
RUNNING: dict[str, Any] = {
    "name": "nightly-k",
    "state": "running",
    "wave": 2,
    "waves": 4,
    "nodes": NODES,
    "waits": {"for": "running", "text": "1 node in 1 job"},
}


def test_a_row_counts_nodes_that_had_their_turn() -> None:
    """Succeeded, failed or skipped; the share is rounded down."""
    assert rollout_cells(RUNNING) == {
        "name": "nightly-k",
        "state": "running",
        "wave": "2/4",
        "nodes": "35 of 40 (87%)",
        "failed": 1,
        "waits for": "its jobs",
        "until": "",
        "note": "1 node in 1 job",
        "command": "",
    }


@pytest.mark.parametrize(
    ("waits", "text"),
    [
        ({"for": "due"}, "the next run"),
        ({"for": "soak", "until": "2026-11-26T01:30:00Z"}, "soak until 2026-11-26 01:30:00 UTC"),
        ({"for": "approval"}, "approval"),
        ({"for": "paused"}, "resume"),
        ({}, ""),
    ],
)
def test_what_is_waited_for_is_named_with_its_end(waits: dict[str, str], text: str) -> None:
    """Nothing, once the rollout has ended."""
    assert waits_for({"waits": waits}) == text


def test_the_command_that_approves_a_wave_is_whole_on_a_narrow_terminal() -> None:
    """The text that has it is cropped."""
    command = "nightdrop rollout approve nightly-k"
    waits = {"for": "approval", "text": f"`{command}` lets wave 3 start"}
    lines = plain_on_terminal(60, lambda: print_rollouts([{**RUNNING, "waits": waits}]))
    assert lines[1].endswith("…")
    assert lines[2:] == [command]


def test_a_line_says_all_of_it() -> None:
    """For replies, logs and what is not a terminal."""
    assert rollout_line(RUNNING) == (
        "nightly-k  running  wave 2/4  35 of 40 (87%) nodes, 1 failed  waits for its jobs"
    )


def test_a_rollout_that_went_wrong_is_seen() -> None:
    """Nodes failed, or it was stopped."""
    well = {**RUNNING, "nodes": {**NODES, "failed": 0}}
    assert rollout_style(RUNNING) == "red"
    assert rollout_style(well) == ""
    assert rollout_style({**well, "state": "stopped"}) == "red"
