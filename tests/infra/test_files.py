"""The Terraform files as they are written: checked without Terraform, provider or network."""

from __future__ import annotations

from pathlib import Path

from tests.support.terraform.contract import contract
from tests.support.terraform.security import security

INFRA = Path(__file__).parents[2] / "infra"


def test_the_provider_knows_every_argument() -> None:
    """None unknown, none missing, and no reference to an undefined name."""
    assert list(contract(INFRA)) == []


def test_buckets_are_private_and_failures_are_reported() -> None:
    """Private, encrypted, versioned where it helps; secrets are marked; the handler is set."""
    assert list(security(INFRA)) == []


def test_no_provider_lock_is_committed() -> None:
    """One created offline would hold hashes of a local build."""
    assert not list(INFRA.rglob(".terraform.lock.hcl"))
