"""IEF's operations over real HTTP."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timezone
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any

import pytest
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.sdk_request import SdkRequest
from huaweicloudsdkcore.signer.signer import Signer

from handler.emulator.ief.fleet import Fleet, Group, Node
from handler.emulator.server import DEMO_ACCOUNT, Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from handler.values.canonical_json import Json

JOBS = f"/v2/{DEMO_ACCOUNT.project_id}/productmgr/jobs"
NODES = f"/v2/{DEMO_ACCOUNT.project_id}/edgemgr/nodes"
GROUPS = f"/v2/{DEMO_ACCOUNT.project_id}/edgemgr/groups"
ENTERPRISE = {"ief-instance-id": "i1"}
FLEET = Fleet(
    (
        Node("n1", "gate-1", version="2.53.0", upgrade_flag=True, groups=("g1",)),
        Node("n2", "gate-2", state="UNCONNECTED"),
    ),
    (Group("g1", "docks"), Group("g2", "yards")),
)


@dataclass
class Client:
    """An emulator with a clock to set, and a way to call it."""

    now: float = 1_800_000_000.0
    emulator: Emulator = field(init=False)

    def __post_init__(self) -> None:
        self.emulator = Emulator(clock=lambda: self.now, job_seconds=5, fleet=FLEET)

    def call(
        self, method: str, path: str, body: Json = None, headers: dict[str, str] | None = None
    ) -> tuple[int, Any]:
        """Send one request, signed by the SDK's signer, and return status and JSON."""
        path, _, query = path.partition("?")
        date = datetime.fromtimestamp(self.now, timezone.utc)
        request = SdkRequest(
            method=method,
            schema="http",
            host=self.emulator.url.removeprefix("http://"),
            resource_path=path,
            query_params=[tuple(part.split("=")) for part in query.split("&") if part],
            header_params={"X-Sdk-Date": f"{date:%Y%m%dT%H%M%SZ}"}
            | {"Content-Type": "application/json"}
            | (headers or {}),
            body=b"" if body is None else json.dumps(body).encode(),
        )
        keys = BasicCredentials(DEMO_ACCOUNT.access_key, DEMO_ACCOUNT.secret_key, "p")
        Signer(keys).sign(request)
        with closing(HTTPConnection(request.host, timeout=5)) as connection:
            connection.request(method, request.uri, request.body, request.header_params)
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, json.loads(text) if text else None

    def create(self, name: str, kind: str = "node_upgrade") -> str:
        """Create a job with one target and return its id."""
        content: dict[str, Json] = {"target_type": "node", "targets": [{"target_id": "n1"}]}
        if kind != "node_upgrade":
            content["task_data"] = '{"deployment": {}}'
        body: Json = {"job_name": name, "job_type": kind, "job_content": content}
        status, answer = self.call("POST", JOBS, body)
        assert (status, answer["job_name"]) == (201, name)
        return str(answer["job_id"])

    def listed(self, query: str = "") -> list[str]:
        """Return the names that the list shows."""
        return [job["job_name"] for job in self.call("GET", f"{JOBS}{query}")[1]["jobs"]]


@pytest.fixture
def client() -> Iterator[Client]:
    """A running emulator with a clock to set."""
    built = Client()
    with built.emulator:
        yield built


def error_of(answer: tuple[int, Any]) -> tuple[int, str]:
    """Return status and code of an error."""
    return answer[0], answer[1]["error_code"]


def test_a_job_is_created_and_shown_as_time_passes(client: Client) -> None:
    """It runs for its seconds and then is done."""
    job_id = client.create("nightly")
    before = client.call("GET", f"{JOBS}/{job_id}")[1]["status"]
    client.now += 5
    after = client.call("GET", f"{JOBS}/{job_id}")[1]["status"]
    assert (before, after) == ("Waiting", "Successful")


def test_a_name_may_be_given_twice(client: Client) -> None:
    """No page of the API says that names are unique."""
    assert client.create("nightly") != client.create("nightly")


def test_the_newest_job_is_listed_first(client: Client) -> None:
    """Within a second the order of creation decides."""
    for name in ("a", "b", "c"):
        client.create(name)
    assert client.listed() == ["c", "b", "a"]
    assert client.listed("?sort=created_at:asc") == ["a", "b", "c"]


def test_the_list_is_paged(client: Client) -> None:
    """Offset and limit cut out a page; the count is of all."""
    for number in range(5):
        client.create(f"job-{number}")
    pages = [client.listed(f"?limit=2&offset={offset}") for offset in (0, 2, 4, 6)]
    assert pages == [["job-4", "job-3"], ["job-2", "job-1"], ["job-0"], []]
    assert client.call("GET", f"{JOBS}?limit=1")[1]["job_count"] == 5


def test_the_list_selects_by_type(client: Client) -> None:
    """The only selection there is."""
    client.create("a")
    client.create("b", "deployment_deploy")
    assert client.listed("?job_type=deployment_deploy") == ["b"]


def test_a_list_that_lags_leaves_out_new_jobs(client: Client) -> None:
    """They are there, and shown by their id, before they are listed."""
    client.emulator.faults.set(
        [{"operation": "ListBatchJob", "fault": "stale_list", "seconds": 60}]
    )
    job_id = client.create("nightly")
    client.now += 59
    assert client.call("GET", JOBS)[1] == {"job_count": 0, "jobs": []}
    assert client.call("GET", f"{JOBS}/{job_id}")[0] == 200
    client.now += 1
    assert client.listed() == ["nightly"]


def test_a_deleted_job_is_gone(client: Client) -> None:
    """Deleting it again says that it is not there."""
    job_id = client.create("nightly")
    assert client.call("DELETE", f"{JOBS}/{job_id}") == (204, None)
    assert client.call("DELETE", f"{JOBS}/{job_id}")[0] == 404
    assert client.call("GET", f"{JOBS}/{job_id}")[0] == 404


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("?offset=-1", "IEF.100004"),
        ("?offset=x", "IEF.100004"),
        ("?offset=4294967296", "IEF.100004"),
        ("?limit=0", "IEF.100005"),
        ("?limit=1001", "IEF.100005"),
        ("?limit=x", "IEF.100005"),
        ("?sort=name", "IEF.100002"),
    ],
)
def test_a_bad_page_is_refused(client: Client, query: str, code: str) -> None:
    """With the documented codes for offset and limit."""
    assert error_of(client.call("GET", JOBS + query)) == (400, code)


def test_a_bad_name_is_refused_and_nothing_created(client: Client) -> None:
    """IEF.100012 is a bad resource name."""
    body: Json = {"job_name": "Nightly", "job_type": "node_upgrade"}
    assert error_of(client.call("POST", JOBS, body)) == (400, "IEF.100012")
    assert client.emulator.state.all_jobs() == []


def test_an_unknown_path_is_refused(client: Client) -> None:
    """IEF.011002 is a URL that is not registered."""
    for method, path in (("GET", "/v2/x/unknown"), ("PUT", JOBS), ("GET", f"{JOBS}/id/pause")):
        assert error_of(client.call(method, path)) == (400, "IEF.011002")


@pytest.mark.parametrize(
    ("path", "headers"),
    [(JOBS.replace("0b1c", "ffff"), {}), (JOBS, {"X-Project-Id": "another"})],
)
def test_another_project_is_refused(client: Client, path: str, headers: dict[str, str]) -> None:
    """In the path or in the header."""
    assert error_of(client.call("GET", path, headers=headers)) == (400, "IEF.100001")


def test_a_signature_older_than_15_minutes_creates_nothing(client: Client) -> None:
    """A frozen sender's request does not land late."""
    body: Json = {"job_name": "late", "job_type": "node_upgrade"}
    stale = {
        "X-Sdk-Date": f"{datetime.fromtimestamp(client.now - 901, timezone.utc):%Y%m%dT%H%M%SZ}"
    }
    assert error_of(client.call("POST", JOBS, body, stale)) == (400, "IEF.011005")
    assert client.emulator.state.all_jobs() == []


def test_a_body_must_say_that_it_is_json(client: Client) -> None:
    """The Content-Type is mandatory."""
    body: Json = {"job_name": "a", "job_type": "node_upgrade"}
    answer = client.call("POST", JOBS, body, {"Content-Type": "application/bson"})
    assert error_of(answer) == (400, "IEF.100002")


def test_nodes_are_listed_and_shown(client: Client) -> None:
    """The list selects by state, the page of a node has all of it."""
    listed = client.call("GET", f"{NODES}?state=UNCONNECTED")[1]
    shown = client.call("GET", f"{NODES}/{listed['nodes'][0]['id']}")[1]
    assert [node["name"] for node in listed["nodes"]] == ["gate-2"]
    assert shown["node"] == listed["nodes"][0]
    assert client.call("GET", f"{NODES}/unknown")[0] == 404


def test_an_upgrade_shows_on_its_node(client: Client) -> None:
    """While it runs, when it is done, and after its job is deleted."""
    job_id, seen = client.create("nightly"), []
    for seconds in (0, 2, 3):
        client.now += seconds
        node = client.call("GET", f"{NODES}/n1")[1]["node"]
        seen.append((node["state"], node["upgrade_flag"]))
    client.call("DELETE", f"{JOBS}/{job_id}")
    assert seen == [("RUNNING", True), ("UPGRADING", True), ("RUNNING", False)]
    assert client.call("GET", f"{NODES}/n1")[1]["node"]["upgrade_flag"] is False


def test_groups_are_listed_and_shown(client: Client) -> None:
    """Each with its nodes."""
    listed = client.call("GET", f"{GROUPS}?name=dock", headers=ENTERPRISE)[1]
    shown = client.call("GET", f"{GROUPS}/g1", headers=ENTERPRISE)[1]
    assert (listed["count"], listed["edge_groups"]) == (1, [shown])
    assert [node["id"] for node in shown["nodes"]] == ["n1"]
    page = client.call("GET", f"{GROUPS}?limit=1&offset=1", headers=ENTERPRISE)[1]
    assert (page["count"], [group["name"] for group in page["edge_groups"]]) == (2, ["yards"])
    assert client.call("GET", f"{GROUPS}/unknown", headers=ENTERPRISE)[0] == 404


def test_groups_are_for_the_enterprise_edition(client: Client) -> None:
    """A request that names no instance is for the professional edition, which has none."""
    for path in (GROUPS, f"{GROUPS}/g1", f"{NODES}?group_id=g1"):
        assert client.call("GET", path)[0] == 400
    listed = client.call("GET", f"{NODES}?group_id=g1", headers=ENTERPRISE)[1]
    assert [node["id"] for node in listed["nodes"]] == ["n1"]


def test_a_job_is_paused_restored_and_done(client: Client) -> None:
    """Through Stopping and Stopped."""
    job_id, seen = client.create("nightly"), []
    for seconds, action in ((2, "pause"), (0, ""), (2, ""), (100, "restore"), (0, ""), (5, "")):
        client.now += seconds
        if action:
            assert client.call("POST", f"{JOBS}/{job_id}/{action}") == (200, None)
        else:
            seen.append(client.call("GET", f"{JOBS}/{job_id}")[1]["status"])
    assert seen == ["Stopping", "Stopped", "Waiting", "Successful"]


def test_a_failed_job_is_retried(client: Client) -> None:
    """Only what did not succeed is done again."""
    client.emulator.state.failing_targets.add("n1")
    job_id = client.create("nightly")
    client.now += 5
    before = client.call("GET", f"{JOBS}/{job_id}")[1]["status"]
    client.emulator.state.failing_targets.clear()
    assert client.call("POST", f"{JOBS}/{job_id}/retry")[0] == 200
    client.now += 5
    after = client.call("GET", f"{JOBS}/{job_id}")[1]["status"]
    assert (before, after) == ("Failed", "Successful")


@pytest.mark.parametrize("action", ["pause", "restore", "retry"])
def test_an_operation_that_the_status_forbids_changes_nothing(client: Client, action: str) -> None:
    """A job that is done cannot be paused, restored or retried."""
    job_id = client.create("nightly")
    client.now += 5
    before = client.call("GET", f"{JOBS}/{job_id}")
    assert error_of(client.call("POST", f"{JOBS}/{job_id}/{action}")) == (400, "IEF.100409")
    assert client.call("POST", f"{JOBS}/unknown/{action}")[0] == 404
    assert client.call("GET", f"{JOBS}/{job_id}") == before


def test_every_operation_changes_when_the_status_was_last_updated(client: Client) -> None:
    """By the service's clock."""
    job_id, seen = client.create("nightly"), []
    for seconds, action in ((2, ""), (0, "pause"), (100, "restore")):
        client.now += seconds
        if action:
            assert client.call("POST", f"{JOBS}/{job_id}/{action}")[0] == 200
        seen.append(client.call("GET", f"{JOBS}/{job_id}")[1]["status_last_updated_at"])
    assert seen == sorted(seen)
    assert seen[0] <= seen[1] < seen[2] <= client.now


@pytest.mark.parametrize("action", ["pause", "restore", "retry", "show", "delete"])
def test_a_deleted_job_is_not_found_any_more(client: Client, action: str) -> None:
    """Whatever is asked about it."""
    job_id = client.create("nightly")
    assert client.call("DELETE", f"{JOBS}/{job_id}")[0] == 204
    method = {"show": "GET", "delete": "DELETE"}.get(action, "POST")
    path = f"{JOBS}/{job_id}" if method != "POST" else f"{JOBS}/{job_id}/{action}"
    assert client.call(method, path)[0] == 404
