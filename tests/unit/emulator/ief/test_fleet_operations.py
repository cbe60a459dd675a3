"""The operations on deployments and pods, over real HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from handler.emulator.server import DEMO_ACCOUNT
from tests.unit.emulator.ief.test_operations import ENTERPRISE, JOBS, Client, error_of

if TYPE_CHECKING:
    from collections.abc import Iterator

V3 = f"/v3/{DEMO_ACCOUNT.project_id}/edgemgr"


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    """A running emulator in which a job has deployed to one node, twelve times."""
    built = Client()
    with built.emulator:
        for number in range(12):
            built.create(f"job-{number}", "deployment_deploy")
        built.now += 5
        yield built


def test_deployments_are_listed_in_pages_of_ten(client: Client) -> None:
    """The count is of all; a page may have a hundred."""
    counted = [
        (answer["count"], len(answer["deployments"]))
        for answer in (
            client.call("GET", f"{V3}/deployments{query}")[1]
            for query in ("", "?offset=10", "?limit=100", "?name=job-3", "?node_id=n2")
        )
    ]
    assert counted == [(12, 10), (12, 2), (12, 12), (1, 1), (0, 0)]


def test_a_jobs_result_is_checked_by_its_deployments_pods(client: Client) -> None:
    """The task names the deployment, and the deployment's pod runs."""
    job_id = client.call("GET", JOBS)[1]["jobs"][0]["job_id"]
    [task] = client.call("GET", f"{JOBS}/{job_id}")[1]["tasks"]
    [extension] = task["extension_info"]
    answer = client.call("GET", f"{V3}/pods?deployment_id={extension['value']}")[1]
    [pod] = answer["pods"]
    assert (answer["count"], pod["node_id"], pod["state"]) == (1, "n1", "RUNNING")
    named = client.call("GET", f"{V3}/deployments?name={task['task_name']}")[1]["deployments"]
    assert [one["id"] for one in named] == [extension["value"]]


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("deployments?limit=101", "IEF.100005"),
        ("deployments?offset=x", "IEF.100004"),
        ("deployments?node_id=n1&group_id=g1", "IEF.100002"),
        ("deployments?group_id=g1", "IEF.100403"),
        ("pods?node_id=n1&deployment_id=d1", "IEF.100002"),
        ("pods?group_id=g1", "IEF.100403"),
    ],
)
def test_a_bad_query_is_refused(client: Client, path: str, code: str) -> None:
    """As on the pages: the limits, and what excludes one another."""
    assert error_of(client.call("GET", f"{V3}/{path}")) == (400, code)


def test_a_group_is_selected_in_the_enterprise_edition(client: Client) -> None:
    """Nothing is deployed there."""
    answer = client.call("GET", f"{V3}/deployments?group_id=g1", headers=ENTERPRISE)
    assert answer == (200, {"count": 0, "deployments": []})
    assert client.call("GET", f"{V3}/pods?group_id=g1", headers=ENTERPRISE)[1]["count"] == 0
