"""Checks, from the files alone, that buckets are private and retained and failures reported."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.terraform.configuration import Configuration

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.support.terraform.configuration import Resource

VERSIONED = {"drop": True, "results": None, "log": False, "checkpoints": True}
KEPT = ("huaweicloud_obs_bucket.log", "huaweicloud_obs_bucket.checkpoints")
EXPIRING = {
    "huaweicloud_obs_bucket.drop": "${var.drop_prefix}",
    "huaweicloud_obs_bucket.results": "${var.results_prefix}",
}
"""What may be deleted in time, by bucket: the prefix of its keys."""

FIXED: Mapping[str, Mapping[str, object]] = {
    "huaweicloud_fgs_function.nightdrop": {
        "handler": "${module.shape.handler.handler}",
        "initializer_handler": "${module.shape.handler.initializer}",
        "code_type": "zip",
        "func_code": "${filebase64(var.package)}",
        "user_data": "${module.shape.user_data}",
        "encrypted_user_data": "${module.shape.secret_user_data}",
        "agency": "${huaweicloud_identity_agency.nightdrop.name}",
        "enable_lts_log": True,
    },
    "huaweicloud_fgs_async_invoke_configuration.nightdrop": {
        "max_async_retry_attempts": "${var.retries}",
        "max_async_event_age_in_seconds": "${var.event_age}",
    },
    "huaweicloud_identity_role.buckets": {"type": "AX", "policy": "${module.shape.bucket_policy}"},
    "huaweicloud_identity_role.project": {"type": "XA", "policy": "${module.shape.project_policy}"},
    "huaweicloud_identity_agency.nightdrop": {
        "delegated_service_name": "op_svc_cff",
        "domain_roles": ["${huaweicloud_identity_role.buckets.name}"],
    },
    "huaweicloud_obs_bucket_bpa.private": {
        "block_public_acls": True,
        "ignore_public_acls": True,
        "block_public_policy": True,
        "restrict_public_buckets": True,
    },
}
"""What must stand so, by resource."""

_SECRETS = {"checkpoint_key", "database_address", "webhook"}
"""Variables that are secret beside passwords."""


def security(infra: Path) -> Iterator[str]:
    """Yield a sentence for each weakness in a deployment's files."""
    root = Configuration(infra)
    resources = {resource.address: resource for resource in root.resources()}
    for name, versioned in VERSIONED.items():
        yield from _bucket(
            resources.get(f"huaweicloud_obs_bucket.{name}"), name, versioned=versioned
        )
    for address in KEPT:
        (lifecycle,) = resources[address].body.get("lifecycle", [{}])
        if lifecycle.get("prevent_destroy") is not True:
            yield f"{address}: may be destroyed"
    for address, fixed in FIXED.items():
        body: Mapping[str, Any] = resources[address].body if address in resources else {}
        for name, value in fixed.items():
            if body.get(name) != value:
                yield f"{address}: {name} is not {value}"
    yield from _expiry(resources)
    yield from _notices(resources)
    yield from _secrets(infra)


def _bucket(bucket: Resource | None, name: str, *, versioned: bool | None) -> Iterator[str]:
    body = bucket.body if bucket else {}
    for argument, value in {"acl": "private", "encryption": True}.items():
        if body.get(argument) != value:
            yield f"bucket {name}: {argument} is not {value}"
    if versioned is not None and body.get("versioning") is not versioned:
        yield f"bucket {name}: versioning is not {versioned}"


def _expiry(resources: dict[str, Resource]) -> Iterator[str]:
    """Yield what would delete more than may go, or let specs pile up."""
    for address, resource in resources.items():
        for rule in resource.body.get("lifecycle_rule", []):
            if address not in EXPIRING or rule.get("prefix") != EXPIRING[address]:
                yield f"{address}: objects that must be kept expire"
    drop = resources.get("huaweicloud_obs_bucket.drop")
    for rule in drop.body.get("lifecycle_rule", [{}]) if drop else ():
        # Versioned: what expires becomes a noncurrent version.
        if not {"expiration", "noncurrent_version_expiration"} <= rule.keys():
            yield "dropped specs are never deleted: the bucket grows, and scans of it with it"


def _notices(resources: dict[str, Resource]) -> Iterator[str]:
    configured = resources.get("huaweicloud_fgs_async_invoke_configuration.nightdrop")
    failures = configured.body.get("on_failure", []) if configured else []
    if not any(failure.get("destination") == "SMN" for failure in failures):
        yield "no notice is sent for an event that was given up"


def _secrets(infra: Path) -> Iterator[str]:
    for place in (infra, infra / "shape", *sorted(infra.glob("examples/*"))):
        for block in Configuration(place).blocks("variable"):
            for name, body in block.items():
                secret = "password" in name or name in _SECRETS
                if secret and body.get("sensitive") is not True:
                    yield f"{place.name}: variable {name} is not sensitive"
