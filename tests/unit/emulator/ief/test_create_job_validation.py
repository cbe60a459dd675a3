"""IEF's judgement of job bodies."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handler.emulator.http.messages import RefusedError
from handler.emulator.ief.create_job_validation import BAD_FIELD, BAD_NAME, read_job

if TYPE_CHECKING:
    from handler.values.canonical_json import Json

TASK_DATA = '{"deployment": {"replicas": 1}, "name_prex": "aaa", "source": "userdefined"}'
UPGRADE: dict[str, Json] = {
    "job_name": "nightly",
    "job_type": "node_upgrade",
    "job_content": {"target_type": "node", "targets": [{"target_id": "n1"}]},
    "description": "any",
    "tags": [{"key": "site", "value": "north"}],
}


def code_of(body: dict[str, Json]) -> str:
    """Return the error's code, "" if the body is accepted."""
    try:
        assert read_job(json.dumps(body).encode()) == body
    except RefusedError as refusal:
        return str(json.loads(refusal.response.body)["error_code"])
    return ""


def test_a_node_upgrade_is_accepted_as_it_is() -> None:
    """Nothing is added or changed."""
    assert code_of(UPGRADE) == ""


def test_a_deployment_with_task_data_is_accepted() -> None:
    """Task data is JSON in a string."""
    extension: Json = [{"key": "node_name", "value": "gate"}]
    content: Json = {
        "target_type": "node",
        "targets": [{"target_id": "n1", "extension_info": extension}],
        "task_data": TASK_DATA,
    }
    body: dict[str, Json] = {**UPGRADE, "job_type": "deployment_deploy", "job_content": content}
    assert code_of(body) == ""


@pytest.mark.parametrize("name", ["a", "0-9", "a" * 26])
def test_names_within_the_rule_are_accepted(name: str) -> None:
    """One to 26 characters."""
    assert code_of({**UPGRADE, "job_name": name}) == ""


@pytest.mark.parametrize("name", ["", "-a", "a-", "A", "a_b", "ü", "a" * 27, "a\n"])
def test_names_outside_the_rule_have_their_own_code(name: str) -> None:
    """IEF.100012 is a bad resource name."""
    assert code_of({**UPGRADE, "job_name": name}) == BAD_NAME


@pytest.mark.parametrize(
    "change",
    [
        {"job_name": None},
        {"job_name": 1},
        {"job_type": "reboot"},
        {"description": 1},
        {"unknown": 1},
        {"tags": {}},
        {"tags": [{"key": "", "value": "x"}]},
        {"tags": [{"key": "a b", "value": "x"}]},
        {"tags": [{"key": "a" * 129, "value": "x"}]},
        {"tags": [{"key": "a", "value": ""}]},
        {"tags": [{"key": "a", "value": "x" * 257}]},
        {"job_content": []},
        {"job_content": {"target_type": "pod"}},
        {"job_content": {"targets": [{}]}},
        {"job_content": {"targets": [{"target_id": ""}]}},
        {"job_content": {"targets": ["n1"]}},
        {"job_content": {"targets": [{"target_id": "n1", "extension_info": [{"key": "a"}]}]}},
        {"job_content": {"task_data": TASK_DATA}},
        {"job_type": "deployment_deploy"},
        {"job_type": "deployment_deploy", "job_content": {"task_data": "{"}},
        {"job_type": "deployment_deploy", "job_content": {"task_data": "{}"}},
        {"job_type": "deployment_deploy", "job_content": {"task_data": {"deployment": {}}}},
    ],
)
def test_a_body_against_the_tables_is_refused(change: dict[str, Json]) -> None:
    """Each row breaks one rule of the field table."""
    assert code_of(UPGRADE | change) == BAD_FIELD


@given(st.binary(max_size=100))
def test_any_bytes_are_answered(body: bytes) -> None:
    """Nonsense is refused, not crashed upon."""
    with pytest.raises(RefusedError):
        read_job(body)
