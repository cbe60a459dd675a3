"""The JSON Schema: both forms, described, and true to the samples."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from handler.cli.specs.schema import job_spec_schema

EVENTS = Path(__file__).parents[4] / "events"


def described(node: Any, shared: dict[str, Any]) -> list[bool]:  # noqa: ANN401 - any part of the schema
    """Return, for every property in a part of the schema, whether it is described."""
    if isinstance(node, list):
        return [one for item in node for one in described(item, shared)]
    if not isinstance(node, dict):
        return []
    inner = [one for item in node.values() for one in described(item, shared)]
    fields = node.get("properties")
    own = fields.values() if isinstance(fields, dict) else []
    return [*inner, *(has_description(one, shared) for one in own)]


def has_description(field: dict[str, Any], shared: dict[str, Any]) -> bool:
    """Say whether a field, or the type it refers to, is described."""
    return "description" in field or "description" in shared[field["$ref"].rsplit("/", 1)[-1]]


def test_either_form_is_a_job_spec() -> None:
    """The short form comes first."""
    assert job_spec_schema()["anyOf"] == [{"$ref": "#/$defs/Job"}, {"$ref": "#/$defs/BatchJob"}]


def test_every_field_is_described() -> None:
    """An editor shows what a field is for."""
    found = described(job_spec_schema(), job_spec_schema()["$defs"])
    assert len(found) > 30
    assert all(found)


def test_it_is_json_and_all_its_references_lead_somewhere() -> None:
    """The whole fits in one file."""
    text = json.dumps(job_spec_schema())
    names = {part.split('"')[0] for part in text.split('"#/$defs/')[1:]}
    assert names <= job_spec_schema()["$defs"].keys()


def test_a_target_may_be_an_id_alone() -> None:
    """The short spelling is in the schema, too."""
    job_target = next(one for one in job_spec_schema()["$defs"].values() if "anyOf" in one)
    assert [one["type"] for one in job_target["anyOf"]] == ["string", "object"]


def test_no_optional_field_may_be_null() -> None:
    """To leave something out is to leave it out."""
    assert '"null"' not in json.dumps(job_spec_schema())


def test_the_published_schema_is_that_of_the_command() -> None:
    """Renewed with `nightdrop schema > events/schema.json`."""
    assert json.loads((EVENTS / "schema.json").read_text()) == job_spec_schema()


@pytest.mark.parametrize("name", ["deploy-camera", "nightly-upgrade"])
def test_the_first_line_of_a_sample_names_the_schema(name: str) -> None:
    """By the path from its own folder, as the YAML language server reads it; it is valid by it."""
    path = EVENTS / "specs" / f"{name}.yaml"
    comment, _, schema = path.read_text().splitlines()[0].partition("$schema=")
    assert comment == "# yaml-language-server: "
    found = json.loads((path.parent / schema).read_text())
    assert (path.parent / schema).resolve() == EVENTS / "schema.json"
    jsonschema.validate(yaml.safe_load(path.read_text()), found)
