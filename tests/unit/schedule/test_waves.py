"""Waves and gates: how many nodes have their turn when, and whether too many failed."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handler.schedule.rollout_settings import RolloutSettings
from handler.schedule.waves import breached, jobs_for, wave_ends, without_empty_waves

FOUR = ("1", "5%", "25%", "100%")
WAVES = st.lists(
    st.integers(1, 500).map(str) | st.integers(1, 99).map("{}%".format), max_size=6
).map(lambda waves: (*waves, "100%"))


@pytest.mark.parametrize(
    ("waves", "nodes", "ends"),
    [
        (FOUR, 500, (1, 25, 125, 500)),
        (FOUR, 10_000, (1, 500, 2500, 10_000)),
        (("5%", "100%"), 21, (2, 21)),
        (("5%", "100%"), 20, (1, 20)),
        (FOUR, 10, (1, 3, 10)),
        (FOUR, 1, (1,)),
        (("10", "100", "100%"), 40, (10, 40)),
        (("100%",), 7, (7,)),
        (FOUR, 0, ()),
    ],
)
def test_waves_are_shares_of_all_each_the_rest_of_those_before(
    waves: tuple[str, ...], nodes: int, ends: tuple[int, ...]
) -> None:
    """Shares are rounded up; a wave to which nothing is left is left out."""
    assert wave_ends(RolloutSettings(waves=waves), nodes) == ends


@given(waves=WAVES, nodes=st.integers(1, 20_000))
def test_every_wave_has_nodes_and_the_last_has_the_rest(waves: tuple[str, ...], nodes: int) -> None:
    """Whatever the order of numbers and shares is."""
    ends = wave_ends(RolloutSettings(waves=waves), nodes)
    assert ends[-1] == nodes
    assert all(begin < end for begin, end in pairwise((0, *ends)))


@pytest.mark.parametrize(
    ("nodes", "approvals", "waves", "expected"),
    [
        (500, (2,), FOUR, (2,)),
        (10, (2,), ("1", "25%", "100%"), (2,)),
        (10, (3,), ("1", "25%", "100%"), (2,)),
        (10, (2, 3, 4), ("1", "25%", "100%"), (2, 3)),
        (1, (1,), ("1",), (1,)),
        (1, (4,), ("1",), ()),
    ],
)
def test_an_approval_moves_to_the_next_wave_that_has_nodes(
    nodes: int, approvals: tuple[int, ...], waves: tuple[str, ...], expected: tuple[int, ...]
) -> None:
    """Of 10 nodes, 5% are the first wave's one: what waits for the second is the third."""
    settings = RolloutSettings(waves=FOUR, approve_before=approvals)
    found = without_empty_waves(settings, nodes)
    assert (found.waves, found.approve_before) == (waves, expected)


@given(waves=WAVES, nodes=st.integers(1, 20_000))
def test_waves_without_the_empty_ones_end_where_they_did(
    waves: tuple[str, ...], nodes: int
) -> None:
    """One wave for each end."""
    found = without_empty_waves(RolloutSettings(waves=waves), nodes)
    assert wave_ends(found, nodes) == wave_ends(RolloutSettings(waves=waves), nodes)
    assert len(found.waves) == len(wave_ends(RolloutSettings(waves=waves), nodes))


@pytest.mark.parametrize(("nodes", "jobs"), [(1, 1), (20, 1), (21, 2), (500, 25)])
def test_a_wave_needs_as_many_jobs_as_its_nodes_fill(nodes: int, jobs: int) -> None:
    """Twenty nodes each."""
    assert jobs_for(nodes, RolloutSettings(max_targets_per_job=20)) == jobs


@pytest.mark.parametrize(
    ("max_failed", "failed", "finished", "is_breached"),
    [
        ("", 500, 500, False),
        ("2%", 1, 9, False),
        ("2%", 1, 10, True),
        ("2%", 2, 100, False),
        ("2%", 3, 100, True),
        ("0%", 1, 10, True),
        ("0%", 0, 10, False),
        ("5", 5, 5, False),
        ("5", 6, 6, True),
        ("0", 1, 1, True),
    ],
)
def test_a_gate_is_breached_by_more_failures_than_are_allowed(
    max_failed: str, failed: int, finished: int, *, is_breached: bool
) -> None:
    """A share counts once ten have finished, a number at once."""
    settings = RolloutSettings(max_failed=max_failed, min_finished=10)
    assert breached(failed, finished, settings) is is_breached


def test_a_wave_without_nodes_stays_where_nodes_may_join() -> None:
    """They are in the last one, however few there are at first."""
    settings = RolloutSettings(waves=("1", "5", "100%"), late_joiners="include")
    assert wave_ends(settings, 1) == (1, 1, 1)
    assert wave_ends(replace(settings, waves=("1", "2")), 9) == (1, 2, 9)
    assert wave_ends(settings, 0) == ()
