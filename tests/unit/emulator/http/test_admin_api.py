"""The emulator's own pages, over real HTTP."""

from __future__ import annotations

import json
from contextlib import closing
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any

import pytest

from handler.emulator.server import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from handler.values.canonical_json import Json

CUT: Json = {"operation": "CreateBatchJob", "fault": "cut", "times": 2}


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """A running emulator."""
    with Emulator() as running:
        yield running


def call(
    emulator: Emulator, method: str, page: str, body: str = "", **headers: str
) -> tuple[int, Any]:
    """Send one request without a signature and return status and JSON."""
    given = {"Content-Type": "application/json", **headers}
    with closing(HTTPConnection(emulator.url.removeprefix("http://"), timeout=5)) as connection:
        connection.request(method, f"/_emulator/{page}", body.encode(), given)
        answer = connection.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if text else None


def test_the_state_is_json(emulator: Emulator) -> None:
    """Jobs, objects and requests."""
    emulator.state.create_job({"job_name": "a", "job_type": "node_upgrade"})
    emulator.state.put_object("nightdrop-drop", "ü", b"text")
    status, state = call(emulator, "GET", "state")
    assert status == 200
    assert [job["job_name"] for job in state["jobs"]] == ["a"]
    assert state["objects"]["nightdrop-drop"]["ü"]["text"] == "text"
    assert state["requests"] == []


def test_one_part_of_the_state_can_be_had_alone(emulator: Emulator) -> None:
    """For frequent readers."""
    for part in ("jobs", "nodes", "objects", "requests"):
        assert list(call(emulator, "GET", f"state?only={part}")[1]) == [part]


def test_an_agencys_keys_can_be_had(emulator: Emulator) -> None:
    """A full set, and not the permanent keys."""
    status, keys = call(emulator, "GET", "credentials")
    assert (status, sorted(keys)) == (200, ["ak", "expires_at", "sk", "token"])
    assert emulator.account.access_key not in keys.values()
    assert emulator.account.secret_key not in keys.values()


def test_a_reset_empties_the_state_and_keeps_the_faults(emulator: Emulator) -> None:
    """Faults are cleared by an empty list."""
    emulator.state.create_job({"job_name": "a", "job_type": "node_upgrade"})
    emulator.faults.set([CUT])
    assert call(emulator, "POST", "reset") == (204, None)
    assert call(emulator, "GET", "state")[1]["jobs"] == []
    assert len(call(emulator, "GET", "faults")[1]) == 1


def test_faults_are_set_shown_and_cleared(emulator: Emulator) -> None:
    """With how often each struck."""
    assert call(emulator, "POST", "faults", json.dumps([CUT]))[0] == 200
    emulator.faults.select("CreateBatchJob")
    shown = call(emulator, "GET", "faults")[1]
    assert [(one["fault"], one["times"], one["struck"]) for one in shown] == [("cut", 2, 1)]
    assert call(emulator, "POST", "faults", "[]") == (200, [])


@pytest.mark.parametrize("body", ["", "{", "{}", '[{"operation": "x", "fault": "cut"}]'])
def test_malformed_faults_are_refused_with_the_reason(emulator: Emulator, body: str) -> None:
    """The message helps the author of a test."""
    status, answer = call(emulator, "POST", "faults", body)
    assert (status, "fault" in answer["error"]) == (400, True)


@pytest.mark.parametrize(("method", "page"), [("GET", "x"), ("GET", "reset"), ("PUT", "faults")])
def test_there_are_no_other_pages(emulator: Emulator, method: str, page: str) -> None:
    """The answer names those that are."""
    status, answer = call(emulator, method, page)
    assert (status, "the pages are" in answer["error"]) == (404, True)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "text/plain"}, 415),
        ({"Origin": "http://evil.example"}, 403),
        ({"Host": "evil.example:80"}, 421),
    ],
)
def test_no_web_page_may_reset_or_read_it(
    emulator: Emulator, headers: dict[str, str], status: int
) -> None:
    """Any page in a browser can send requests to this machine."""
    emulator.state.create_job({"job_name": "a", "job_type": "node_upgrade"})
    refused, answer = call(emulator, "POST", "reset", **headers)
    assert (refused, list(answer)) == (status, ["error"])
    assert len(emulator.state.all_jobs()) == 1
    if "Content-Type" not in headers:
        assert call(emulator, "GET", "credentials", **headers)[0] == status
