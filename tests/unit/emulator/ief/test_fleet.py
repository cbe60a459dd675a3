"""Nodes that come into reach and go out of it."""

from __future__ import annotations

import math

import pytest

from handler.emulator.ief.fleet import Behaviour, Flapping, Node


@pytest.mark.parametrize(
    ("phase", "at", "away"),
    [(0.0, 0, 300), (0.0, 299, 1), (0.0, 300, 0), (0.0, 599, 0), (0.0, 600, 300), (0.75, 0, 0)],
)
def test_a_flapping_node_is_away_for_half_of_each_period(
    phase: float, at: float, away: float
) -> None:
    """Each at its own time."""
    node = Node("n1", "a", flapping=Flapping(600, phase))
    assert node.seconds_away(at) == pytest.approx(away)
    assert node.state_at(at) == ("UNCONNECTED" if away else "RUNNING")


def test_an_unconnected_node_never_comes_back() -> None:
    """Any other is there."""
    assert Node("n1", "a", state="UNCONNECTED").seconds_away(5) == math.inf
    assert Node("n1", "a", state="FAIL").seconds_away(5) == 0


def test_the_deviation_puts_95_percent_below_the_p95() -> None:
    """1.6449 standard deviations above the median, in logarithms."""
    behaviour = Behaviour(median=60, p95=240)
    assert 60 * math.exp(1.6449 * behaviour.deviation) == pytest.approx(240)
