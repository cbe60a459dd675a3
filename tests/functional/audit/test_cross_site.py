"""Requests of web pages in a browser on this machine: all of them are refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import urllib3

from tests.conftest import serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Records = Callable[[], list[dict[str, Any]]]

SPEC = b'{"kind": "node_upgrade", "name": "x", "targets": {"nodes": [{"id": "node-1"}]}}'


@pytest.fixture(scope="module")
def function(cloud_environ: dict[str, str]) -> Iterator[str]:
    """The function's address, served by functions-framework."""
    with serving(cloud_environ) as url:
        yield url


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("POST", {"Origin": "http://evil.example", "Content-Type": "text/plain"}, 403),
        ("POST", {"Origin": "null", "Content-Type": "application/json"}, 403),
        ("POST", {"Content-Type": "text/plain"}, 415),
        ("POST", {"Host": "evil.example", "Content-Type": "application/json"}, 421),
        ("GET", {}, 405),
    ],
)
def test_a_foreign_request_runs_nothing(
    function: str, cloud_records: Records, method: str, headers: dict[str, str], status: int
) -> None:
    """One sentence says why, and there is no record of it."""
    answer = urllib3.request(method, function, body=SPEC, headers=headers, timeout=30)
    assert (answer.status, list(answer.json())) == (status, ["error"])
    assert not [one for one in cloud_records() if one["action"].startswith(("delivery", "job"))]


def test_a_program_on_this_machine_is_answered(function: str, cloud_records: Records) -> None:
    """The same spec as JSON creates its job."""
    answer = urllib3.request(
        "POST", function, body=SPEC, headers={"Content-Type": "application/json"}, timeout=30
    )
    assert answer.json()["outcome"] == "submitted"
    assert [one for one in cloud_records() if one["action"] == "job.created"]
