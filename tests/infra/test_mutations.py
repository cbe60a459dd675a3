"""Wrong edits of infra/: each is caught without a network."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.depth import sampled
from tests.support.terraform.contract import contract
from tests.support.terraform.rendering import TERRAFORM
from tests.support.terraform.security import security
from tests.support.terraform.shape import shape

if TYPE_CHECKING:
    from collections.abc import Iterator

INFRA = Path(__file__).parents[2] / "infra"

BY_TEXT = {
    "an unknown argument": ("main.tf", "  app      ", "  concurrency = 2\n  app      "),
    "no handler": ("main.tf", "  handler               = module.shape.handler.handler\n", ""),
    "another handler": ("main.tf", "= module.shape.handler.handler", '= "main.handler"'),
    "no initializer": (
        "main.tf",
        "  initializer_handler   = module.shape.handler.initializer\n",
        "",
    ),
    "a missing required argument": ("main.tf", "  group_name  = var.name\n", ""),
    "a resource that is none": ("main.tf", '"huaweicloud_lts_stream"', '"huaweicloud_lts_flow"'),
    "failures are not reported": ("main.tf", "on_failure {", "on_success {"),
    "secrets among plain settings": (
        "main.tf",
        "encrypted_user_data = module.shape.secret_user_data",
        "tags = jsondecode(module.shape.secret_user_data)",
    ),
    "the zip from a URL": ("main.tf", 'code_type     = "zip"', 'code_type     = "obs"'),
    "a public bucket": ("storage.tf", '"private"', '"public-read"'),
    "an unencrypted bucket": ("storage.tf", "encryption    = true", "encryption    = false"),
    "a log with versions": ("storage.tf", "versioning    = false", "versioning    = true"),
    "a log that may be destroyed": (
        "storage.tf",
        "prevent_destroy = true",
        "prevent_destroy = false",
    ),
    "records that expire": (
        "storage.tf",
        "  versioning    = false\n",
        (
            '  versioning    = false\n\n  lifecycle_rule {\n    name    = "old"\n'
            "    enabled = true\n\n    expiration {\n      days = 400\n    }\n  }\n"
        ),
    ),
    "specs that are never deleted": (
        "storage.tf",
        "    noncurrent_version_expiration {\n      days = var.spec_days\n    }\n",
        "",
    ),
    "standing specs that expire": ("storage.tf", "    prefix  = var.drop_prefix\n", ""),
    "public policies": (
        "storage.tf",
        "block_public_policy     = true",
        "block_public_policy     = false",
    ),
    "another service trusted": ("access.tf", '"op_svc_cff"', '"op_svc_ecs"'),
    "a role of the wrong kind": ("access.tf", '"XA"', '"AX"'),
    "a system role instead": (
        "access.tf",
        "[huaweicloud_identity_role.buckets.name]",
        '["OBS Administrator"]',
    ),
    "a variable that is none": ("triggers.tf", "var.eventgrid", "var.event_grid"),
    "a resource that is not there": (
        "triggers.tf",
        "huaweicloud_obs_bucket.drop,",
        "huaweicloud_obs_bucket.dropped,",
    ),
    "an output that is none": (
        "triggers.tf",
        "module.shape.drop_trigger.event_data",
        "module.shape.drop.event_data",
    ),
    "a password in the clear": ("variables.tf", "  sensitive   = true\n", ""),
    "a variable used nowhere": (
        "variables.tf",
        'variable "tags"',
        'variable "labels" {\n  default = {}\n}\n\nvariable "tags"',
    ),
    "an example that passes what is not taken": (
        "examples/minimal/main.tf",
        "bucket_prefix =",
        "bucket_name =",
    ),
}
"""By name: a file, what is replaced in it, and what with. The files' text tells."""

BY_TERRAFORM = {
    "a wildcard action": ("shape/main.tf", '"ief:batchjob:create"', '"ief:*:*"'),
    "a right that is not needed": (
        "shape/main.tf",
        '["smn:topic:publish"]',
        '["smn:topic:publish", "ief:deployment:delete"]',
    ),
    "every bucket": ("shape/main.tf", '"OBS:*:*:bucket:${bucket}"', '"OBS:*:*:bucket:*"'),
    "records may be deleted": (
        "shape/main.tf",
        "${local.log}/${local.outbox}*",
        "${local.log}/${local.log_prefix}*",
    ),
    "records taken for the outbox": (
        "shape/main.tf",
        '"${local.log_prefix}outbox/"',
        '"${local.log_prefix}"',
    ),
    "results inside the watched prefix": (
        "shape/main.tf",
        "obs://${local.results}/${var.results_prefix}",
        "obs://${local.drop}/${var.drop_prefix}results/",
    ),
    "results may be anywhere": (
        "shape/variables.tf",
        "startswith(var.results_prefix,",
        'startswith("-",',
    ),
    "a timeout past the limit": (
        "shape/variables.tf",
        "var.timeout <= 900",
        "var.timeout <= 259200",
    ),
    "more user data than fits": ("shape/outputs.tf", "length(local.user_data) <= 20", "true"),
    "longer user data than fits": (
        "shape/outputs.tf",
        "length(base64encode(jsonencode(local.user_data))) <= 5464",
        "true",
    ),
    "no tick": ("shape/outputs.tf", "{ tick = local.tick }", "{}"),
    "another action in the timer": ("shape/main.tf", '"reconcile"', '"reconsile"'),
    "a field the timer does not have": (
        "shape/main.tf",
        "user_event    = timer.spec",
        "payload       = timer.spec",
    ),
    "another prefix watched than read": (
        "shape/main.tf",
        "prefix = var.drop_prefix\n",
        'prefix = "incoming/"\n',
    ),
    "keys decoded twice": ("shape/main.tf", "Key_encode = true", "key_encode = true"),
    "a misspelt setting": ("shape/main.tf", "NIGHTDROP_PREFIX ", "NIGHTDROP_PREFIXES "),
    "another entry file": ("shape/outputs.tf", '"index.handler"', '"main.handler"'),
    "the database's address in plain settings": (
        "shape/main.tf",
        "local.in_database ? {} :",
        "local.in_database ? { NIGHTDROP_AUDIT = nonsensitive(var.database_address) } :",
    ),
    "five fields of cron": ("shape/variables.tf", "{5}", "{4,5}"),
    "removed objects": (
        "shape/variables.tf",
        "(s3:)?ObjectCreated",
        "(s3:)?Object(Created|Removed)",
    ),
}
"""Wrong edits that only the rendered configuration shows."""


@pytest.fixture
def edited(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A copy of infra/ with one edit."""
    name, before, after = request.param
    copy = tmp_path / "infra"
    shutil.copytree(INFRA, copy, ignore=shutil.ignore_patterns(".terraform*"))
    text = (copy / name).read_text()
    assert before in text, f"{name} no longer has what this edit replaces"
    (copy / name).write_text(text.replace(before, after, 1))
    return copy


def by_text(infra: Path) -> Iterator[str]:
    """Yield what the files' text tells."""
    yield from contract(infra)
    yield from security(infra)


@pytest.mark.parametrize("edited", BY_TEXT.values(), ids=BY_TEXT, indirect=True)
def test_a_wrong_edit_is_caught_by_the_text(edited: Path) -> None:
    """Without Terraform; `test_files.py` holds that there is nothing to find before."""
    assert any(by_text(edited))


@pytest.mark.skipif(TERRAFORM is None, reason="TERRAFORM IS NOT HERE: these edits go unseen")
@pytest.mark.parametrize(
    "edited", sampled(BY_TERRAFORM.values()), ids=sampled(BY_TERRAFORM), indirect=True
)
def test_a_wrong_edit_is_caught_by_what_it_renders(edited: Path) -> None:
    """Without a provider; `test_terraform.py` holds that there is nothing to find before."""
    assert any(shape(edited))
