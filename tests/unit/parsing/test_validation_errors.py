"""Validation errors: pydantic's errors in our own words, without the input."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from handler.parsing import Document
from handler.parsing.validation_errors import Issue, to_problem, validation_issues
from handler.specs.api_form import BatchJob
from handler.specs.short_form import Job

if TYPE_CHECKING:
    from handler.values.canonical_json import Json

VALID: dict[str, Json] = {"kind": "node_upgrade", "name": "a", "targets": {"nodes": [{"id": "x"}]}}


def only(changes: dict[str, Json]) -> tuple[str, str]:
    """Return path and message of the only error of a changed job."""
    (issue,) = validation_issues(Job, {**VALID, **changes})
    return str(to_problem(Issue(issue.path, ""), Document(1, None))), issue.message


@pytest.mark.parametrize(
    ("changes", "path", "message"),
    [
        ({"description": 4711}, "description", "must be text; put it in quotes"),
        ({"description": True}, "description", "must be text; put it in quotes"),
        ({"description": ["x"]}, "description", "must be text"),
        ({"description": None}, "description",
         "must be text; leave the field out if it is not wanted"),
        ({"tags": []}, "tags", "must be a mapping"),
        ({"tags": {"a b": "x"}}, "tags.?", "only letters, digits, underscores and hyphens"),
        ({"tags": {"a": 1}}, "tags.a", "must be text; put it in quotes"),
        ({"targets": "x"}, "targets", "must be a mapping"),
        ({"targets": {"nodes": "x"}}, "targets.nodes", "must be a list"),
        ({"targets": {"nodes": [7]}}, "targets.nodes[0]",
         "must be an id in quotes, or a mapping of id and name"),
        ({"targets": {"nodes": [""]}}, "targets.nodes[0]", "is empty"),
        ({"targets": {"nodes": ["x", {"name": "y"}]}}, "targets.nodes[1].id", "missing"),
        ({"targets": {"nodes": [{"id": "x", "colour": "y"}]}}, "targets.nodes[0].colour",
         "unknown field; known here: id, name"),
        ({"kind": "reboot"}, "kind",
         "must be one of 'node_upgrade', 'deployment_deploy', 'deployment_upgrade'"),
    ],
)  # fmt: skip
def test_each_kind_of_error_has_its_sentence(
    changes: dict[str, Json], path: str, message: str
) -> None:
    """Path and sentence tell a person what to change."""
    assert only(changes) == (f"document 1, {path}: ", message)


@pytest.mark.parametrize(
    ("changes", "hint"),
    [
        ({"descripton": "x"}, "unknown field; did you mean `description`?"),
        ({"validFor": "4h"}, "unknown field; did you mean `valid_for`?"),
        ({"valid-for": "4h"}, "unknown field; did you mean `valid_for`?"),
        ({"Tags": {}}, "unknown field; field names are in lower case: did you mean `tags`?"),
        ({"targets": {"node": ["x"]}}, "unknown field; did you mean `nodes`?"),
    ],
)
def test_a_misspelt_field_gets_a_suggestion(changes: dict[str, Json], hint: str) -> None:
    """A similar field, if one exists; never the text of the file."""
    assert hint in [issue.message for issue in validation_issues(Job, {**VALID, **changes})]


def test_no_more_errors_are_formatted_than_shown() -> None:
    """Each sentence costs time, and ten thousand of them are useless."""
    targets: Json = [{"id": " "} for _ in range(10_000)]
    assert len(validation_issues(Job, {**VALID, "targets": {"nodes": targets}})) == 101


def test_all_errors_are_reported_at_once() -> None:
    """So that all mistakes are corrected with one new file."""
    assert (
        len(validation_issues(BatchJob, {"job_name": "A", "job_content": {"targets": [{}]}})) == 3
    )


def test_a_problem_has_the_line_of_the_nearest_part() -> None:
    """A missing field is reported at its parent."""
    document = Document(2, None, {(): 5, ("targets",): 7})
    problem = to_problem(Issue(("targets", "nodes"), "missing"), document)
    assert str(problem) == "document 2, line 7, targets.nodes: missing"
