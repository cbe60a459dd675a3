"""How IEF's codes, words and reasons are read; none of them is shown unchecked."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import TYPE_CHECKING, TypeAlias

import pytest

from handler.cloud.credentials import Credentials
from handler.cloud.ief.answers import JOB_STATUSES, status_word_of
from handler.cloud.ief.client import Ief, ShownJob
from handler.errors import ApiError

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from handler.cloud.http_transport import Transport

    Server: TypeAlias = Callable[[Callable[[socket.socket, int], None]], str]


@pytest.fixture
def answered(transport: Transport, server: Server) -> Callable[..., Ief]:
    """Make a client of a service that gives one answer."""

    def make(status: int, body: bytes) -> Ief:
        head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n\r\n".encode()

        def behave(connection: socket.socket, _number: int) -> None:
            connection.recv(65536)
            connection.sendall(head + body)

        keys = Credentials("ACCESS-KEY", "SECRET-KEY")
        return Ief(server(behave), "p", keys, transport, lambda: datetime.now(timezone.utc))

    return make


def refused(ief: Ief) -> ApiError:
    """Return the error that a creation ends with."""
    with pytest.raises(ApiError) as caught:
        ief.create(ief.sign_create("{}"))
    return caught.value


@pytest.mark.parametrize("code", ["IEF.011005", "IEF.100", "APIGW.0301", "IAM.0011", "Common.0001"])
def test_a_code_that_has_the_form_of_one_is_shown(answered: Callable[..., Ief], code: str) -> None:
    """That of IEF, of the gateway, and of the services behind it."""
    assert refused(answered(400, json.dumps({"error_code": code}).encode())).code == code


@pytest.mark.parametrize(
    "code",
    ["IEF.1\n", "IEF", "ief.100", "IEF.1234567", "E" * 7_000, "=IEF.100", "IEF.100 x", "\u0661"],
)
def test_any_other_code_is_shown_as_unreadable(answered: Callable[..., Ief], code: str) -> None:
    """It would go into the log, the reply and the result file."""
    error = refused(answered(400, json.dumps({"error_code": code}).encode()))
    assert (str(error), error.code) == ("IEF answered 400 unreadable", "unreadable")


@pytest.mark.parametrize("before", ["SECRET-KEY quota ", "x " * 5000])
def test_a_used_up_quota_is_always_reported(answered: Callable[..., Ief], before: str) -> None:
    """The job is deferred for it, also where that part of the message is masked or cut off."""
    keys = Credentials("ACCESS-KEY", "SECRET-KEY quota reached")
    body = json.dumps({"error_msg": f"{before}quota reached"}).encode()
    assert "quota" in str(refused(answered(400, body)._replace(credentials=keys)))


def shown(answered: Callable[..., Ief], **fields: object) -> ShownJob:
    """Return the reading of an answer to Show."""
    return answered(200, json.dumps(fields).encode()).show_job("a")


def test_a_reason_repeats_nothing_of_the_deployment(answered: Callable[..., Ief]) -> None:
    """The answer itself says what was deployed, so that it can be compared."""
    job = shown(
        answered,
        job_type="deployment_deploy",
        task_data=json.dumps({"deployment": {"envs": [{"name": "P", "value": "pass-word-7"}]}}),
        tasks=[{"status": "Failed", "reason": "bad value pass%2Dword%2D7 \n of P"}],
    )
    assert job.tasks == (("Failed", "bad value *** \\n of P"),)


def test_a_reason_is_left_out_where_its_secrets_are_unknown(
    answered: Callable[..., Ief],
) -> None:
    """The answer leaves out the deployment."""
    tasks = [{"status": "Failed", "reason": "bad value pass-word-7"}]
    assert shown(answered, job_type="deployment_deploy", tasks=tasks).tasks[0][1] == "unreadable"
    assert shown(answered, job_type="node_upgrade", tasks=tasks).tasks[0][1] == tasks[0]["reason"]


@pytest.mark.parametrize("status", sorted(JOB_STATUSES))
def test_a_documented_status_is_no_secret(status: str) -> None:
    """Also if a deployment has the same word in it."""
    assert status_word_of({"status": status}, "status", (f"echo {status.lower()}",)) == status


def test_a_status_is_a_word(answered: Callable[..., Ief]) -> None:
    """Known or not; anything else is unreadable."""
    tasks = [{"status": word} for word in ("Partially_successful", "New", "a b", "x" * 99, "")]
    job = shown(answered, job_type="node_upgrade", status="\x1b[2J", tasks=tasks)
    assert job.status == "unreadable"
    assert [status for status, _ in job.tasks] == [
        *("Partially_successful", "New", "unreadable", "unreadable", "")
    ]


def test_reasons_are_bounded(answered: Callable[..., Ief]) -> None:
    """The first few different ones, none of them long."""
    tasks = [{"status": "Failed", "reason": f"{number} {'x' * 5000}"} for number in range(200)]
    reasons = [reason for _, reason in shown(answered, job_type="node_upgrade", tasks=tasks).tasks]
    assert len(reasons) == 200
    assert sum(map(len, reasons)) < 5000
