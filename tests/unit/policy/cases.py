"""Policy cases: what a file asks for, under which rule, and what is refused, in both forms."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from handler.policy.decision import Origin

if TYPE_CHECKING:
    from collections.abc import Mapping

NODE, OTHER, GROUP = "node-1", "node-2", "group-1"
BUCKET = "nightdrop-drop"
DROPPED = Origin("object", "ops/x.yaml", BUCKET, "account-1", "principal-1")
NIGHTLY = Origin("timer", "nightly")
DIRECT = Origin("direct")
_TYPES = {"nodes": "node", "groups": "node_group", "deployments": "deployment"}


def _by_id(targets: Mapping[str, list[str]]) -> dict[str, list[dict[str, str]]]:
    """Return targets by their ids: bare text could be the name of a node."""
    return {field: [{"id": one} for one in ids] for field, ids in targets.items()}


@dataclass(frozen=True)
class Case:
    """One case.

    Attributes:
        title: What it shows.
        rule: The fields of the only rule.
        refused: A part of the refusal; "" if the file is allowed.
        container: Fields of the container, beside name and image.
        template: Fields of the template, beside the containers.
        envelope: Fields beside `deployment`.
        targets: The targets, in the words of the short form.
        kind: The kind of the job.
        tags: The tags of the job.
        origin: Where the file comes from.
    """

    title: str
    rule: Mapping[str, Any]
    refused: str = ""
    container: Mapping[str, Any] = field(default_factory=dict)
    template: Mapping[str, Any] = field(default_factory=dict)
    envelope: Mapping[str, Any] = field(default_factory=dict)
    targets: Mapping[str, list[str]] = field(default_factory=lambda: {"nodes": [NODE]})
    kind: str = "deployment_deploy"
    tags: Mapping[str, str] = field(default_factory=dict)
    origin: Origin = DROPPED

    def short_form(self) -> dict[str, Any]:
        """Return the job in the short form."""
        job: dict[str, Any] = {"kind": self.kind, "name": "x", "targets": _by_id(self.targets)}
        if self.tags:
            job["tags"] = dict(self.tags)
        if self.kind != "node_upgrade":
            job["deployment"] = self._envelope() if self.envelope else self._deployment()
        return job

    def api_form(self) -> dict[str, Any]:
        """Return the job in the API's form."""
        [(name, ids)] = self.targets.items()
        content: dict[str, Any] = {
            "target_type": _TYPES[name],
            "targets": [{"target_id": one} for one in ids],
        }
        if self.kind != "node_upgrade":
            content["task_data"] = json.dumps(self._envelope())
        tags = [{"key": key, "value": value} for key, value in self.tags.items()]
        return {"job_name": "x", "job_type": self.kind, "job_content": content, "tags": tags}

    def _envelope(self) -> dict[str, Any]:
        return {"deployment": self._deployment(), **self.envelope}

    def _deployment(self) -> dict[str, Any]:
        container = {"name": "app", "image_url": "registry.example.com/team/app:1"}
        resources: dict[str, Any] = {"resources": {"limits": {}, "requests": {}}}
        containers = [{**container, **resources, **self.container}]
        configs = {"restart_policy": "Always", **self.template.get("configs", {})}
        template = {**self.template, "configs": configs, "containers": containers}
        return {"replicas": 1, "template": template}


def volume(kind: str, source: str) -> dict[str, Any]:
    """Return a container's fields with one volume."""
    mounted = {"name": "data", "type": kind, "source": source, "destination": "/data"}
    return {"volumes": [mounted]}


def env(kind: str, name: str) -> dict[str, Any]:
    """Return a container's fields with one variable that comes from a secret or configmap."""
    return {"envs": [{"name": "KEY", "value_from": {kind: {"name": name, "key": "k"}}}]}


_DIGEST = "registry.example.com/team/app@sha256:" + "0" * 64
_REGISTRY = {"images": ["registry.example.com/team"]}

CASES = (
    Case("a plain deployment is allowed by the built-in rule", {}),
    Case("a node upgrade is allowed by the built-in rule", {}, kind="node_upgrade"),
    Case("a privileged container is refused", {}, "a privileged container", {"privileged": True}),
    Case("privileged: false is allowed", {}, container={"privileged": False}),
    Case("it can be allowed", {"privileged": True}, container={"privileged": True}),
    Case(
        "another spelling of privileged is refused",
        {},
        "a privileged container",
        {"Privileged": True},
    ),
    Case(
        "privileged in a security context is refused",
        {},
        "a privileged container",
        {"securityContext": {"privileged": True}},
    ),
    Case(
        "privileged as a text is refused",
        {},
        "a privileged container",
        {"securityContext": {"privileged": "yes"}},
    ),
    Case(
        "an environment variable of that name is allowed",
        {},
        container={"envs": [{"name": "privileged", "value": "true"}]},
    ),
    Case(
        "the node's network is refused",
        {},
        "the node's network",
        template={"configs": {"host_network": True}},
    ),
    Case(
        "the node's network can be allowed",
        {"host_network": True},
        template={"configs": {"host_network": True}},
    ),
    Case(
        "hostNetwork beside configs is refused",
        {},
        "the node's network",
        template={"hostNetwork": True},
    ),
    Case(
        "the node's processes are refused",
        {},
        "the node's processes",
        template={"configs": {"host_pid": True}},
    ),
    Case(
        "the node's processes can be allowed",
        {"host_pid": True},
        template={"configs": {"host_pid": True}},
    ),
    Case("the node's IPC is refused", {}, "the node's processes", template={"hostIPC": True}),
    Case("host_network: false is allowed", {}, template={"configs": {"host_network": False}}),
    Case("a folder of the node is refused", {}, "a folder of the node", volume("hostPath", "/")),
    Case(
        "a listed folder of the node is allowed",
        {"host_paths": ["/var/log"]},
        container=volume("hostPath", "/var/log"),
    ),
    Case(
        "a folder in a listed one is allowed",
        {"host_paths": ["/var/log"]},
        container=volume("hostPath", "/var/log/app/"),
    ),
    Case(
        "a folder that only begins like a listed one is refused",
        {"host_paths": ["/var/log"]},
        "a folder of the node",
        volume("hostPath", "/var/logs"),
    ),
    Case(
        "a way out of a listed folder is refused",
        {"host_paths": ["/var/log"]},
        "a folder of the node",
        volume("hostPath", "/var/log/../../etc"),
    ),
    Case(
        "two slashes hide nothing",
        {"host_paths": ["/var/log"]},
        "a folder of the node",
        volume("hostPath", "//etc"),
    ),
    Case(
        "a relative folder is refused",
        {"host_paths": ["/"]},
        "a folder of the node",
        volume("hostPath", "etc"),
    ),
    Case("/ lists everything", {"host_paths": ["/"]}, container=volume("hostPath", "/etc")),
    Case(
        "a volume as Kubernetes writes it is refused",
        {},
        "a folder of the node",
        template={"volumes": [{"name": "x", "hostPath": {"path": "/"}}]},
    ),
    Case("an empty volume is allowed", {}, container=volume("emptyDir", "")),
    Case("an image of a listed repository is allowed", _REGISTRY),
    Case(
        "an image of another repository is refused",
        {"images": ["registry.example.com/other"]},
        "an image that is not listed",
    ),
    Case(
        "a repository that only begins like a listed one is refused",
        {"images": ["registry.example.com/tea"]},
        "an image that is not listed",
    ),
    Case(
        "a registry that only begins like a listed one is refused",
        {"images": ["registry.example.com"]},
        "an image that is not listed",
        {"image_url": "registry.example.com.evil.example/team/app:1"},
    ),
    Case(
        "a registry with a port is not the one without",
        {"images": ["registry.example.com"]},
        "an image that is not listed",
        {"image_url": "registry.example.com:5000/team/app:1"},
    ),
    Case(
        "a second image field counts as well",
        _REGISTRY,
        "an image that is not listed",
        {"image": "evil.example/app"},
    ),
    Case(
        "an image without a digest is refused where one is needed",
        {"image_digest": True},
        "an image without a digest",
    ),
    Case(
        "an image with a digest is allowed there",
        {"image_digest": True, **_REGISTRY},
        container={"image_url": _DIGEST},
    ),
    Case("a container may run as root by default", {}),
    Case(
        "a container without a user is refused where root is",
        {"run_as_root": False},
        "may run as root",
    ),
    Case(
        "user 0 is refused where root is",
        {"run_as_root": False},
        "may run as root",
        {"run_as_user": 0},
    ),
    Case("another user is allowed", {"run_as_root": False}, container={"run_as_user": 1000}),
    Case(
        "user 0 beside another spelling of the field is refused",
        {"run_as_root": False},
        "may run as root",
        {"run_as_user": 0, "runAsUser": 1000},
    ),
    Case(
        "a folder of the node beside another spelling of its type is refused",
        {},
        "a folder of the node",
        {"volumes": [{**volume("hostPath", "/")["volumes"][0], "Type": "emptyDir"}]},
    ),
    Case(
        "a folder of the node beside another spelling of its source is refused",
        {"host_paths": ["/var/log"]},
        "a folder of the node",
        {"volumes": [{**volume("hostPath", "/")["volumes"][0], "Source": "/var/log"}]},
    ),
    Case("any secret is allowed by default", {}, container=volume("secret", "a")),
    Case("a listed secret is allowed", {"secrets": ["a"]}, container=volume("secret", "a")),
    Case(
        "another secret is refused",
        {"secrets": ["a"]},
        "a secret that is not listed",
        volume("secret", "b"),
    ),
    Case(
        "a secret in a variable counts as well",
        {"secrets": ["a"]},
        "a secret that is not listed",
        env("secret", "b"),
    ),
    Case(
        "a configmap that is not listed is refused",
        {"configmaps": []},
        "a configmap that is not listed",
        env("configmap", "b"),
    ),
    Case("a listed node is allowed", {"nodes": [NODE]}, kind="node_upgrade"),
    Case(
        "another node is refused",
        {"nodes": [NODE]},
        "target 2, a node that is not listed",
        kind="node_upgrade",
        targets={"nodes": [NODE, OTHER]},
    ),
    Case(
        "a group is refused where none is allowed",
        {"groups": []},
        "a node_group that is not listed",
        targets={"groups": [GROUP]},
    ),
    Case(
        "a node inside the deployment's envelope counts as a target",
        {"nodes": [NODE]},
        "a node that is not listed",
        envelope={"node_ids": [OTHER]},
    ),
    Case(
        "a group inside the envelope counts as a target",
        {"groups": []},
        "a node_group that is not listed",
        envelope={"group_id": GROUP},
    ),
    Case(
        "too many targets are refused",
        {"targets_per_job": 1},
        "2 targets in one job, at most 1",
        kind="node_upgrade",
        targets={"nodes": [NODE, OTHER]},
    ),
    Case(
        "text that looks like JSON is text",
        {},
        container={"envs": [{"name": "CONFIG", "value": '{"hostNetwork": true}'}]},
    ),
    Case(
        "capabilities that are only dropped are allowed",
        {},
        container={"securityContext": {"capabilities": {"drop": ["ALL"]}}},
    ),
    Case(
        "a long s, which some readers take for an s, hides no field",
        {},
        "the node's network",
        template={"ho\u017ftNetwork": True},
    ),
    Case(
        "fullwidth letters hide no field", {}, "a privileged container", {"\uff50rivileged": True}
    ),
    Case(
        "an invisible character hides no field",
        {},
        "a privileged container",
        {"privi\u200bleged": True},
    ),
    Case("a blank hides no field", {}, "a privileged container", {"privileged ": True}),
    Case("isPrivileged is privileged", {}, "a privileged container", {"isPrivileged": True}),
    Case(
        "kernel parameters are refused",
        {},
        "a privileged container",
        {"securityContext": {"sysctls": [{"name": "kernel.shm", "value": "1"}]}},
    ),
    Case("a container of the host is refused", {}, "privileged", {"hostProcess": True}),
    Case(
        "a type in a list is a type",
        {},
        "a folder of the node",
        template={"volumes": [{"type": ["hostPath"], "source": "/"}]},
    ),
    Case(
        "an image that is a mapping is refused where images are listed",
        _REGISTRY,
        "an image that is not listed",
        {"image": {"name": "evil.example/app"}},
    ),
    Case(
        "a list of images is refused where images are listed",
        _REGISTRY,
        "an image that is not listed",
        {"image": ["evil.example/app"]},
    ),
    Case(
        "a way out of a listed repository is refused",
        _REGISTRY,
        "an image that is not listed",
        {"image": "registry.example.com/team/../evil/app"},
    ),
    Case(
        "an image named like a listed registry is not of that registry",
        {"images": ["registry.example.com"]},
        "an image that is not listed",
        {"image_url": "registry.example.com:5000", "version": "1/evil/app"},
    ),
    Case(
        "an image of a listed registry is allowed",
        {"images": ["registry.example.com"]},
    ),
    Case(
        "an image without a registry can be listed",
        {"images": ["nginx"]},
        container={"image_url": "nginx:1"},
    ),
    Case(
        "a digest that is cut is none",
        {"image_digest": True},
        "an image without a digest",
        {"image_url": _DIGEST[:-1]},
    ),
    Case(
        "a digest of an image that is no text is none",
        {"image_digest": True},
        "an image without a digest",
        {"image_url": _DIGEST, "image": ["evil.example/app"]},
    ),
    Case(
        "true is no user",
        {"run_as_root": False},
        "may run as root",
        {"run_as_user": 1000, "securityContext": {"runAsUser": True}},
    ),
    Case(
        "a user that overflows is refused where root is",
        {"run_as_root": False},
        "may run as root",
        {"run_as_user": 1000, "securityContext": {"runAsUser": 2**32}},
    ),
    *(
        Case(
            f"a secret in {field} as a {type(value).__name__} counts as well",
            {"secrets": ["a"]},
            "a secret that is not listed",
            {"extra": {field: value}},
        )
        for field in ("secret", "secretRef", "secretKeyRef", "secretName", "imagePullSecrets")
        for value in ("b", {"name": "b"}, [{"name": "b"}])
    ),
    *(
        Case(
            f"a listed secret is allowed in {field} as a {type(value).__name__}",
            {"secrets": ["a"]},
            container={"extra": {field: value}},
        )
        for field in ("secret", "secretRef", "imagePullSecrets")
        for value in ("a", {"name": "a"}, {"secretName": "a", "optional": True}, [{"name": "a"}])
    ),
    Case(
        "a secret without a name is refused where secrets are listed",
        {"secrets": ["a"]},
        "a secret that is not listed",
        {"extra": {"secret": {"key": "k"}}},
    ),
    Case(
        "a configmap in configMapRef counts as well",
        {"configmaps": ["a"]},
        "a configmap that is not listed",
        {"envFrom": [{"configMapRef": {"name": "b"}}]},
    ),
    *(
        Case(
            f"{field} in the envelope counts as a target",
            {"nodes": [NODE], "groups": [], "deployments": []},
            "that is not listed",
            envelope={field: OTHER},
        )
        for field in ("nodeName", "edge_node_ids", "deployment_id", "edgeGroupId")
    ),
    Case(
        "a group named 0 counts", {"groups": []}, "that is not listed", envelope={"group_id": "0"}
    ),
    Case("no group is no target", {"groups": []}, envelope={"group_id": ""}),
    Case(
        "targets in the envelope count",
        {"nodes": [NODE]},
        "target 2 without a target_type",
        envelope={"targets": [{"target_id": OTHER}]},
    ),
    Case("a file within the jobs of a day is allowed", {"jobs_per_day": 900}),
    Case("a kind that is not listed is refused", {"kinds": ["node_upgrade"]}, "the kind"),
    Case("a listed kind is allowed", {"kinds": ["node_upgrade"]}, kind="node_upgrade"),
    Case("a missing tag is refused", {"tags": ["team"]}, "no tag team"),
    Case("a tag that is there is allowed", {"tags": ["team"]}, tags={"team": "dock"}),
    Case(
        "a path as a name counts for what it names",
        {},
        "the node's network",
        template={"configs": {"x.host_network": True}},
    ),
    Case(
        "a path of a label's name is allowed",
        {},
        template={"labels": {"app.kubernetes.io/name": "x", "example.com/team": "dock"}},
    ),
    Case(
        "an image in a path as a name counts",
        _REGISTRY,
        "an image that is not listed",
        {"sidecar.image_url": "evil.example/app"},
    ),
    Case(
        "a text that says off in another spelling is refused",
        {},
        "the node's network",
        template={"hostNetwork": "false"},
    ),
    Case(
        "a volume of an unknown type is refused",
        {},
        "a folder of the node",
        {"Volumes": [{"type": "node", "source": "/", "destination": "/h"}]},
    ),
    Case(
        "a folder of an unknown type is allowed where it is listed",
        {"host_paths": ["/var/log"]},
        container={"Volumes": [{"type": "x", "source": "/var/log", "destination": "/h"}]},
    ),
    Case(
        "no confinement is refused",
        {},
        "a privileged container",
        {"securityContext": {"seccompProfile": {"type": "Unconfined"}}},
    ),
    Case(
        "the default confinement is allowed",
        {},
        container={"securityContext": {"seccompProfile": {"type": "RuntimeDefault"}}},
    ),
    Case(
        "a template that is a text is refused",
        {},
        "a privileged container",
        {"template": '{"hostNetwork": true}'},
    ),
    Case(
        "nodes inside the envelope count as targets",
        {"nodes": [NODE]},
        "a node that is not listed",
        envelope={"nodes": [OTHER]},
    ),
    Case("files under the prefix are allowed", {"from": {"prefix": "ops/"}}),
    Case(
        "files elsewhere are refused",
        {"from": {"prefix": "ops/"}},
        "no rule of the policy",
        origin=Origin("object", "opsec/x.yaml"),
    ),
    Case("files in the bucket are allowed", {"from": {"bucket": BUCKET, "prefix": "ops/"}}),
    Case("files in another bucket are refused", {"from": {"bucket": "other"}}, "no rule"),
    Case("a timer is in no bucket", {"from": {"bucket": BUCKET}}, "no rule", origin=NIGHTLY),
    Case("a timer is not a file", {"from": {"prefix": "n"}}, "no rule", origin=NIGHTLY),
    Case("an account's files are allowed", {"from": {"account": "account-1"}}),
    Case("another account's are refused", {"from": {"account": "account-2"}}, "no rule"),
    Case(
        "an unknown account is refused",
        {"from": {"account": "account-1"}},
        "no rule",
        origin=Origin("object", "ops/x.yaml"),
    ),
    Case("a principal's files are allowed", {"from": {"principal": "principal-1"}}),
    Case("another principal's are refused", {"from": {"principal": "p"}}, "no rule"),
    Case("a timer's name fits a pattern", {"from": {"timer": "night*"}}, origin=NIGHTLY),
    Case("another timer is refused", {"from": {"timer": "day*"}}, "no rule", origin=NIGHTLY),
    Case("a file named like a timer is refused", {"from": {"timer": "ops/*"}}, "no rule"),
    Case("a direct invocation is allowed", {"from": {"direct": True}}, origin=DIRECT),
    Case("a file is no direct invocation", {"from": {"direct": True}}, "no rule"),
    Case(
        "prefix and account must both fit",
        {"from": {"prefix": "ops/", "account": "account-2"}},
        "no rule",
    ),
)
