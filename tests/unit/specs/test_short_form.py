"""The short form: errors, warnings, and the body that is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handler.parsing import format_path
from handler.specs.api_form import body_errors
from handler.specs.short_form import (
    build_body,
    job_errors,
    job_warnings,
    valid_for_seconds,
)

if TYPE_CHECKING:
    from handler.values.canonical_json import Json

KEY = "abcdefgh" + "x" * 44
UPGRADE: dict[str, Json] = {"kind": "node_upgrade", "name": "nightly", "targets": {"nodes": ["n"]}}
DEPLOYMENT: dict[str, Json] = {
    "replicas": 1,
    "template": {
        "configs": {"restart_policy": "Never"},
        "containers": [{"name": "c", "image_url": "i"}],
    },
}


def errors(job: dict[str, Json]) -> list[str]:
    """Return the faults as text."""
    return [f"{format_path(one.path)}: {one.message}" for one in job_errors(job)]


def test_a_job_becomes_the_apis_body() -> None:
    """Field by field, with the key's first characters in the name."""
    job: dict[str, Json] = {
        **UPGRADE,
        "targets": {"nodes": ["n1", {"id": "n2", "name": "gate"}]},
        "description": "text",
        "tags": {"team": "ops"},
        "serial": 7,
        "valid_for": "2d",
    }
    assert errors(job) == []
    assert build_body(job, KEY) == {
        "job_name": "nightly-abcdefgh",
        "job_type": "node_upgrade",
        "job_content": {
            "target_type": "node",
            "targets": [
                {"target_id": "n1"},
                {"target_id": "n2", "extension_info": [{"key": "node_name", "value": "gate"}]},
            ],
        },
        "description": "text",
        "tags": [{"key": "team", "value": "ops"}],
    }


@pytest.mark.parametrize(
    ("field", "target_type"),
    [("nodes", "node"), ("groups", "node_group"), ("deployments", "deployment")],
)
def test_the_targets_field_says_their_type(field: str, target_type: str) -> None:
    """The API's word is not needed."""
    content = build_body({**UPGRADE, "targets": {field: ["t"]}}, KEY)["job_content"]
    assert content == {"target_type": target_type, "targets": [{"target_id": "t"}]}


def test_only_a_nodes_name_is_sent() -> None:
    """The API's page knows `node_name` alone; elsewhere the name is for the reader."""
    job: dict[str, Json] = {**UPGRADE, "targets": {"groups": [{"id": "g", "name": "hall"}]}}
    assert errors(job) == []
    content = build_body(job, KEY)["job_content"]
    assert content == {"target_type": "node_group", "targets": [{"target_id": "g"}]}


def test_the_longest_name_still_fits_the_api() -> None:
    """17 characters, a hyphen and 8 of the key are 26."""
    body = build_body({**UPGRADE, "name": "n" * 17}, KEY)
    assert body_errors(body) == []
    (error,) = errors({**UPGRADE, "name": "n" * 18})
    assert error == (
        "name: 18 characters, at most 17: the API allows 26, and each run adds a hyphen and "
        "8 characters"
    )


@pytest.mark.parametrize("targets", [{}, {"nodes": ["n"], "groups": ["g"]}])
def test_targets_are_of_exactly_one_kind(targets: dict[str, Json]) -> None:
    """One job has one target type."""
    assert errors({**UPGRADE, "targets": targets}) == [
        "targets: needs exactly one of nodes, groups, deployments, select"
    ]


def test_a_job_without_targets_is_refused() -> None:
    """A spec in the short form without targets is a mistake."""
    assert errors({**UPGRADE, "targets": {"nodes": []}}) == [
        "targets.nodes: needs at least one entry"
    ]
    assert errors({"kind": "node_upgrade", "name": "a"}) == ["targets: missing"]


@pytest.mark.parametrize("kind", ["deployment_deploy", "deployment_upgrade"])
def test_a_deployment_job_needs_a_deployment(kind: str) -> None:
    """Without it there is nothing to deploy."""
    assert errors({**UPGRADE, "kind": kind}) == [f"deployment: missing; {kind} needs it"]
    assert errors({**UPGRADE, "kind": kind, "deployment": DEPLOYMENT}) == []


def test_a_node_upgrade_has_no_deployment() -> None:
    """A deployment there is a mistake in `kind`."""
    assert errors({**UPGRADE, "deployment": DEPLOYMENT}) == [
        "deployment: does not belong to node_upgrade; leave it out"
    ]


@pytest.mark.parametrize("serial", [0, -1, "2026-11", ""])
def test_a_serial_is_text_or_a_number_and_goes_nowhere(serial: Json) -> None:
    """It only makes the file another one."""
    job = {**UPGRADE, "serial": serial}
    assert errors(job) == []
    assert build_body(job, KEY) == build_body(UPGRADE, KEY)


@pytest.mark.parametrize("serial", [True, None, 1.5, [], "s" * 65])
def test_other_serials_are_refused(serial: Json) -> None:
    """One sentence, although two types would do."""
    assert len(errors({**UPGRADE, "serial": serial})) == 1


def test_the_validity_is_in_seconds_where_the_job_says_it() -> None:
    """Without it the setting decides."""
    assert valid_for_seconds({**UPGRADE, "valid_for": "90m"}) == 5400
    assert valid_for_seconds(UPGRADE) is None
    assert errors({**UPGRADE, "valid_for": "soon"}) == [
        "valid_for: must be a number and m, h or d, such as 90m, 6h or 2d"
    ]


def test_unlikely_targets_cause_a_warning() -> None:
    """The API may take them, so they are not refused."""
    found = job_warnings({**UPGRADE, "targets": {"groups": ["g"]}})
    assert [format_path(one.path) for one in found] == ["targets.groups"]


def test_a_target_that_is_named_twice_is_refused() -> None:
    """Whichever way it is written; the job would reach it twice."""
    assert errors({**UPGRADE, "targets": {"nodes": ["n", "m", {"id": "n"}]}}) == [
        "targets.nodes[2]: the same target as an earlier one; name it once"
    ]


targets = st.lists(
    st.text(min_size=1) | st.fixed_dictionaries({"id": st.text(min_size=1)}), min_size=1, max_size=3
)
jobs = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["node_upgrade", "deployment_deploy", "deployment_upgrade"]),
        "name": st.from_regex(r"[a-z0-9]([a-z0-9-]{0,15}[a-z0-9])?", fullmatch=True),
        "targets": st.sampled_from(["nodes", "groups", "deployments"]).flatmap(
            lambda field: st.fixed_dictionaries({field: targets})
        ),
    },
    optional={
        "description": st.text(max_size=225),
        "deployment": st.just(DEPLOYMENT),
        "tags": st.dictionaries(
            st.from_regex(r"[A-Za-z0-9_-]{1,9}", fullmatch=True), st.text(min_size=1, max_size=9)
        ),
    },
)


@given(jobs)
def test_a_valid_short_form_passes_the_apis_rules(job: dict[str, Json]) -> None:
    """No job in the short form turns into a body that the API's tables forbid."""
    if not job_errors(job):
        assert body_errors(build_body(job, KEY)) == []
