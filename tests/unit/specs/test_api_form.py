"""The API's own form: its tables' rules, and open questions of its pages."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from handler.parsing import format_path
from handler.specs.api_form import body_errors, body_warnings

if TYPE_CHECKING:
    from handler.values.canonical_json import Json

DEPLOYMENT: dict[str, Json] = {
    "replicas": 1,
    "template": {
        "configs": {"restart_policy": "Always"},
        "containers": [{"name": "c", "image_url": "i:1"}],
    },
}
TASK = json.dumps({"deployment": DEPLOYMENT})
CONTENT: dict[str, Json] = {"target_type": "node", "targets": [{"target_id": "n1"}]}
UPGRADE: dict[str, Json] = {"job_name": "a", "job_type": "node_upgrade", "job_content": CONTENT}
DEPLOY: dict[str, Json] = {
    "job_name": "a",
    "job_type": "deployment_deploy",
    "job_content": {**CONTENT, "task_data": TASK},
}


def errors(body: dict[str, Json]) -> list[str]:
    """Return the faults as text."""
    return [f"{format_path(one.path)}: {one.message}" for one in body_errors(body)]


def warnings(body: dict[str, Json]) -> list[str]:
    """Return the paths of the warnings."""
    return [format_path(one.path) for one in body_warnings(body)]


@pytest.mark.parametrize("body", [UPGRADE, DEPLOY, {**DEPLOY, "description": "", "tags": []}])
def test_a_body_of_the_apis_page_passes_without_a_warning(body: dict[str, Json]) -> None:
    """What the page shows is right, empty lists and texts included."""
    assert (errors(body), warnings(body)) == ([], [])


def test_every_rule_of_the_tables_is_checked() -> None:
    """One body that breaks them all."""
    body: dict[str, Json] = {
        "job_name": "x" * 31,
        "job_type": "reboot",
        "job_content": {"target_type": "room", "targets": [{"extension_info": [{"key": ""}]}]},
        "description": "d" * 226,
        "tags": [{"key": "k" * 129, "value": ""}, {"key": "a b", "value": "v" * 257}],
        "priority": 1,
    }
    assert errors(body) == [
        "job_name: 31 characters, the API allows 26",
        "job_type: must be one of 'node_upgrade', 'deployment_deploy', 'deployment_upgrade'",
        "job_content.target_type: must be one of 'node', 'node_group', 'deployment'",
        "job_content.targets[0].target_id: missing",
        "job_content.targets[0].extension_info[0].key: is empty",
        "job_content.targets[0].extension_info[0].value: missing",
        "description: 226 characters, at most 225 fit beside Nightdrop's mark",
        "tags[0].key: 129 characters, the API allows 128",
        "tags[0].value: is empty",
        "tags[1].key: only letters, digits, underscores and hyphens",
        "tags[1].value: 257 characters, the API allows 256",
        "priority: unknown field; known here: job_name, job_type, job_content, description, tags",
    ]


@pytest.mark.parametrize("field", ["job_content", "description", "tags"])
def test_null_is_no_way_to_leave_a_field_out(field: str) -> None:
    """The API's tables know no null."""
    assert len(errors({**UPGRADE, field: None})) == 1


@pytest.mark.parametrize("job_type", ["deployment_deploy", "deployment_upgrade"])
def test_a_deployment_job_needs_task_data(job_type: str) -> None:
    """Without it there is nothing to deploy."""
    expected = [f"job_content.task_data: missing; {job_type} needs it"]
    assert errors({**UPGRADE, "job_type": job_type}) == expected
    assert errors({"job_name": "a", "job_type": job_type}) == expected


def test_a_node_upgrade_has_no_task_data() -> None:
    """IEF always picks the newest EdgeCore."""
    assert errors({**DEPLOY, "job_type": "node_upgrade"}) == [
        "job_content.task_data: does not belong to node_upgrade; leave it out"
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must be the text of a JSON object"),
        ("deployment: x", "must be the text of a JSON object"),
        ('{"deployment": {}', "in that text, line 1: the text ends too early"),
        ('{"deployment": {}}\n{"deployment": {}}', "must be the text of one JSON object"),
        ('{"deployment": {}, "deployment": {}}', "in that text, line 1, deployment: duplicate key"),
        ('{"deployment": {"a":\nNaN}}', "in that text, line 2, deployment.a: NaN"),
        ('{"deployment": "\ud800"}', "not UTF-8"),
        ('{"replicas": 1, "template": {}}', "must have `deployment`"),
        ('{"deployment": 1}', "must have `deployment`"),
        (TASK.replace('"i:1"', '"i:1", "version": 1.10'), "line 1, deployment.template.containers"),
        (TASK.replace('"i:1"', '"a b"'), "containers[0].image_url: must be an image reference"),
        (TASK.replace('"replicas": 1, ', ""), "deployment.replicas: missing"),
    ],
)
def test_task_data_holds_a_json_object_with_a_deployment(text: str, message: str) -> None:
    """The text inside the text is read as strictly as the file."""
    (fault,) = errors({**DEPLOY, "job_content": {**CONTENT, "task_data": text}})
    assert fault.startswith("job_content.task_data: ")
    assert message in fault


@pytest.mark.parametrize(
    ("job_type", "target_type", "is_doubted"),
    [
        ("node_upgrade", "node", False),
        ("node_upgrade", "node_group", True),
        ("node_upgrade", "deployment", True),
        ("deployment_deploy", "node_group", False),
        ("deployment_deploy", "deployment", True),
        ("deployment_upgrade", "deployment", False),
        ("deployment_upgrade", "node", True),
    ],
)
def test_an_unlikely_target_type_causes_only_a_warning(
    job_type: str, target_type: str, *, is_doubted: bool
) -> None:
    """The pages do not say what fits what, so nothing is refused."""
    body: dict[str, Json] = {**DEPLOY, "job_type": job_type}
    body["job_content"] = {**CONTENT, "target_type": target_type}
    assert warnings(body) == ["job_content.target_type"] * is_doubted


@pytest.mark.parametrize(
    ("content", "paths"),
    [
        ({"targets": [{"target_id": "n"}]}, ["job_content.target_type"]),
        ({"target_type": "node"}, ["job_content.targets"]),
        ({"target_type": "node", "targets": []}, ["job_content.targets"]),
    ],
)
def test_questions_that_the_pages_leave_open_are_warnings(
    content: dict[str, Json], paths: list[str]
) -> None:
    """Jobs without targets, or without a target type."""
    body: dict[str, Json] = {**UPGRADE, "job_content": content}
    assert (errors(body), warnings(body)) == ([], paths)


def test_a_target_that_is_named_twice_is_refused() -> None:
    """At each repetition; an invalid id is another error."""
    targets: list[Json] = [{"target_id": one} for one in ("n", "m", "n", "n", 1)]
    content: dict[str, Json] = {"target_type": "node", "targets": [*targets, "n"]}
    found = errors({**UPGRADE, "job_content": content})
    twice = "the same target as an earlier one; name it once"
    assert [fault for fault in found if twice in fault] == [
        f"job_content.targets[2]: {twice}",
        f"job_content.targets[3]: {twice}",
    ]
    assert len(found) == 4


def test_a_field_of_task_data_that_the_page_does_not_have_is_a_warning() -> None:
    """It is sent unchanged, and may be a misspelling."""
    text = json.dumps({"deployment": {**DEPLOYMENT, "replica": 1}})
    body: dict[str, Json] = {**DEPLOY, "job_content": {**CONTENT, "task_data": text}}
    (doubt,) = body_warnings(body)
    assert format_path(doubt.path) == "job_content.task_data"
    assert "deployment.replica: not a field" in doubt.message
    assert "did you mean `replicas`?" in doubt.message


def test_two_targets_that_differ_by_a_blank_are_one_mistake() -> None:
    """The one with the blank names nothing."""
    content: dict[str, Json] = {**CONTENT, "targets": [{"target_id": "n1"}, {"target_id": "n1 "}]}
    (fault,) = errors({**UPGRADE, "job_content": content})
    assert fault.startswith("job_content.targets[1].target_id: only letters, digits, ")


def test_a_job_without_content_is_a_warning() -> None:
    """The table calls it optional."""
    body: dict[str, Json] = {"job_name": "a", "job_type": "node_upgrade"}
    assert (errors(body), warnings(body)) == ([], ["job_content"])
