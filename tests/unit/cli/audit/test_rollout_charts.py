"""The drawings of rollouts, as text."""

from __future__ import annotations

import re

from handler.cli.audit.web.rollout_charts import WaveRun, nodes_bar, wave_runs, waves_over_time

NOW = "2026-11-26T02:00:00.000000Z"


def at(minute: int) -> str:
    """Return a time within the first hour, as a timestamp."""
    return f"2026-11-26T01:{minute:02}:00.000000Z"


def bars(drawing: str) -> list[tuple[float, float]]:
    """Return where each bar begins and how long it is."""
    found = re.findall(r'x="([0-9.]+)" y="0" width="([0-9.]+)"', drawing)
    return [(float(x), float(width)) for x, width in found]


def test_the_bar_of_nodes_has_a_part_for_each_state_but_pending() -> None:
    """Side by side, as shares of all."""
    counts = {"pending": 50, "running": 20, "succeeded": 25, "failed": 5, "skipped": 0}
    assert bars(nodes_bar(counts)) == [(0, 25), (25, 5), (30, 20)]
    assert "<title>5 failed</title>" in nodes_bar(counts)


def test_waves_stand_on_one_scale_from_the_first_start_to_the_last_end() -> None:
    """One that runs ends now."""
    runs = [WaveRun(1, 5, 0, at(0), at(15)), WaveRun(2, 20, 3, at(15), at(30))]
    drawn = waves_over_time([*runs, WaveRun(3, 75, 0, at(45))], NOW, "running")
    assert bars(drawn) == [(0, 25), (25, 25), (75, 25)]
    kinds = re.findall(r'class="fill-([a-z-]+)"', drawn)
    assert kinds == ["successful", "failed-on-the-fleet", "planned"]
    assert "20 nodes, 3 failed" in drawn
    assert "11-26 01:45, 15 min so far" in drawn


def test_a_short_wave_is_still_seen() -> None:
    """At the end of the scale too."""
    short = WaveRun(2, 1, 0, at(59), at(59))
    assert bars(waves_over_time([WaveRun(1, 5, 0, at(0), at(59)), short], NOW, "running"))[1] == (
        99,
        1,
    )


def test_waves_that_have_not_started_are_listed() -> None:
    """With their nodes."""
    found = [{"wave": 1, "failed": None, "started_at": at(0), "finished_at": None}]
    runs = wave_runs((5, 20), found)
    assert runs == [WaveRun(1, 5, 0, at(0)), WaveRun(2, 15)]
    assert "<td>wave 2</td><td>15 nodes</td>" in waves_over_time(runs, NOW, "running")
    assert "not started" in waves_over_time(wave_runs((5,), []), NOW, "running")


def test_a_wave_of_a_stopped_rollout_runs_no_more() -> None:
    """It ended with the rollout, though not all of its nodes did."""
    drawn = waves_over_time([WaveRun(1, 5, 0, at(45))], NOW, "stopped")
    assert "11-26 01:45, 15 min, then stopped" in drawn
