"""Selectors: what is chosen, what is skipped and why, and what is an error."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, replace
from itertools import islice

import pytest

from handler.errors import SpecRejectedError
from handler.parsing import Document, Limits, read
from handler.schedule.rollout_settings import Select
from handler.specs.selector import Inventory, Selection, resolve_selections, select

GROUPS = {"g-1": "halls", "g-2": "docks"}


@dataclass(frozen=True)
class Node:
    """A node, with what is selected by."""

    id: str
    name: str
    state: str = "RUNNING"
    upgradable: bool = True
    tags: tuple[str, ...] = ("site=north",)
    groups: tuple[str, ...] = ("g-1",)


NORTH = Node("id-1", "gw-1")
OFFLINE = Node("id-2", "gw-2", state="UNCONNECTED")
NEWEST = Node("id-3", "gw-3", upgradable=False)
SOUTH = Node("id-4", "gw-4", tags=("site=south", "ring=1"), groups=("g-2", "g-3"))
CAMERA = Node("id-5", "camera-1", state="UPGRADING")
FLEET = (NORTH, OFFLINE, NEWEST, SOUTH, CAMERA)


def chosen(**wanted: object) -> set[str]:
    """Return the names of what is chosen of the fleet."""
    found = select(FLEET, GROUPS, replace(Select(states=()), **wanted))  # type: ignore[arg-type]  # any field
    return {name for _, name in found.chosen}


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        ({}, {"gw-1", "gw-2", "gw-3", "gw-4", "camera-1"}),
        ({"tags": ("site=south",)}, {"gw-4"}),
        ({"tags": ("site=south", "ring=1")}, {"gw-4"}),
        ({"tags": ("site=south", "ring=2")}, set()),
        ({"name": "gw-[12]"}, {"gw-1", "gw-2"}),
        ({"name": "GW-*"}, set()),
        ({"name": "gw-1"}, {"gw-1"}),
        ({"group": "docks"}, {"gw-4"}),
        ({"group": "g-2"}, {"gw-4"}),
        ({"group": "g-3"}, {"gw-4"}),
        ({"states": ("RUNNING",)}, {"gw-1", "gw-3", "gw-4"}),
        ({"states": ("UPGRADING", "UNCONNECTED")}, {"gw-2", "camera-1"}),
        ({"upgradable": True}, {"gw-1", "gw-2", "gw-4", "camera-1"}),
        ({"upgradable": False}, {"gw-3"}),
        ({"exclude": ("gw-*",)}, {"camera-1"}),
        ({"exclude": ("id-1", "gw-2")}, {"gw-3", "gw-4", "camera-1"}),
    ],
)
def test_every_condition_must_hold(wanted: dict[str, object], names: set[str]) -> None:
    """Names are patterns in which case counts; a group has a name or an id."""
    assert chosen(**wanted) == names


def test_what_matches_but_is_not_taken_has_its_reason() -> None:
    """What is of another site is not meant, and has none."""
    wanted = Select(tags=("site=north",), upgradable=True, exclude=("id-1",))
    assert dict(select(FLEET, GROUPS, wanted).skipped) == {
        "excluded": (("id-1", "gw-1"),),
        "offline": (("id-2", "gw-2"),),
        "newest already": (("id-3", "gw-3"),),
        "in state upgrading": (("id-5", "camera-1"),),
    }


def test_the_order_is_the_same_whatever_the_list_has() -> None:
    """And a limit takes the same ones."""
    whole = select(FLEET, GROUPS, Select(states=())).chosen
    assert select(FLEET[::-1], GROUPS, Select(states=())).chosen == whole
    limited = select(FLEET, GROUPS, Select(states=(), limit=2))
    assert limited.chosen == whole[:2]
    assert limited.skipped == (("over the limit", whole[2:]),)


def test_a_node_that_is_listed_twice_is_chosen_once() -> None:
    """A page may begin with what the one before ended with."""
    assert len(select((*FLEET, NORTH), GROUPS, Select()).chosen) == 3


def test_the_order_mixes_sites() -> None:
    """The first tenth of two sites listed one after the other has of both about the same."""
    nodes = [Node(f"id-{number}", f"{number // 500}-{number}") for number in range(1000)]
    first = islice(select(nodes, {}, Select()).chosen, 100)
    counts = Counter(name[0] for _, name in first)
    assert min(counts["0"], counts["1"]) >= 30


def test_ten_thousand_nodes_are_selected_fast() -> None:
    """In 0.2 s of processor time; the best of three, since other tests run beside this one."""
    nodes = [Node(f"id-{number}", f"gw-{number}") for number in range(10_000)]
    wanted = Select(tags=("site=north",), name="gw-*", group="halls", exclude=("gw-13",))
    times = []
    for _ in range(3):
        begin = time.process_time()
        found = select(nodes, GROUPS, wanted)
        times.append(time.process_time() - begin)
    assert len(found.chosen) == 9_999
    assert min(times) < 0.2


def document(select: str, kind: str = "node_upgrade") -> tuple[Document, ...]:
    """Return a document that selects."""
    text = f"kind: {kind}\nname: a\ntargets:\n  select: {select}\n"
    return read(text.encode(), Limits())


def resolved(select: str, kind: str = "node_upgrade") -> Selection:
    """Return what a document selects of the fleet, in which `app` is the only deployment."""
    app = Node("d-1", "app", state="", groups=())
    inventory = Inventory(lambda: FLEET, lambda: GROUPS, lambda: [app])
    return resolve_selections(document(select, kind), inventory)[1]


def test_nodes_are_running_unless_another_state_is_asked_for() -> None:
    """One state or several."""
    assert len(resolved('{name: "*"}').chosen) == 3
    assert len(resolved("{state: [running, UPGRADING]}").chosen) == 4
    assert [name for _, name in resolved("{state: upgrading}").chosen] == ["camera-1"]


def test_deployments_are_selected_for_their_upgrade() -> None:
    """In whichever state they are."""
    assert resolved("{name: a*}", "deployment_upgrade").chosen == (("d-1", "app"),)


@pytest.mark.parametrize(
    ("select", "problem"),
    [
        ("{name: west-*}", "selects nothing: none of 5 matches"),
        ("{name: camera-1}", "selects nothing: of those that match, 1 in state upgrading"),
        ("{name: gw-*, exclude: [gw-1, gw-3, gw-4]}",
         "selects nothing: of those that match, 3 excluded, 1 offline"),
        ("{group: hall}", "no node group has the name or id hall; similar: halls"),
    ],
)  # fmt: skip
def test_nothing_selected_is_an_error_that_says_why(select: str, problem: str) -> None:
    """On the line of the selector."""
    with pytest.raises(SpecRejectedError) as raised:
        resolved(select)
    (found,) = map(str, raised.value.problems)
    place, _, text = found.partition(", targets.select: ")
    assert place == "document 1, line 4"
    assert sorted(text.split(", ")) == sorted(problem.split(", "))


def test_only_what_is_needed_is_listed() -> None:
    """Groups cost a request, and only an enterprise instance has them."""
    listed: list[str] = []

    def lists(name: str) -> list[Node]:
        listed.append(name)
        return list(FLEET)

    inventory = Inventory(lambda: lists("nodes"), dict, lambda: lists("deployments"))
    uuid = "5a0f7c52-8e7b-4a57-9d43-1c1f0b8e2d11"
    with pytest.raises(SpecRejectedError, match="none of 5 matches"):
        resolve_selections(document(f"{{group: {uuid}}}"), inventory)
    assert listed == ["nodes"]
