"""Hostile specs: readable files with impossible or hidden requests."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.hostile.json_files import Entry

_CONTAINER: dict[str, Any] = {"name": "c", "image_url": "r.io/a:1"}


def _node(target: object, **fields: object) -> bytes:
    spec = {"kind": "node_upgrade", "name": "a", "targets": {"nodes": [target]}, **fields}
    return json.dumps(spec).encode()


def _deploy(**container: object) -> bytes:
    template = {
        "configs": {"restart_policy": "Always"},
        "containers": [{**_CONTAINER, **container}],
    }
    deployment = {"replicas": 1, "template": template}
    return _node("n", deployment=deployment).replace(b"node_upgrade", b"deployment_deploy")


def _task(text: object) -> bytes:
    content = {"target_type": "node", "targets": [{"target_id": "n"}], "task_data": text}
    body = {"job_name": "a", "job_type": "deployment_deploy", "job_content": content}
    return json.dumps(body).encode()


def _targets(*ids: str) -> bytes:
    targets = [{"target_id": one} for one in ids]
    content = {"target_type": "node", "targets": targets}
    body = {"job_name": "a", "job_type": "node_upgrade", "job_content": content}
    return json.dumps(body).encode()


SPEC_FILES: list[Entry] = [
    ("id-blank", _node(" "), "an id of blanks"),
    ("id-trailing", _targets("n1", "n1 "), "two ids that differ by a blank"),
    ("id-no-break", _node("n1\xa0"), "an id with a blank that does not break"),
    ("id-zero-width", _node("n1\u200b"), "an id with a character of no width"),
    ("id-joiner", _node("n\u200d1"), "the same inside"),
    ("id-quotes", _node("\u201cn1\u201d"), "the quotes of a word processor"),
    ("id-list", _node("a,b"), "two ids in one"),
    ("id-lines", _node("a\nb"), "two ids in two lines"),
    ("id-path", _node("../../x"), "a path in place of an id"),
    ("id-url", _node("n?x=1#y"), "parts of an address"),
    ("id-look-alike", _node("n\u043ede"), "a letter of another alphabet"),
    ("id-wide", _node("\uff4e1"), "a wide letter"),
    ("id-long", _node("n" * 200_000), "an id of great length"),
    ("id-number", _node(7), "an id that is not text"),
    ("id-null", _node(None), "an id that is nothing"),
    ("id-template", _node("{{ node }}"), "a placeholder"),
    ("id-shell", _node("$(reboot)"), "a shell"),
    ("id-many-bad", _node("n", targets={"nodes": [" "] * 19_000}), "faults of one kind"),
    ("node-name-escape", _node({"id": "n", "name": "\x1b[2Jx"}), "a terminal that shows the name"),
    ("node-name-lines", _node({"id": "n", "name": "a\nb"}), "a forged line"),
    ("no-targets", _node("n", targets={}), "a job that works on nothing"),
    ("two-kinds", _node("n", targets={"nodes": ["n"], "groups": ["g"]}), "two kinds of targets"),
    ("name-upper", _node("n", name="Nightly"), "a name that the API refuses"),
    ("name-long", _node("n", name="n" * 100_000), "a name of great length"),
    ("name-newline", _node("n", name="a\n"), "a name that ends in a line feed"),
    ("kind-case", b"Kind: node_upgrade\nname: a\ntargets: {nodes: [n]}\n", "a field in capitals"),
    ("kind-unknown", _node("n", kind="reboot"), "a job that does not exist"),
    ("two-forms", _node("n", job_name="a"), "two forms in one"),
    ("unknown-field", _node("n", priority=1), "a field that does not exist"),
    ("null-field", _node("n", description=None), "a field that is nothing"),
    ("note-long", _node("n", description="d" * 226), "a description that hides the mark"),
    ("tag-key", _node("n", tags={"a b": "x"}), "a tag that the API refuses"),
    ("tag-number", b"kind: node_upgrade\nname: a\ntargets: {nodes: [n]}\ntags: {version: 3.1}\n",
     "a tag that is sent as another text"),
    ("tag-zero-width", _node("n", tags={"a": "x\u200b"}), "a tag that looks like another"),
    ("valid-for", _node("n", valid_for="9" * 100_000 + "h"), "a duration without end"),
    ("serial-truth", _node("n", serial=True), "a serial that is not text"),
    ("upgrade-with-deployment", _node("n", deployment={}), "what does not belong there"),
    ("image-blank", _deploy(image_url="a b"), "an image with a blank"),
    ("image-scheme", _deploy(image_url="https://r.io/a:1"), "an address in place of an image"),
    ("image-empty-name", _deploy(image_url="r.io/:1"), "an image without a name"),
    ("image-only-tag", _deploy(image_url=":latest"), "a tag without an image"),
    ("image-upper", _deploy(image_url="r.io/Camera"), "an image that no registry has"),
    ("image-long", _deploy(image_url="a." * 100_000 + "!"), "the pattern of an image"),
    ("image-dashes", _deploy(image_url="a" + "-" * 400 + "!"), "the same, with separators"),
    ("image-template", _deploy(image_url="r.io/a:${TAG}"), "a placeholder"),
    ("version-number", _deploy(version=1.5), "a version that is a number"),
    ("args-number", _deploy(args=[8080]), "an argument that is a number"),
    ("args-truth", _deploy(args=[True]), "an argument that is a truth value"),
    ("args-long", _deploy(args=["x" * 70_000]), "arguments of great length"),
    ("privileged-no", _deploy(privileged="no"), "a truth value as text"),
    ("privileged-zero", _deploy(privileged=0), "a truth value as a number"),
    ("env-number", _deploy(envs=[{"name": "A", "value": 1}]), "a variable that is a number"),
    ("env-name", _deploy(envs=[{"name": "A=B", "value": "1"}]), "a name that sets another"),
    ("env-twice", _deploy(envs=[{"name": "A", "value": "1"}] * 2), "a variable twice"),
    ("env-zero", _deploy(envs=[{"name": "A", "value": "a\x00b"}]), "a value cut at a zero byte"),
    ("env-source", _deploy(envs=[{"name": "A", "value": "1", "field_path": "x"}]), "two sources"),
    ("port-large", _deploy(ports=[{"container_port": 70_000}]), "a port that does not exist"),
    ("cpu-unit", _deploy(resources={"limits": {"cpu": "500m"}}), "an amount with a unit"),
    ("cpu-digits", _deploy(resources={"limits": {"cpu": "1" * 200_000 + "x"}}), "its pattern"),
    ("run-as-root", _deploy(run_as_user=-1), "a user that does not exist"),
    ("task-empty", _task(""), "a request without a deployment"),
    ("task-object", _task({"deployment": {}}), "an object in place of its text"),
    ("task-yaml", _task("deployment: x"), "another language inside"),
    ("task-deep", _task('{"deployment":' + "[" * 50_000), "recursion inside of a text"),
    ("task-lines", _task('{"deployment": {}}\n' * 5_000), "many objects inside of a text"),
    ("task-nan", _task('{"deployment": {"replicas": NaN}}'), "a number that is none, inside"),
    ("task-twice", _task('{"deployment": {}, "deployment": {}}'), "a key twice, inside"),
    ("task-list", _task(json.dumps({"deployment": [0] * 19_000})), "a list in place of it"),
    ("task-marks", _task('\ufeff\ufeff{"deployment": {}}'), "byte order marks inside"),
    ("task-surrogate", _task('{"deployment": "\ud800"}'), "half a character inside"),
    ("same-names", _targets("n") + b"\n" + _targets("n"), "two jobs of one name"),
    ("many-targets", _node("n", targets={"nodes": [f"n{number}" for number in range(19_000)]}),
     "a very long job", True),
]  # fmt: skip
