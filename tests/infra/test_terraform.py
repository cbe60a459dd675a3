"""Terraform's own checks; skipped, with a visible reason, where it or its provider is missing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.terraform.provider import RESOURCES
from tests.support.terraform.rendering import TERRAFORM, terraform
from tests.support.terraform.shape import shape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.terraform.provider import Schema

INFRA = Path(__file__).parents[2] / "infra"

pytestmark = pytest.mark.skipif(
    TERRAFORM is None, reason="TERRAFORM IS NOT HERE: infra/ is checked by its text alone"
)


@pytest.fixture
def prepared(tmp_path: Path) -> Callable[[str], Path]:
    """Copies infra/ and fetches the provider for one of its folders, or skips the test."""

    def prepare(place: str) -> Path:
        shutil.copytree(INFRA, tmp_path / "infra", ignore=shutil.ignore_patterns(".terraform*"))
        folder = tmp_path / "infra" / place
        fetched = terraform("init", "-backend=false", "-input=false", "-no-color", at=folder)
        if fetched.status:
            pytest.skip("THE PROVIDER huaweicloud IS NOT HERE: infra/ is not validated against it")
        return folder

    return prepare


def test_the_files_are_formatted() -> None:
    """As terraform fmt has them."""
    found = terraform("fmt", "-check", "-recursive", at=INFRA)
    assert found.status == 0, found.text


def test_the_function_accepts_the_rendered_settings_and_events() -> None:
    """Its settings, the events of its triggers, its rights; and terraform test of the shape."""
    assert list(shape(INFRA)) == []


def test_the_deployment_is_valid(prepared: Callable[[str], Path]) -> None:
    """By terraform validate, and by terraform test with a mocked provider."""
    folder = prepared(".")
    for command in ("validate", "test"):
        found = terraform(command, "-no-color", at=folder)
        assert found.status == 0, found.text


@pytest.mark.parametrize("example", ["minimal", "complete"])
def test_an_example_can_be_planned_without_an_account(
    example: str, prepared: Callable[[str], Path]
) -> None:
    """By the provider itself, with invented keys: it makes no request for new resources."""
    folder = prepared(f"examples/{example}")
    (folder / "nightdrop.zip").write_bytes(b"any file will do")
    found = terraform("plan", "-no-color", "-input=false", at=folder)
    assert found.status == 0, found.text
    assert " to add, 0 to change, 0 to destroy" in found.text


def test_the_table_of_arguments_is_the_providers(prepared: Callable[[str], Path]) -> None:
    """Offline that table replaces the provider, so it must have exactly its arguments."""
    message = json.loads(terraform("providers", "schema", "-json", at=prepared(".")).text)
    [provider] = message["provider_schemas"].values()
    schemas = provider["resource_schemas"]
    assert [
        difference
        for kind, table in RESOURCES.items()
        for difference in differences(kind, table, schemas[kind]["block"])
    ] == []


def differences(place: str, table: Schema, block: dict[str, Any]) -> Iterator[str]:
    """Yield where the table says otherwise than the provider's own schema."""
    arguments, blocks = block.get("attributes", {}), block.get("block_types", {})
    given = {name for name, one in arguments.items() if one.keys() & {"required", "optional"}}
    required = {name for name, one in arguments.items() if one.get("required")}
    required |= {name for name, one in blocks.items() if one.get("min_items")}
    yield from (f"{place}: no {name}" for name in sorted(table.known - given - blocks.keys()))
    yield from (f"{place}: {name} is required" for name in sorted(required - table.required))
    for name in sorted(table.attributes - arguments.keys() - {"id"}):
        yield f"{place}: nothing gives {name}"
    for name, inner in table.blocks.items():
        if name not in blocks:
            yield f"{place}: {name} is no block"
            continue
        yield from differences(f"{place}.{name}", inner, blocks[name]["block"])
