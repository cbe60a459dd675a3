"""Many nodes from one entry of a fleet file."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from handler.emulator.ief.fleet_file import read_fleet
from handler.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

    from handler.emulator.ief.fleet import Node

HALLS = """
groups: [{name: halls, id: g-halls}]
nodes:
  - name: gw-{site}-{number}
    count: 1000
    tags: {site: [north, south], line: ["1", "2", "3"], kind: gateway}
    groups: [halls]
    versions: {"2.55.0": 90%, "2.56.0": 10%}
    offline: 5%
    flapping: 2%
    period: 30m
    failing: 3%
    late: 1%
    seconds: {median: 60, p95: 240}
  - name: camera-1
"""


def nodes(folder: Path, text: str, seed: int = 0) -> tuple[Node, ...]:
    """Read the nodes of a fleet file."""
    file = folder / "fleet.yaml"
    file.write_text(text)
    return read_fleet(file, seed).nodes


def test_an_entry_with_a_count_is_that_many_nodes(tmp_path: Path) -> None:
    """Their numbers have as many digits as the count; other entries follow."""
    found = nodes(tmp_path, HALLS)
    assert len(found) == 1001
    names = [node.name for node in found]
    assert (names[0], names[1], names[-2]) == ("gw-north-0001", "gw-south-0002", "gw-south-1000")
    assert names[-1] == "camera-1"
    assert {node.groups for node in found[:-1]} == {("g-halls",)}


def test_the_values_of_tags_go_round(tmp_path: Path) -> None:
    """All combinations, as often as one another."""
    combinations = Counter(node.tags for node in nodes(tmp_path, HALLS)[:-1])
    assert len(combinations) == 6
    assert max(combinations.values()) - min(combinations.values()) <= 1
    assert (("site", "south"), ("line", "3"), ("kind", "gateway")) in combinations


def test_shares_are_met_exactly(tmp_path: Path) -> None:
    """Of versions, of nodes out of reach, and of nodes that come and go."""
    found = nodes(tmp_path, HALLS)[:-1]
    assert Counter(node.version for node in found) == {"2.55.0": 900, "2.56.0": 100}
    assert Counter(node.upgrade_flag for node in found) == {True: 900, False: 100}
    assert Counter(node.state for node in found) == {"RUNNING": 950, "UNCONNECTED": 50}
    flapping = [node for node in found if node.flapping]
    assert (len(flapping), {node.state for node in flapping}) == (20, {"RUNNING"})
    assert {node.flapping.period for node in flapping if node.flapping} == {1800}


def test_the_seed_decides_which_nodes_they_are(tmp_path: Path) -> None:
    """The same seed, the same nodes; ids are the same with any seed."""
    first, same, other = (nodes(tmp_path, HALLS, seed) for seed in (1, 1, 2))
    assert first == same
    assert first != other
    assert [node.node_id for node in first] == [node.node_id for node in other]


def test_all_nodes_of_an_entry_behave_alike(tmp_path: Path) -> None:
    """One object for all of them; a node without the fields behaves as the simulation says."""
    found = nodes(tmp_path, HALLS)
    behaviour = found[0].behaviour
    assert all(node.behaviour is behaviour for node in found[:-1])
    assert (behaviour.failing, behaviour.late) == (0.03, 0.01)
    assert (behaviour.median, behaviour.p95) == (60, 240)
    assert (found[-1].behaviour.failing, found[-1].behaviour.median) == (None, 0)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("name: gw, count: 2", r"nodes\[0\].name: must contain {number}"),
        ("name: 'gw-{site}-{number}', count: 2", r"name: may contain {number} and, in braces"),
        ("name: 'gw-{number}', count: 0", r"count: must be at least 1"),
        ("name: 'gw-{number}', count: 200001", r"count: must be at most 200000"),
        ("name: 'gw-{number}', count: 2, id: x", r"id: cannot be combined with count"),
        ("name: 'gw-{number}', count: 2, offline: 5", r"offline: must be a percentage"),
        ("name: 'gw-{number}', count: 2, offline: 101%", r"offline: must be a percentage"),
        ("name: a, offline: 60%, flapping: 50%", r"flapping: must not be more than 100%"),
        ("name: a, flapping: 50%, period: 5", r"period: must be text"),
        ("name: a, flapping: 50%, period: 5s", r"period: must be a number and m, h or d"),
        ("name: a, versions: {'1': 50%, '2': 49%}", r"versions: must add up to 100%"),
        ("name: a, version: '1', versions: {'1': 100%}", r"versions: cannot be combined"),
        ("name: a, seconds: {median: 60, p95: 59}", r"p95: must be at least the median"),
        ("name: a, seconds: {median: 60}", r"seconds.p95: missing"),
        ("name: a, tags: {site: []}", r"tags.site: needs at least one entry"),
        (f"name: {'n' * 65}", r"name: must be at most 64 characters"),
        (f"name: '{'n' * 63}{{number}}', count: 10", r"name: must give names of at most 64"),
        (
            "name: 'a{number}', count: 9}, {name: a5",
            r"nodes\[1\].name: is the name of an earlier one",
        ),
    ],
)
def test_a_wrong_entry_is_reported_with_its_place(tmp_path: Path, entry: str, message: str) -> None:
    """What is wrong, in the words of the file."""
    with pytest.raises(SettingsError, match=message):
        nodes(tmp_path, f"nodes: [{{{entry}}}]")
