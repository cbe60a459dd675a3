"""Fleets from files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from handler.emulator.ief.fleet_file import read_fleet
from handler.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

    from handler.emulator.ief.fleet import Fleet


def fleet(folder: Path, text: str) -> Fleet:
    """Read a fleet from a file with some text."""
    file = folder / "fleet.yaml"
    file.write_text(text)
    return read_fleet(file)


def test_the_demo_fleet_has_nodes_in_several_states() -> None:
    """Some need an upgrade, one is current, one is out of reach, one has failed."""
    nodes = read_fleet().nodes
    assert {node.state for node in nodes} == {"RUNNING", "UNCONNECTED", "FAIL"}
    assert {node.upgrade_flag for node in nodes} == {True, False}


def test_a_name_is_all_a_node_needs(tmp_path: Path) -> None:
    """It runs the newest version; its id is the same every time."""
    first = fleet(tmp_path, "nodes: [{name: a}]").nodes[0]
    assert (first.state, first.upgrade_flag, first.tags) == ("RUNNING", False, ())
    assert first == fleet(tmp_path, "nodes:\n  - name: a\n").nodes[0]


def test_a_node_is_what_the_file_says(tmp_path: Path) -> None:
    """A version that is not the newest sets the flag, unless the file says otherwise."""
    node, other = fleet(
        tmp_path,
        """
        newest: 2.60.1
        groups: [{name: docks, id: g1}]
        nodes:
          - {name: a, id: n1, state: STOPPED, version: 2.53.0, arch: aarch64,
             tags: {site: north}, groups: [docks]}
          - {name: b, version: 2.53.0, upgrade_flag: false}
        """,
    ).nodes
    assert (node.node_id, node.state, node.version, node.arch) == (
        "n1",
        "STOPPED",
        "2.53.0",
        "aarch64",
    )
    assert (node.upgrade_flag, node.tags, node.groups) == (True, (("site", "north"),), ("g1",))
    assert other.upgrade_flag is False


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        ("- a", "must be a mapping"),
        ("nodes: {}", "nodes: must be a list"),
        ("{}", "nodes: missing"),
        ("nodes: []\n---\nnodes: []", "one document"),
        (
            "nodes: [{name: a}, {nam: b}]",
            r"line 1, nodes\[1\].nam: unknown field; did you mean `name`",
        ),
        ("nodes: [{}]", r"nodes\[0\].name: missing"),
        ("nodes: [{name: a, state: running}]", r"nodes\[0\].state: must be one of 'RUNNING'"),
        ("nodes: [{name: a, state: [1]}]", r"nodes\[0\].state: must be one of 'RUNNING'"),
        ("nodes: [{name: a, upgrade_flag: 1}]", r"upgrade_flag: must be true or false"),
        ("nodes: [{name: a, version: 2.5}]", r"version: must be text"),
        ("nodes: [{name: a, tags: {line: 1}}]", r"tags.line: must be text"),
        ("nodes: [{name: a, tags: [x]}]", r"tags: must be a mapping"),
        ("nodes: [{name: a, groups: [x]}]", r"groups\[0\]: names a group that is not"),
        ("nodes: []\nparallelism: 0", "parallelism: must be at least 1"),
        ("nodes: [{name: a}, {name: a}]", r"nodes\[1\].name: is the name of an earlier one"),
        ("nodes: [{name: a, id: x}, {name: b, id: x}]", r"nodes\[1\].id: is the id of an earlier"),
    ],
)
def test_an_error_is_reported_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    """The file, the line, the part, and what would be right."""
    with pytest.raises(SettingsError, match=message) as caught:
        fleet(tmp_path, text)
    assert "fleet.yaml" in str(caught.value)


def test_all_problems_are_listed_at_once(tmp_path: Path) -> None:
    """One line for each."""
    with pytest.raises(SettingsError) as caught:
        fleet(tmp_path, "nodes: [{name: 1}, {state: x}]")
    assert len(str(caught.value).splitlines()) == 3


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """So that a typing error is found."""
    with pytest.raises(SettingsError, match=r"missing\.yaml cannot be read"):
        read_fleet(tmp_path / "missing.yaml")


def test_a_fleet_of_ones_own_is_complete(tmp_path: Path) -> None:
    """Beside the demo's nodes there may be others."""
    assert fleet(tmp_path, "nodes: [{name: a}]").complete
    assert not read_fleet().complete


def test_the_file_says_how_many_tasks_run_at_once(tmp_path: Path) -> None:
    """Of one job ten, of all jobs any number, if it does not."""
    silent = fleet(tmp_path, "nodes: []")
    assert (silent.job_parallelism, silent.parallelism) == (10, 0)
    limited = fleet(tmp_path, "nodes: []\njob_parallelism: 5\nparallelism: 50")
    assert (limited.job_parallelism, limited.parallelism) == (5, 50)
