"""What Terraform itself says; skipped, and loudly, where it or its provider is not."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.unit.infra.rendering import TERRAFORM, terraform
from tests.unit.infra.shape import shape

INFRA = Path(__file__).parents[3] / "infra"

pytestmark = pytest.mark.skipif(
    TERRAFORM is None, reason="TERRAFORM IS NOT HERE: infra/ is checked by its text alone"
)


def test_the_files_are_formatted() -> None:
    """As terraform fmt has them."""
    found = terraform("fmt", "-check", "-recursive", at=INFRA)
    assert found.status == 0, found.text


def test_the_function_understands_what_is_deployed() -> None:
    """Its settings, the events of its triggers, its rights; and terraform test of the shape."""
    assert list(shape(INFRA)) == []


@pytest.mark.parametrize("place", [".", "examples/minimal", "examples/complete"])
def test_the_deployment_is_valid(place: str, tmp_path: Path) -> None:
    """By terraform validate, and in the root terraform test with a mocked provider."""
    shutil.copytree(INFRA, tmp_path / "infra", ignore=shutil.ignore_patterns(".terraform*"))
    folder = tmp_path / "infra" / place
    prepared = terraform("init", "-backend=false", "-input=false", "-no-color", at=folder)
    if prepared.status:
        pytest.skip("THE PROVIDER huaweicloud IS NOT HERE: infra/ is not validated against it")
    for command in (["validate"], ["test"]) if place == "." else (["validate"],):
        found = terraform(*command, "-no-color", at=folder)
        assert found.status == 0, found.text
