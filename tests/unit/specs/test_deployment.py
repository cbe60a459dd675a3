"""Deployments: the certain rules of the API's body, and the text they become."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from handler.parsing import format_path
from handler.specs.deployment import build_task_data, deployment_warnings
from handler.specs.field_types import IMAGE_IN_WORDS
from handler.specs.short_form import job_errors

if TYPE_CHECKING:
    from handler.values.canonical_json import Json

DEPLOYMENT: dict[str, Any] = {
    "replicas": 1,
    "template": {
        "configs": {"restart_policy": "Always"},
        "containers": [{"name": "c", "image_url": "i:1", "resources": {"limits": {"cpu": "0.5"}}}],
    },
}


def errors(deployment: Json) -> list[str]:
    """Return the errors of a deployment job."""
    job: dict[str, Json] = {"kind": "deployment_deploy", "name": "a", "targets": {"nodes": ["n"]}}
    found = job_errors({**job, "deployment": deployment})
    return [f"{format_path(one.path)}: {one.message}" for one in found]


def with_container(**changes: Json) -> dict[str, Json]:
    """Return the deployment with a changed container."""
    container = {**DEPLOYMENT["template"]["containers"][0], **changes}
    template = {**DEPLOYMENT["template"], "containers": [container]}
    return {**DEPLOYMENT, "template": template}


def test_a_deployment_passes_bare_or_in_its_envelope() -> None:
    """Its own `deployment` key tells the envelope."""
    assert errors(DEPLOYMENT) == []
    assert errors({"deployment": DEPLOYMENT, "name_prex": "x", "source": "iem"}) == []


def test_unknown_fields_of_a_deployment_are_sent() -> None:
    """With a warning."""
    unknown: dict[str, Json] = {**with_container(privilegd=True), "unheard_of": 1}
    assert errors(unknown) == []
    message = "not a field of the API's page, sent unchanged"
    assert [(format_path(one.path), one.message) for one in deployment_warnings(unknown)] == [
        ("template.containers[0].privilegd", f"{message}; did you mean `privileged`?"),
        ("unheard_of", message),
    ]


def test_only_an_upgrade_may_leave_the_replicas_out() -> None:
    """The create call's table needs them, the update call's does not."""
    without = {"template": DEPLOYMENT["template"]}
    assert errors(without) == ["deployment.replicas: missing"]
    assert errors({"deployment": without}) == ["deployment.deployment.replicas: missing"]
    job: dict[str, Json] = {"name": "a", "targets": {"nodes": ["n"]}, "deployment": without}
    assert job_errors({**job, "kind": "deployment_upgrade"}) == []


def test_an_envelope_is_checked_as_deep_as_a_bare_deployment() -> None:
    """The path goes through the envelope."""
    assert errors({"deployment": {"replicas": 1}}) == ["deployment.deployment.template: missing"]


@pytest.mark.parametrize(
    ("deployment", "expected"),
    [
        (None, ": must be a mapping"),
        ("x", ": must be a mapping"),
        ({**DEPLOYMENT, "replicas": 0}, ".replicas: must be at least 1"),
        ({**DEPLOYMENT, "replicas": 100}, ".replicas: must be at most 99"),
        ({**DEPLOYMENT, "replicas": "1"}, ".replicas: must be a whole number, without quotes"),
        ({**DEPLOYMENT, "replicas": True}, ".replicas: must be a whole number, without quotes"),
        ({**DEPLOYMENT, "replicas": 1.0}, ".replicas: must be a whole number, without quotes"),
        ({"replicas": 1}, ".template: missing"),
    ],
)
def test_a_deployment_without_what_it_needs_is_refused(deployment: Json, expected: str) -> None:
    """Replicas and a template are required."""
    assert errors(deployment) == [f"deployment{expected}"]


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ({"configs": {"restart_policy": "Never"}, "containers": []},
         ["containers: needs at least one entry"]),
        ({"configs": {}, "containers": [{}]},
         ["configs.restart_policy: missing", "containers[0].name: missing",
          "containers[0].image_url: missing"]),
    ],
)  # fmt: skip
def test_a_template_has_configs_and_containers(template: Json, expected: list[str]) -> None:
    """A container has a name and an image."""
    found = errors({"replicas": 1, "template": template})
    assert found == [f"deployment.template.{one}" for one in expected]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"resources": {"limits": {"cpu": 0.5}}},
         "resources.limits.cpu: must be text; put it in quotes"),
        ({"resources": {"requests": {"memory": "512Mi"}}},
         "resources.requests.memory: must be a plain number in quotes, without a unit"),
        ({"envs": [{"name": "A", "value": 8080}]},
         "envs[0].value: must be text; put it in quotes"),
        ({"envs": [{"name": "A"}]},
         "envs[0]: needs exactly one of value, value_from, field_path"),
        ({"ports": [{"container_port": 65536}]},
         "ports[0].container_port: must be at most 65535"),
        ({"image_url": "https://r.io/a"}, f"image_url: {IMAGE_IN_WORDS}"),
        ({"name": "Reader"},
         "name: only lower-case letters, digits and hyphens, with no hyphen at either end"),
        ({"args": ["x" * 40_000, "y" * 40_000]},
         "args: 80000 characters together, the API allows 65536"),
        ({"envs": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]},
         "envs: has a variable twice; keep one"),
        ({"volumes": [{"name": "v", "type": "hostPath", "source": "/a"}]},
         "volumes[0].destination: missing"),
    ],
)  # fmt: skip
def test_frequent_mistakes_are_found(changes: dict[str, Json], expected: str) -> None:
    """The API would refuse it, or take it and fail on every node."""
    found = errors(with_container(**changes))
    assert found == [f"deployment.template.containers[0].{expected}"]


def test_an_empty_environment_value_is_a_value() -> None:
    """A variable may be set to nothing."""
    assert errors(with_container(envs=[{"name": "A", "value": ""}])) == []


def test_a_deployment_is_wrapped_as_the_apis_example_has_it() -> None:
    """The example's envelope, with the job's name as `name_prex`."""
    text = build_task_data(DEPLOYMENT, "deployment_deploy", "camera")
    assert json.loads(text) == {
        "deployment": DEPLOYMENT,
        "source": "userdefined",
        "name_prex": "camera",
        "tags": [],
        "description": "",
    }


def test_an_upgrade_is_wrapped_as_the_update_call_has_it() -> None:
    """An existing deployment keeps its name."""
    text = build_task_data(DEPLOYMENT, "deployment_upgrade", "camera")
    assert json.loads(text) == {"deployment": DEPLOYMENT, "description": ""}


def test_an_envelope_becomes_the_text_it_is() -> None:
    """Nothing is added to an envelope that is written out in full."""
    envelope: dict[str, Json] = {"name_prex": "x", "deployment": DEPLOYMENT}
    assert build_task_data(envelope, "deployment_deploy", "camera") == (
        '{"name_prex":"x","deployment":{"replicas":1,"template":{"configs":{"restart_policy":'
        '"Always"},"containers":[{"name":"c","image_url":"i:1","resources":{"limits":{"cpu":'
        '"0.5"}}}]}}}'
    )
