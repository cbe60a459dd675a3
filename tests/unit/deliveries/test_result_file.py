"""The result file."""

from __future__ import annotations

import json

import pytest

from handler.audit.job_state import JobState
from handler.deliveries.result_file import result_data, result_key
from handler.runtime.response import Result


@pytest.mark.parametrize(
    ("spec", "watched", "results", "key"),
    [
        ("drop/a.yaml", "drop/", "results/", "results/a.yaml.result.json"),
        ("drop/hall/a b.yaml", "drop/", "results/", "results/hall/a b.yaml.result.json"),
        ("a.yaml", "", "", "a.yaml.result.json"),
        ("drop/a.yaml", "drop/", "drop/results/", "drop/results/a.yaml.result.json"),
        ("a/drop/b", "drop/", "r/", "r/a/drop/b.result.json"),
    ],
)
def test_a_result_lies_at_its_specs_own_path(
    spec: str, watched: str, results: str, key: str
) -> None:
    """Under the results prefix, the watched prefix left out."""
    assert result_key(spec, watched=watched, results=results) == key


def test_a_result_file_holds_the_jobs_and_every_error() -> None:
    """The information for the person who dropped the spec, as readable JSON."""
    job = JobState("k", "d", 1, "nightly", "node_upgrade", "created", job_id="4d1c")
    result = Result("abcdefghijklmnopqrst", "partial", (job,), ("zwölf",), ("doubtful",))
    data = result_data("obs://b/drop/ü.yaml", "5e0f", result)
    assert data.endswith(b"}\n")
    assert "zwölf".encode() in data
    assert json.loads(data) == {
        "spec": "obs://b/drop/ü.yaml",
        "digest": "5e0f",
        "delivery": "abcdefghijklmnop",
        "outcome": "partial",
        "jobs": [{"job_name": "nightly", "job_id": "4d1c", "state": "created", "document": 1}],
        "errors": ["zwölf"],
        "warnings": ["doubtful"],
    }
