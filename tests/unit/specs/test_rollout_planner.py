"""Rollouts of a plan: keys, names, nodes, and the request of each job."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from handler.errors import SpecRejectedError
from handler.parsing import Document, Limits, read
from handler.specs.api_form import body_errors
from handler.specs.planner import (
    has_selections,
    make_plan,
    mark_of,
    rollout_job,
    rollout_job_name,
)
from handler.specs.selector import Selection
from tests.unit.specs.full_specs import JOB

if TYPE_CHECKING:
    from handler.specs.rollout_planner import PlannedRollout

SAMPLE = Path(__file__).parents[3] / "events/specs/nightly-rollout.yaml"
KEY, JOB_KEY = "k" * 52, "j" * 52
CHOSEN = tuple((f"id-{number}", f"gw-{number}") for number in range(10))
NAMED: dict[str, Any] = {
    "kind": "node_upgrade",
    "name": "nightly",
    "targets": {"nodes": [{"id": "n1", "name": "gate"}, "n2"]},
    "rollout": {"waves": ["50%", "100%"]},
}


def planned(job: dict[str, Any], selection: Selection | None = None) -> PlannedRollout:
    """Return the only rollout of a document."""
    selections = {1: selection} if selection else {}
    plan = make_plan(KEY, [Document(1, job)], selections=selections)
    assert plan.jobs == ()
    (rollout,) = plan.rollouts
    return rollout


@pytest.mark.parametrize("field", ["rollout", "window", "select"])
def test_any_word_of_a_rollout_makes_one(field: str) -> None:
    """A document without any of them stays one job."""
    one_job = {name: value for name, value in NAMED.items() if name != "rollout"}
    assert len(make_plan(KEY, [Document(1, one_job)]).jobs) == 1
    more: dict[str, Any] = {
        "rollout": {"rollout": {}},
        "window": {"window": {"from": "01:00", "to": "05:00", "timezone": "UTC"}},
        "select": {"targets": {"select": {"name": "*"}}},
    }
    assert planned({**one_job, **more[field]}).job_type == "node_upgrade"


def test_a_rollout_has_a_key_and_a_name_of_its_own() -> None:
    """The same for each delivery of the same key."""
    one, again = planned(NAMED), planned(NAMED)
    assert one == again
    assert one.name == f"nightly-{one.key[:8]}"
    (job,) = make_plan(KEY, [Document(1, {**NAMED, "rollout": {}})]).rollouts
    assert job.key == one.key


def test_nodes_that_are_named_keep_their_order() -> None:
    """Whoever writes them decides which is first; a name beside an id is not looked up."""
    rollout = planned(NAMED)
    assert rollout.nodes == (("n1", "gate"), ("n2", ""))
    assert rollout.looked_up == ()


def test_nodes_that_are_selected_are_those_of_the_selection() -> None:
    """With what was skipped; their names are those of the node list."""
    selection = Selection(CHOSEN, (("offline", (("id-x", "gw-x"),)),))
    job = {**NAMED, "targets": {"select": {"name": "gw-*"}}}
    rollout = planned(job, selection)
    assert (rollout.nodes, rollout.looked_up, rollout.skipped) == (CHOSEN, *selection)


def test_waves_that_have_no_nodes_are_left_out() -> None:
    """Of ten nodes, 5% are none beside the first wave's one."""
    rollout = {"waves": [1, "5%", "100%"], "approve_before": [2]}
    job = {**NAMED, "targets": {"select": {"name": "gw-*"}}, "rollout": rollout}
    settings = planned(job, Selection(CHOSEN)).settings
    assert (settings.waves, settings.approve_before) == (("1", "100%"), (2,))
    assert planned(job).settings.waves == ("1", "5%", "100%")  # they are not selected yet


def test_a_wave_that_is_longer_than_the_window_is_refused() -> None:
    """On the window's line."""
    text = SAMPLE.read_text().replace('to: "05:00"', 'to: "01:10"')
    with pytest.raises(SpecRejectedError) as raised:
        make_plan(KEY, read(text.encode(), Limits()))
    (problem,) = map(str, raised.value.problems)
    assert problem == (
        "document 1, line 14, window: wave 1 has 1 job and may take 15 min, besides 5 min until a "
        "run starts it; the window is open for 10 min: one job needs a window of 20 min at least"
    )


def test_the_request_of_a_job_is_that_of_the_short_form() -> None:
    """Every field but the name, the targets and the mark."""
    rollout = planned({**JOB, "rollout": {}})
    name = rollout_job_name(rollout.name, JOB_KEY)
    body = json.loads(rollout_job(rollout.template, name, JOB_KEY, (("n1", "gate"), ("n2", ""))))
    (job,) = make_plan(KEY, [Document(1, JOB)]).jobs
    expected = json.loads(job.body)
    assert list(body) == list(expected)
    assert body == {
        **expected,
        "job_name": "reader-jjjjjjjj",
        "description": f"{mark_of(JOB_KEY)} reads",
    }
    assert body_errors(body) == []


def test_a_job_of_the_longest_name_fits_the_api() -> None:
    """17 characters, a hyphen and 8 of the job's key; its own for each job."""
    rollout = planned({**NAMED, "name": "n" * 17})
    names = {rollout_job_name(rollout.name, key) for key in (JOB_KEY, KEY)}
    assert names == {f"{'n' * 17}-jjjjjjjj", f"{'n' * 17}-kkkkkkkk"}


def test_a_deployment_as_target_has_no_name_of_a_node() -> None:
    """It would be wrong."""
    job = {**JOB, "kind": "deployment_upgrade", "targets": {"select": {"name": "a*"}}}
    rollout = planned(job, Selection((("d-1", "app"),)))
    body = json.loads(rollout_job(rollout.template, "x", JOB_KEY, rollout.nodes))
    assert body["job_content"]["target_type"] == "deployment"
    assert body["job_content"]["targets"] == [{"target_id": "d-1"}]


def test_a_selection_asks_for_the_node_list() -> None:
    """Ids alone do not."""
    assert has_selections(read(SAMPLE.read_bytes(), Limits()))
    assert not has_selections([Document(1, NAMED)])


def test_a_file_has_twenty_rollouts_at_most() -> None:
    """Each selects from all nodes, and their number is not that of the jobs."""
    documents = [Document(number, NAMED) for number in range(1, 22)]
    assert len(make_plan(KEY, documents[:20]).rollouts) == 20
    with pytest.raises(SpecRejectedError, match="21 rollouts in one file, at most 20"):
        make_plan(KEY, documents)
