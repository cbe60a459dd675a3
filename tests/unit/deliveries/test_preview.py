"""What the function says it would do with a spec, and that it then does that."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from handler.emulator.server import Emulator

    Environ = dict[str, str]
    Reply = dict[str, Any]
    Fire = Callable[[object], Reply]
    FireIn = Callable[[Environ, object], Reply]
    Drop = Callable[..., Any]
    Recorded = Callable[[], list[Reply]]

NORTH = "5a0f7c52-8e7b-4a57-9d43-1c1f0b8e2d11"
SPEC = {"kind": "node_upgrade", "name": "hall", "targets": {"nodes": ["gateway-north-1"]}}
TEXT = json.dumps(SPEC)
ADDRESS = "obs://nightdrop-drop/drop/hall.yaml"


def ask(spec: object = SPEC, **more: object) -> dict[str, object]:
    """Return the event that asks what would be done."""
    return {"action": "plan", "spec": spec, **more}


def test_the_jobs_are_answered_with_their_targets_and_the_nodes_states(fire: Fire) -> None:
    """With the names and ids of the nodes."""
    reply = fire(ask())
    (job,) = reply["plan"]["jobs"]
    assert reply["outcome"] == "completed"
    assert job["targets"] == [
        {
            "type": "node",
            "id": NORTH,
            "name": "gateway-north-1",
            "state": "RUNNING",
            "upgradable": True,
        }
    ]


@pytest.mark.parametrize("spec", [SPEC, TEXT])
def test_what_is_planned_is_what_is_created(fire: Fire, spec: object) -> None:
    """The name that a direct invocation would have is the one it then has."""
    planned = fire(ask(spec))["plan"]["jobs"][0]["job_name"]
    assert fire(SPEC)["jobs"][0]["job_name"] == planned


def test_nothing_is_recorded_and_nothing_is_sent(
    emulator: Emulator, fire: Fire, recorded: Recorded
) -> None:
    """Whatever the answer is."""
    for event in (ask(), ask(TEXT, object=ADDRESS), ask("nonsense: ["), ask({**SPEC, "kind": "x"})):
        fire(event)
    assert recorded() == []
    assert not emulator.state.all_jobs()


def test_the_name_of_a_job_of_a_file_is_known_only_once_its_event_comes(fire: Fire) -> None:
    """It follows from the delivery."""
    assert fire(ask(TEXT, object=ADDRESS))["plan"]["jobs"][0]["job_name"] == "hall-…"


def test_the_same_order_again_is_a_duplicate_of_the_run_that_is_named(fire: Fire) -> None:
    """With that run's jobs."""
    first = fire(SPEC)
    reply = fire(ask())
    assert (reply["outcome"], reply["plan"]["repeats"]) == ("duplicate", first["deliveries"][0])
    assert reply["plan"]["repeated_jobs"][0]["job_id"] == first["jobs"][0]["job_id"]


def test_the_same_bytes_at_the_same_place_are_a_duplicate(fire: Fire, drop: Drop) -> None:
    """As if the file were dropped again; another content would run."""
    fire(drop("drop/hall.yaml", TEXT.encode()))
    other = json.dumps({**SPEC, "serial": 2})
    assert fire(ask(TEXT, object=ADDRESS))["outcome"] == "duplicate"
    assert fire(ask(other, object=ADDRESS))["outcome"] == "completed"


def test_a_wrong_spec_is_rejected_with_its_lines(fire: Fire) -> None:
    """As a dropped file would be."""
    reply = fire(ask("kind: node_upgrade\nname: Hall\ntargets: {nodes: [n]}\n", object=ADDRESS))
    assert reply["outcome"] == "rejected"
    assert reply["errors"][0].startswith("document 1, line 2, name:")


def test_what_the_policy_refuses_is_rejected_with_its_rule(fire: Fire) -> None:
    """By the policy of the function."""
    reply = fire(ask({**SPEC, "valid_for": "30d"}))
    assert reply["outcome"] == "rejected"
    assert "rule 1 of the built-in policy" in reply["errors"][0]


def test_a_limit_of_the_policy_says_how_many_jobs_are_left(
    environ: Environ, fire_in: FireIn, tmp_path: Path
) -> None:
    """By the jobs that were planned within a day."""
    policy = tmp_path / "policy.yaml"
    policy.write_text("rules:\n  - jobs_per_day: 3\n")
    limited = {**environ, "NIGHTDROP_POLICY": str(policy)}
    left = []
    for number in range(3):
        left.append(fire_in(limited, ask({**SPEC, "serial": number}))["plan"]["jobs_left"])
        fire_in(limited, {**SPEC, "serial": number})
    assert left == [3, 2, 1]
    assert fire_in(limited, ask({**SPEC, "serial": 4}))["outcome"] == "rejected"


def test_the_nodes_are_listed_once(emulator: Emulator, fire: Fire) -> None:
    """For the names and for the states."""
    fire(ask())
    lists = [one for one in emulator.state.requests if one.operation == "ListEdgeNodes"]
    assert len(lists) == 1


def test_nodes_that_cannot_be_listed_are_a_warning(emulator: Emulator, fire: Fire) -> None:
    """The plan is answered without their states."""
    fault = {"operation": "ListEdgeNodes", "fault": "status"}
    emulator.faults.set([{**fault, "status": 503}])
    reply = fire(ask({**SPEC, "targets": {"nodes": [NORTH]}}))
    assert reply["plan"]["jobs"][0]["targets"] == [{"type": "node", "id": NORTH}]
    assert "the state of the nodes is not known" in reply["warnings"][0]


@pytest.mark.parametrize(
    ("event", "error"),
    [
        ({"action": "plan"}, "spec: missing"),
        (ask(7), "spec"),
        (ask(object="hall.yaml"), "object: must be obs://bucket/key"),
        (ask(wait=True), "wait: unknown field"),
    ],
)
def test_a_wrong_question_is_rejected(fire: Fire, event: dict[str, object], error: str) -> None:
    """With the field that is wrong."""
    reply = fire(event)
    assert reply["outcome"] == "rejected"
    assert error in reply["errors"][0]


def test_a_bucket_that_is_not_the_functions_is_rejected(fire: Fire) -> None:
    """As an event about it would be."""
    reply = fire(ask(object="obs://other/drop/hall.yaml"))
    assert reply["outcome"] == "rejected"
    assert "not one of this function's buckets" in reply["errors"][0]


def test_the_digest_to_approve_is_that_of_the_direct_invocation(
    environ: Environ, fire: Fire, tmp_path: Path
) -> None:
    """However the file is written; no file can approve it."""
    (tmp_path / "policy.yaml").write_text("rules: [{approval: required}]")
    environ["NIGHTDROP_POLICY"] = str(tmp_path / "policy.yaml")
    (planned,) = fire(ask(json.dumps(SPEC, indent=2)))["errors"]
    (asked,) = fire(SPEC)["errors"]
    digest = re.compile(r"[0-9a-f]{64}")
    assert digest.findall(planned) == digest.findall(asked) != []
    assert ".approve" not in asked


def test_what_was_handed_over_has_no_lines(fire: Fire) -> None:
    """Its sender wrote a value, which the function wrote down in one line."""
    wrong = {**SPEC, "targets": {"nodes": ["gateway-nort-1"]}}
    (error,) = fire(wrong)["errors"]
    assert error.startswith("document 1, targets.nodes[0]: no node has the name or id")


def test_several_specs_cannot_be_handed_over(fire: Fire) -> None:
    """As `nightdrop invoke` says of such a file; dropped, they are planned."""
    text = f"{TEXT}\n{json.dumps({**SPEC, 'name': 'yard'})}\n"
    assert "an event has one" in fire(ask(text))["errors"][0]
    address = ADDRESS.replace(".yaml", ".jsonl")
    assert len(fire(ask(text, object=address))["plan"]["jobs"]) == 2


def _policy(folder: Path, kind: str, more: str = "") -> str:
    path = folder / f"{kind}{len(more)}.yaml"
    path.write_text(f"rules:\n  - from: {{direct: true}}\n    kinds: [{kind}]\n{more}")
    return str(path)


def test_what_was_rejected_is_planned_as_the_run_that_would_come_next(
    environ: Environ, fire_in: FireIn, tmp_path: Path
) -> None:
    """By the policy that is in force by now, and with the names that the jobs would have."""
    no, yes = (
        {**environ, "NIGHTDROP_POLICY": _policy(tmp_path, kind)}
        for kind in ("deployment_deploy", "node_upgrade")
    )
    approval = _policy(tmp_path, "node_upgrade", "    approval: required\n")
    fire_in(no, SPEC)
    planned = fire_in(yes, ask())
    assert fire_in(no, ask())["outcome"] == "rejected"
    assert fire_in({**environ, "NIGHTDROP_POLICY": approval}, ask())["outcome"] == "awaiting"
    created = fire_in(yes, SPEC)["jobs"]
    assert planned["outcome"] == "completed"
    assert [job["job_name"] for job in planned["plan"]["jobs"]] == [
        job["job_name"] for job in created
    ]


def test_an_unknown_node_is_reported_however_often_it_was_rejected(fire: Fire) -> None:
    """A spec that was handed over and rejected is read again."""
    spec = {**SPEC, "targets": {"nodes": ["gateway-north-9"]}}
    fire(spec)
    assert fire(ask(spec))["outcome"] == "rejected"


def test_what_is_no_spec_at_all_is_reported_once(fire: Fire) -> None:
    """Not for each form that a spec may have."""
    assert fire(ask(1))["errors"] == ["spec: must be a job spec, or the text of one"]
