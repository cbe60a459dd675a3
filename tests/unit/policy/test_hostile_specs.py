"""Specs that try to get past the built-in policy: as text, as numbers, as names, as other forms."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from handler.errors import SpecRejectedError
from handler.parsing import Limits, read
from handler.policy.decision import decide
from handler.policy.demand import demand_of
from handler.policy.rules import BUILT_IN
from handler.specs.planner import make_plan
from tests.unit.policy.cases import DROPPED, Case

YAML = """kind: deployment_deploy
name: x
targets: {{nodes: [{{id: n}}]}}
{more}deployment:
  replicas: 1
  template:
    configs: {{restart_policy: Always{configs}}}
    containers:
      - {{name: app, image_url: "r.example.com/app:1",
          resources: {{limits: {{}}, requests: {{}}}}{container}}}
"""
PLAIN = Case("", {})
OFF = '"restart_policy": "Always"'


def yaml(configs: str = "", container: str = "", more: str = "") -> str:
    """Return a spec in YAML, with more at three places."""
    return YAML.format(configs=configs, container=container, more=more)


def api(old: str = "", new: str = "", **envelope: Any) -> str:  # noqa: ANN401 - any JSON
    """Return a spec in the API's form, with a part of its task_data replaced."""
    body = Case("", {}, envelope=envelope).api_form()
    content = body["job_content"]
    content["task_data"] = content["task_data"].replace(old, new) if old else content["task_data"]
    return json.dumps(body)


def privileged(**fields: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    """Return a deployment with a privileged container, or with other fields of it."""
    form = Case("", {}, container=fields or {"privileged": True}).short_form()
    deployment: dict[str, Any] = form["deployment"]
    return deployment


HOSTILE = {
    "an anchor that is merged": yaml(", <<: *b", more="base: &b {host_network: true}\n"),
    "a merge key": yaml(", <<: {host_network: true}"),
    "an alias of a value": yaml(", host_network: *on", more="on: &on true\n"),
    "a key twice, on at last": yaml(", host_network: false, host_network: true"),
    "a key twice, off at last": yaml(", host_network: true, host_network: false"),
    "a key twice, once in quotes": yaml(', host_network: false, "host_\\x6eetwork": true'),
    "a tag for a boolean": yaml(", host_network: !!bool yes"),
    "yes": yaml(", host_network: yes"),
    "y in another spelling": yaml(", hostNetwork: y"),
    "on in another spelling": yaml(", hostNetwork: on"),
    "the text false in another spelling": yaml(', hostNetwork: "false"'),
    "the text 0 in another spelling": yaml(', hostNetwork: "0"'),
    "a blank in another spelling": yaml(', hostNetwork: " "'),
    "1": yaml(", hostNetwork: 1"),
    "2 to the 64th": yaml(f", hostNetwork: {2**64}"),
    "a huge number": yaml(f", hostNetwork: {10**300}"),
    "infinity": yaml(", hostNetwork: .inf"),
    "minus 0": yaml(", hostNetwork: -0"),
    "null": yaml(", host_network: null"),
    "a list": yaml(", hostNetwork: [true]"),
    "a mapping": yaml(", hostNetwork: {on: true}"),
    "a binary tag": yaml(", hostNetwork: !!binary dHJ1ZQ=="),
    "a complex key": yaml(", ? host_network : true"),
    "a hidden line end": yaml(", x: 1 # \u2028  host_network: true"),
    "a path as a name": yaml(", configs.host_network: true"),
    "a path with an index": yaml(container=', "securityContext[0].privileged": true'),
    "a path with slashes": yaml(', "/deployment/template/configs/hostNetwork": true'),
    "a second deployment document": yaml() + "---\n" + yaml(", host_network: true"),
    "a long s": yaml(", ho\u017ftNetwork: true"),
    "fullwidth letters": yaml(container=', "\uff50rivileged": true'),
    "a Kelvin sign in a path": yaml(', "host_networ\u212a": true'),
    "a soft hyphen": yaml(container=', "privi\u00adleged": true'),
    "a combining joiner": yaml(container=', "privileged\u034f": true'),
    "task_data with a key twice": api(OFF, f'{OFF}, "host_network": true, "host_network": false'),
    "task_data with an escaped key twice": api(
        OFF, f'{OFF}, "host_network": false, "\\u0068ost_network": true'
    ),
    "task_data with an escaped key": api(OFF, f'{OFF}, "\\u0068ost_network": true'),
    "task_data with two objects": api(OFF, f'{OFF}}}}}}}}}{{"deployment": {{"a": {{"b": {{'),
    "task_data with a comment": api(OFF, f'{OFF} /* */, "host_network": true'),
    "task_data in task_data": api(task_data=json.dumps({"deployment": privileged()})),
    "a template as text": api(template=json.dumps({"hostNetwork": True})),
    "a deployment as text": api(Deployment=json.dumps(privileged())),
    "another deployment": api(Deployment=privileged()),
    "a list of deployments": api(deployments=[privileged()]),
    "a type as a mapping": api(
        Volumes=[{"type": {"name": "hostPath"}, "source": "/", "destination": "/h"}]
    ),
    "a type that no page has": api(Volumes=[{"type": "node", "source": "/", "destination": "/h"}]),
    "no type": api(Volumes=[{"source": "/", "destination": "/h"}]),
    "no confinement by seccomp": api(
        OFF, f'{OFF}, "securityContext": {{"seccompProfile": {{"type": "Unconfined"}}}}'
    ),
    "no confinement by AppArmor": api(
        annotations={"container.apparmor.security.beta.kubernetes.io/app": "unconfined"}
    ),
    "a raw device": api(Deployment=privileged(volumeDevices=[{"devicePath": "/dev/sda"}])),
    "capabilities under drop": api(
        Deployment=privileged(capabilities={"drop": {"add": ["SYS_ADMIN"]}})
    ),
    "a day more than allowed": yaml(more="valid_for: 7h\n"),
    "a number of days without an end": yaml(more=f"valid_for: {10**30}d\n"),
    "a number instead of a duration": yaml(more=f"valid_for: {10**30}\n"),
    "201 documents": "---\n".join([yaml()] * 201),
    "201 lines": "\n".join([json.dumps(PLAIN.short_form())] * 201),
}


def refusal(text: str) -> str:
    """Return why nothing of a file is sent; "" if it is."""
    try:
        plan = make_plan("k" * 52, read(text.encode("utf-8", "surrogatepass"), Limits()))
    except SpecRejectedError as error:
        return str(error)
    return str(decide(BUILT_IN, DROPPED, list(map(demand_of, plan.jobs)), 21_600).problems or "")


@pytest.mark.parametrize("title", HOSTILE)
def test_nothing_of_a_hostile_spec_is_sent(title: str) -> None:
    """It is rejected as a spec, or refused by the policy; which of the two does not matter."""
    assert refusal(HOSTILE[title])


@pytest.mark.parametrize("text", [yaml(), api(), api(OFF, OFF), yaml(more="valid_for: 6h\n")])
def test_the_same_specs_without_the_trick_are_allowed(text: str) -> None:
    """So that the cases above can fail."""
    assert not refusal(text)


def test_long_paths_as_names_cost_little() -> None:
    """A key of thousands of parts is read from its end."""
    began = time.process_time()
    long: Any = {"a." * 40_000 + "host_network": True}
    assert refusal(api(**long))
    assert time.process_time() - began < 1
