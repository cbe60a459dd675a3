"""The formats of `nightdrop validate`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner

from handler.cli.main import main

BROKEN = """\
kind: node_upgrade
name: Tonight
targets:
  node: [gateway-7]
"""
ERRORS = [
    (2, "name: only lower-case letters, digits and hyphens, with no hyphen at either end"),
    (3, "targets: needs exactly one of nodes, groups, deployments, select"),
    (4, "targets.node: unknown field; did you mean `nodes`?"),
]
SARIF = {
    "type": "object",
    "required": ["version", "runs"],
    "properties": {
        "$schema": {"type": "string", "format": "uri"},
        "version": {"const": "2.1.0"},
        "runs": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["tool", "results"],
                "properties": {
                    "tool": {
                        "type": "object",
                        "required": ["driver"],
                        "properties": {"driver": {"$ref": "#/$defs/driver"}},
                        "additionalProperties": False,
                    },
                    "results": {"type": "array", "items": {"$ref": "#/$defs/result"}},
                },
                "additionalProperties": False,
            },
        },
    },
    "additionalProperties": False,
    "$defs": {
        "message": {
            "type": "object",
            "required": ["text"],
            "properties": {"text": {"type": "string", "minLength": 1}},
            "additionalProperties": False,
        },
        "driver": {
            "type": "object",
            "required": ["name", "rules"],
            "properties": {
                "name": {"type": "string", "minLength": 1},
                "version": {"type": "string", "minLength": 1},
                "rules": {
                    "type": "array",
                    "uniqueItems": True,
                    "items": {
                        "type": "object",
                        "required": ["id"],
                        "properties": {
                            "id": {"type": "string"},
                            "shortDescription": {"$ref": "#/$defs/message"},
                        },
                        "additionalProperties": False,
                    },
                },
            },
            "additionalProperties": False,
        },
        "result": {
            "type": "object",
            "required": ["message", "ruleId", "level", "locations"],
            "properties": {
                "ruleId": {"enum": ["error", "warning"]},
                "level": {"enum": ["none", "note", "warning", "error"]},
                "message": {"$ref": "#/$defs/message"},
                "locations": {"type": "array", "items": {"$ref": "#/$defs/location"}},
            },
            "additionalProperties": False,
        },
        "location": {
            "type": "object",
            "properties": {
                "physicalLocation": {
                    "type": "object",
                    "required": ["artifactLocation"],
                    "properties": {
                        "artifactLocation": {
                            "type": "object",
                            "required": ["uri"],
                            "properties": {"uri": {"type": "string", "pattern": "^[!-~]+$"}},
                            "additionalProperties": False,
                        },
                        "region": {
                            "type": "object",
                            "required": ["startLine"],
                            "properties": {"startLine": {"type": "integer", "minimum": 1}},
                            "additionalProperties": False,
                        },
                    },
                    "additionalProperties": False,
                }
            },
            "additionalProperties": False,
        },
    },
}
"""What SARIF 2.1.0 says of the objects that are written (3.13 to 3.30)."""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a broken spec that has an unusual name, and a valid one."""
    monkeypatch.chdir(tmp_path)
    Path("a, b%:ü.yaml").write_text(BROKEN)
    Path("good.yaml").write_text("kind: node_upgrade\nname: a\ntargets:\n  nodes: [n1]\n")
    return tmp_path


def report(output: str, *files: str, status: int = 1) -> str:
    """Return what the command prints in a format."""
    done = CliRunner().invoke(main, ["validate", "--format", output, *files])
    assert done.exit_code == status, done.output
    return done.output


def test_github_annotates_the_line_of_each_error() -> None:
    """As its workflow commands are written, with their escapes."""
    file = "a%2C b%25%3Aü.yaml"
    assert report("github", "good.yaml", "a, b%:ü.yaml").splitlines() == [
        f"::error file={file},line={line},title=Nightdrop::{text}" for line, text in ERRORS
    ]


def test_a_finding_is_one_workflow_command_whatever_is_in_the_file(folder: Path) -> None:
    """No line break of a name ends it, so that no second command begins."""
    (folder / "x\n::error::y.yaml").write_text("kind: [\n")
    (line,) = report("github", "x\n::error::y.yaml").splitlines()
    assert line.startswith("::error file=x%0A%3A%3Aerror%3A%3Ay.yaml,line=")


def test_sarif_is_as_its_standard_requires() -> None:
    """With one result per error, on its line."""
    log: dict[str, Any] = json.loads(report("sarif", "good.yaml", "a, b%:ü.yaml"))
    jsonschema.validate(log, SARIF)
    (run,) = log["runs"]
    places = [result["locations"][0]["physicalLocation"] for result in run["results"]]
    assert {place["artifactLocation"]["uri"] for place in places} == {"a%2C%20b%25%3A%C3%BC.yaml"}
    lines = [place["region"]["startLine"] for place in places]
    texts = [result["message"]["text"] for result in run["results"]]
    assert list(zip(lines, texts, strict=True)) == ERRORS


def test_sarif_without_findings_is_a_log_without_results() -> None:
    """Its upload replaces what was found before."""
    log = json.loads(report("sarif", "good.yaml", status=0))
    jsonschema.validate(log, SARIF)
    assert log["runs"][0]["results"] == []


def test_json_is_an_object_per_file() -> None:
    """With the number of jobs."""
    bad, good = map(json.loads, report("json", "a, b%:ü.yaml", "good.yaml").splitlines())
    assert (bad["valid"], len(bad["errors"]), good["valid"], good["jobs"]) == (False, 3, True, 1)


def test_a_rollout_is_explained_and_its_first_job_shown(folder: Path) -> None:
    """In sentences, and in JSON as a number; with --show, the request of the first job."""
    nodes = "{nodes: [{id: n1}, {id: n2}]}"
    text = f"kind: node_upgrade\nname: night\ntargets: {nodes}\nrollout: {{waves: [1, 100%]}}\n"
    (folder / "night.yaml").write_text(text)
    lines = report("text", "night.yaml", status=0).splitlines()
    assert lines[0] == "✓ night.yaml: 1 rollout"
    assert lines[1].endswith("no max_failed: however many nodes fail, the next wave starts")
    assert lines[2].endswith(": node_upgrade of 2 nodes")
    assert "in waves of 1, 100%" in lines[3]
    shown = json.loads(report("json", "--show", "night.yaml", status=0))
    assert (shown["jobs"], shown["rollouts"]) == (0, 1)
    assert [one["job_content"]["targets"] for one in shown["requests"]] == [[{"target_id": "n1"}]]
