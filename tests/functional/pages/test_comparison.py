"""Each row of the comparison in events/README.md, in Nightdrop's column, in operation."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from handler.deliveries.preview import preview
from handler.emulator.ief.fleet import Fleet, Node
from handler.schedule.rollout_settings import RolloutSettings
from handler.triggers.event_parser import parse_event
from tests.faults.simulation.memory_log import MemoryLog
from tests.support.clock import Clock
from tests.support.emulated_ief import EmulatedIef
from tests.support.rollout_log import RolloutLog, named
from tests.support.rollout_night import EVENING, Night

if TYPE_CHECKING:
    from handler.audit.rollouts.state import NodeState, NodeWord
    from handler.values.canonical_json import Json

PAGE = Path(__file__).parents[3] / "events/README.md"


def fleet(*more: Node) -> Fleet:
    """Return eight gateways in the north, one of them offline, and others."""
    north = (
        Node(
            node_id=f"{number:08}-0000-4000-8000-000000000000",
            name=f"gw-{number}",
            state="UNCONNECTED" if number == 8 else "RUNNING",
            tags=(("site", "north"),),
            upgrade_flag=True,
        )
        for number in range(1, 9)
    )
    return Fleet(nodes=(*north, *more), complete=True)


def night(nodes: Fleet | None = None) -> Night:
    """Return an evening with a small fleet."""
    clock = Clock(EVENING)
    return Night(clock, EmulatedIef(nodes or fleet(), clock), MemoryLog(clock))


def order(one: Night, window: Json = None, **rollout: Json) -> dict[str, Any]:
    """Hand over a rollout of all gateways of the north; return its standing in the reply."""
    spec: dict[str, Json] = {
        "kind": "node_upgrade",
        "name": "nightly",
        "targets": {"select": {"tags": {"site": "north"}, "name": "gw-*"}},
        "rollout": {"max_targets_per_job": 2, **rollout},
        **({"window": window} if window else {}),
    }
    (standing,) = one.order(spec).rollouts
    return standing


def run(one: Night, ticks: int = 30) -> None:
    """Let the reconciler run every five minutes, until the rollout waits for a person or ends."""
    for _ in range(ticks):
        one.wait(5)
        shown: Any = [rollout for result in one.tick().results for rollout in result.rollouts]
        rollouts = shown or [{"state": "finished"}]
        (standing,) = rollouts
        if standing["state"] != "running" or standing["waits"]["for"] == "approval":
            return


def nodes_in(one: Night, state: NodeWord) -> tuple[NodeState, ...]:
    """Return the nodes of the rollout in a state."""
    return one.log.read(lambda view: view.rollouts.nodes_in_state(one.rollout.key, state, 100))


def actions(one: Night) -> Counter[str]:
    """Return how often each action is on record."""
    return Counter(str(record.fields["action"]) for record in one.records())


def targets(one: Night) -> list[str]:
    """Return the targets of all jobs of the fleet."""
    jobs = one.ief.state.all_jobs()
    return [str(target["target_id"]) for job in jobs for target in job.targets]


def test_unique_id() -> None:
    """The same event again is the same rollout: each node is in one job."""
    one = night()
    assert order(one)["rollout"] == order(one)["rollout"]
    run(one)
    assert len(targets(one)) == len(set(targets(one))) == 7


def test_dynamic_targets() -> None:
    """Those that match by tag and name; of these, what is offline is skipped and recorded."""
    other = Node("x" * 32, "gw-9", tags=(("site", "south"),))
    one = night(fleet(other))
    standing = order(one)
    assert (standing["nodes"]["total"], standing["nodes"]["skipped"]) == (7, 1)
    assert [(node.name, node.note) for node in nodes_in(one, "skipped")] == [("gw-8", "offline")]


def test_staged_rollout() -> None:
    """One node, then half of them, then all; each wave begins after the one before and a soak."""
    one = night()
    order(one, waves=[1, "50%", "100%"], soak="10m")
    assert len(targets(one)) == 1
    run(one)
    assert one.rollout.wave_ends == (1, 4, 7)
    moments = [
        datetime.fromisoformat(str(record.fields["at"]).replace("Z", "+00:00"))
        for record in one.records()
        if record.fields["action"] in {"wave.started", "wave.finished"}
    ]
    pauses = [after - before for before, after in zip(moments[1::2], moments[2::2], strict=False)]
    assert len(moments) == 6
    assert min(pauses) >= timedelta(minutes=10)


def test_failure_threshold() -> None:
    """More failures than the spec allows pause it before the next job."""
    rollout = RolloutLog()
    rollout.plan(
        named(20), RolloutSettings(max_targets_per_job=2, max_parallel_jobs=1, max_failed="0")
    )
    assert rollout.run({"id-00001"}).standing.rollout.state == "paused"
    assert rollout.counts()[:4] == (18, 0, 1, 1)


def test_window() -> None:
    """Outside of it nothing starts, and it begins with the window."""
    one = night()
    waits = order(one, {"from": "03:00", "to": "05:00", "timezone": "Asia/Shanghai"})["waits"]
    assert (waits["for"], waits["until"]) == ("window", "2026-11-23T19:00:00Z")
    assert targets(one) == []
    one.wait(120)
    one.tick()
    assert len(targets(one)) == 6


def test_time_out() -> None:
    """A node that is out of reach fails when the ten minutes of its job are over."""
    one = night()
    spec: Json = {
        "kind": "node_upgrade",
        "name": "nightly",
        "targets": {"select": {"name": "gw-8", "state": "unconnected"}},
    }
    one.order(spec)
    one.wait(9)
    one.tick()
    assert [node.node_id for node in nodes_in(one, "running")] != []
    one.wait(2)
    one.tick()
    assert one.rollout.ended
    assert ["10 minutes were over" in node.note for node in nodes_in(one, "failed")] == [True]


def test_retry() -> None:
    """The failed nodes of a wave are tried once more, in a job of their own."""
    rollout = RolloutLog()
    rollout.plan(named(4), RolloutSettings(retry=1))
    rollout.run({"id-00002"})
    assert rollout.actions().count("job.planned") == 2
    assert rollout.counts().failed == 1


def test_pre_check() -> None:
    """`plan` says what is selected and skipped, and when the waves run; it records nothing."""
    one = night()
    spec: Json = {
        "kind": "node_upgrade",
        "name": "nightly",
        "targets": {"select": {"tags": {"site": "north"}}},
        "rollout": {"waves": [1, "100%"]},
    }
    asked: Any = parse_event({"action": "plan", "spec": spec}, eventgrid_keys="encoded")
    plan: Any = preview(asked.delivery, one.invocation()).plan
    (rollout,) = plan["rollouts"]
    assert len(rollout["waves"]) == 2
    assert one.records() == []


def test_approval() -> None:
    """A wave waits for a person, whose name is on record."""
    one = night()
    order(one, waves=[1, "100%"], approve_before=[2])
    run(one)
    assert (one.rollout.wave, one.rollout.awaited) == (1, 2)
    one.operate("approve")
    (approved,) = [r.fields for r in one.records() if r.fields["action"] == "wave.approved"]
    assert approved["actor"] == {"kind": "operator", "name": "ops"}
    run(one)
    assert one.rollout.state == "finished"


def test_pause_and_resume() -> None:
    """While it is paused no job is planned; its running jobs finish."""
    one = night()
    order(one, waves=[2, "100%"])
    one.operate("pause")
    one.wait(15)
    one.tick()
    assert len(targets(one)) == 2
    assert len(nodes_in(one, "succeeded")) == 2
    one.operate("resume")
    run(one)
    assert len(targets(one)) == 7


def test_reason_per_target() -> None:
    """Each failed node has its own."""
    rollout = RolloutLog()
    rollout.plan(named(4))
    rollout.run({"id-00002"})
    key = rollout.keys[0]
    failed = rollout.log.read(lambda view: view.rollouts.nodes_in_state(key, "failed", 9))
    assert [(node.name, node.note) for node in failed] == [("gw-00002", "no space")]


def test_late_joiners() -> None:
    """A node that comes online before the last wave is in it."""
    one = night()
    order(one, waves=[1, "100%"], late_joiners="include", soak="10m")
    assert one.rollout.nodes == 7
    joined = Node("9" * 32, "gw-9", tags=(("site", "north"),))
    state = one.ief.state
    state.simulation = state.simulation.__class__(
        **{**vars(state.simulation), "fleet": fleet(joined)}
    )
    run(one)
    assert one.rollout.nodes == 8
    assert "9" * 32 in targets(one)


def test_every_row_has_its_test() -> None:
    """And every test its row."""
    text = PAGE.read_text()
    table = text[text.index("| | IEF batch job |") :].split("\n\n")[0].splitlines()[2:]
    rows = [line.split("|")[1].strip().replace("-", " ") for line in table]
    *tests, _ = [name for name in globals() if name.startswith("test_")]
    names = [name.removeprefix("test_").replace("_", " ") for name in tests]
    assert rows == names
