"""IEF's calls against the emulator, over real HTTP, and against services that fail."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, TypeAlias

import pytest

from handler.cloud.credentials import Credentials
from handler.cloud.ief.client import Ief
from handler.emulator.server import DEMO_ACCOUNT, Emulator
from handler.errors import ApiError, NoAnswerError, NotSentError, OutOfTimeError
from handler.runtime.deadline import Deadline

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator

    from handler.cloud.http_transport import Transport

    Server: TypeAlias = Callable[[Callable[[socket.socket, int], None]], str]

BODY = json.dumps(
    {
        "job_name": "nightly-1",
        "job_type": "node_upgrade",
        "description": "nd-mark text é",
        "job_content": {
            "target_type": "node",
            "targets": [{"target_id": "e6b3d8d2-6f0f-4d6e-8a52-5c9f1f3f1a01"}],
        },
    }
)


def now() -> datetime:
    """Return the time."""
    return datetime.now(timezone.utc)


def client(url: str, transport: Transport) -> Ief:
    """Return a client with the emulator's keys."""
    keys = Credentials(DEMO_ACCOUNT.access_key, DEMO_ACCOUNT.secret_key)
    return Ief(url, DEMO_ACCOUNT.project_id, keys, transport, now)


@pytest.fixture(scope="module")
def cloud() -> Iterator[Emulator]:
    """An emulator for all tests of this module."""
    with Emulator() as running:
        yield running


@pytest.fixture
def ief(cloud: Emulator, transport: Transport) -> Ief:
    """A client of an empty project."""
    cloud.state.reset()
    return client(cloud.url, transport)


@pytest.fixture
def answered(transport: Transport, server: Server) -> Callable[..., Ief]:
    """Make a client of a service that gives one answer."""

    def make(status: int, body: bytes, *headers: str) -> Ief:
        lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *headers, "", ""]

        def behave(connection: socket.socket, _number: int) -> None:
            connection.recv(65536)
            connection.sendall("\r\n".join(lines).encode() + body)

        return client(server(behave), transport)

    return make


def create(ief: Ief, body: str = BODY) -> str:
    """Sign and send a creation."""
    return ief.create(ief.sign_create(body))


def test_a_created_job_is_listed_shown_and_deleted(ief: Ief) -> None:
    """Its id leads to it; the list and Show have its fields."""
    job_id = create(ief)
    (listed,) = ief.list_jobs("node_upgrade", limit=10, offset=0)
    assert (listed.job_id, listed.name, listed.type) == (job_id, "nightly-1", "node_upgrade")
    assert listed.description == "nd-mark text é"
    assert listed.created_at > 0
    shown = ief.show_job(job_id)
    assert (shown.job_id, shown.status, len(shown.tasks)) == (job_id, listed.status, 1)
    ief.delete_job(job_id)
    assert ief.list_jobs("node_upgrade", limit=10, offset=0) == ()


def test_a_refused_operation_has_the_services_sentence(ief: Ief) -> None:
    """One request, and no other."""
    with pytest.raises(ApiError, match="the job is Waiting; it must be Running") as caught:
        ief.operate(ief.sign_operation("StopBatchJob", create(ief)))
    assert (caught.value.status, caught.value.code) == (400, "IEF.100409")


def test_a_job_is_paused_and_restored(ief: Ief, cloud: Emulator) -> None:
    """Show says when its status changed, the list of all types counts its tasks."""
    job_id = create(ief)
    for operation, status in (("StopBatchJob", "Stopping"), ("RestoreBatchJob", "Waiting")):
        job = cloud.state.jobs[job_id]
        aged = tuple(replace(run, started=run.started - 0.6) for run in job.runs)
        cloud.state.jobs[job_id] = replace(job, runs=aged)
        ief.operate(ief.sign_operation(operation, job_id))
        assert ief.show_job(job_id).status == status
    [listed] = ief.list_jobs("", limit=10, offset=0)
    assert (listed.tasks, listed.succeeded, listed.failed) == (1, 0, 0)
    assert 0 < ief.show_job(job_id).updated_at <= now().timestamp()


def test_pages_of_the_list_come_newest_first(ief: Ief) -> None:
    """Of the asked type alone."""
    ids = [create(ief, BODY.replace("nightly-1", f"n-{number}")) for number in range(3)]
    pages = [ief.list_jobs("node_upgrade", limit=2, offset=offset) for offset in (0, 2, 4)]
    assert [[job.job_id for job in page] for page in pages] == [ids[:0:-1], ids[:1], []]
    assert ief.list_jobs("app_upgrade", limit=10, offset=0) == ()


def test_temporary_keys_and_an_instance_are_sent_along(transport: Transport) -> None:
    """The emulator accepts the token only signed."""
    account = replace(DEMO_ACCOUNT, security_token="token")
    with Emulator(account=account) as cloud:
        temporary = client(cloud.url, transport)._replace(instance="enterprise")
        with pytest.raises(ApiError):
            create(temporary)
        keys = temporary.credentials._replace(token="token")
        assert create(temporary._replace(credentials=keys))
        transport.close()


def test_the_date_of_a_signed_creation_is_the_clocks(ief: Ief) -> None:
    """It is committed before the request leaves."""
    at = datetime(2026, 1, 2, tzinfo=timezone.utc)
    assert ief._replace(clock=lambda: at).sign_create(BODY).date == "2026-01-02T00:00:00.000000Z"


def test_a_creation_that_is_too_old_is_refused(ief: Ief, cloud: Emulator) -> None:
    """The fence: signed 16 minutes ago it creates nothing."""
    late = ief._replace(clock=lambda: now() - timedelta(minutes=16))
    with pytest.raises(ApiError) as caught:
        create(late)
    assert (caught.value.status, caught.value.code) == (400, "IEF.011005")
    assert not cloud.state.jobs


def test_a_refusal_has_status_code_and_reason(ief: Ief) -> None:
    """As the service gave them."""
    with pytest.raises(ApiError, match=r"^IEF answered 400 IEF\.\d+ \w+") as caught:
        create(ief, "{}")
    assert (caught.value.status, caught.value.retry_after) == (400, None)
    assert caught.value.code.startswith("IEF.")


def test_a_job_that_is_not_there_is_an_api_error(ief: Ief) -> None:
    """To show it and to delete it."""
    for call in (ief.show_job, ief.delete_job):
        with pytest.raises(ApiError) as caught:
            call("missing")
        assert caught.value.status == 404


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("Retry-After: 7", 7.0),
        ("Retry-After: soon", None),
        ("Retry-After: -1", None),
        ("Retry-After: 3600", 3600.0),
        ("Retry-After: 3601", None),
        (f"Retry-After: {'9' * 5000}", None),
        ("Retry-After: inf", None),
        ("Retry-After: 1.5", None),
        ("Retry-After: \u0662", None),
        ("Retry-After: Wed, 31 Dec 9999 23:59:59 GMT", None),
        ("X: 1", None),
    ],
)
def test_an_error_says_how_long_to_wait(
    answered: Callable[..., Ief], header: str, seconds: float | None
) -> None:
    """Where the service says it in seconds, and means no more than an hour."""
    with pytest.raises(ApiError) as caught:
        create(answered(429, b'{"error_code": "APIGW.0308", "error_msg": "slow"}', header))
    error = caught.value
    assert (error.status, error.code, error.retry_after) == (429, "APIGW.0308", seconds)


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b"null", b"\xff", b'{"error_code": 5}', b"[" * 100_000]
)
@pytest.mark.parametrize("status", [302, 404, 502])
def test_an_error_may_have_any_body(answered: Callable[..., Ief], status: int, body: bytes) -> None:
    """The status alone counts then."""
    with pytest.raises(ApiError) as caught:
        create(answered(status, body))
    assert (caught.value.status, caught.value.code) == (status, "")
    assert str(caught.value) == f"IEF answered {status}"


def test_a_long_reason_is_cut(answered: Callable[..., Ief]) -> None:
    """It goes into a record."""
    with pytest.raises(ApiError) as caught:
        create(answered(400, json.dumps({"error_msg": "x" * 9999}).encode()))
    assert len(str(caught.value)) < 400


def test_a_reason_ends_without_a_full_stop(answered: Callable[..., Ief]) -> None:
    """What to do follows it, after a semicolon."""
    with pytest.raises(ApiError, match=r"^IEF answered 400 It does not match$"):
        create(answered(400, b'{"error_msg": "It does not match."}'))


def test_a_reason_can_always_be_recorded(answered: Callable[..., Ief]) -> None:
    """Half a surrogate pair has no place in a record."""
    with pytest.raises(ApiError) as caught:
        create(answered(400, b'{"error_code": "\\ud800", "error_msg": "\\udfff"}'))
    assert str(caught.value).encode() == b"IEF answered 400 unreadable ?"


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"[]", b"{}", b'{"job_id": ""}', b'{"job_id": 5}', b"\xff", b"[" * 100_000),
        *(b'{"job_id": "a b"}', b'{"job_id": "a\\nb"}', b'{"job_id": "../a"}', b'{"job_id": "-a"}'),
        *(b'{"job_id": "%s"}' % (b"a" * 65), b'{"job_id": "\xd9\xa1"}', b'{"job_id": "=1"}'),
        b'{"job_id": "only-good-for-the-emulator"}',
        b'{"job_id": "a", "job_name": "another-one"}',
        b'{"job_id": "a", "x": "%s"}' % (b"x" * 70_000),
    ],
    ids=lambda body: repr(body[:30]),
)
def test_an_unreadable_success_is_no_answer(answered: Callable[..., Ief], body: bytes) -> None:
    """The job was probably created under an unknown id, which the list shows."""
    with pytest.raises(NoAnswerError):
        create(answered(201, body))


@pytest.mark.parametrize(
    "body",
    [
        *(b"{}", b'{"jobs": 1}', b'{"jobs": null}', b"<html>", b""),
        *(b'{"jobs": [null]}', b'{"jobs": [{}]}', b'{"jobs": [{"job_id": "a\\n"}]}'),
        b'{"jobs": [%s{}]}' % (b"{}," * 200_000),
        b'{"jobs": [], "x": "%s"}' % (b"x" * 2_000_000),
    ],
    ids=lambda body: repr(body[:20]),
)
def test_a_list_without_jobs_is_no_answer(answered: Callable[..., Ief], body: bytes) -> None:
    """It must not be taken for an empty list: that would be a proof of absence."""
    with pytest.raises(NoAnswerError):
        answered(200, body).list_jobs("node_upgrade", limit=10, offset=0)


def test_a_field_that_the_list_leaves_out_is_empty(answered: Callable[..., Ief]) -> None:
    """Unknown fields and other types do no harm."""
    body = b'{"jobs": [{"job_id": "a", "created_at": "x", "description": null, "new": 1}]}'
    (job,) = answered(200, body).list_jobs("node_upgrade", limit=10, offset=0)
    assert (job.job_id, job.name, job.description, job.created_at) == ("a", "", "", 0)


def test_a_refused_connection_sent_nothing(transport: Transport, closed: str) -> None:
    """The job was certainly not created."""
    with pytest.raises(NotSentError):
        create(client(closed, transport))


def test_a_lost_answer_leaves_the_job_there(ief: Ief, cloud: Emulator) -> None:
    """The error says that the result is unknown, and the list shows the job."""
    cloud.faults.set([{"operation": "CreateBatchJob", "fault": "lost_answer", "times": 1}])
    with pytest.raises(NoAnswerError):
        create(ief)
    assert len(ief.list_jobs("node_upgrade", limit=10, offset=0)) == 1


def test_no_secret_is_in_a_message_or_shown(ief: Ief, closed: str) -> None:
    """Neither keys nor the body, whatever goes wrong."""
    keys = Credentials("CANARY-ak", "CANARY-sk", "CANARY-token")
    message = [repr(ief._replace(credentials=keys)), repr(ief.sign_create('{"env": "CANARY"}'))]
    for endpoint in (ief.endpoint, closed):
        with pytest.raises((ApiError, NotSentError)) as caught:
            create(ief._replace(endpoint=endpoint, credentials=keys), '{"env": "CANARY"}')
        message += [str(caught.value), str(caught.value.__cause__)]
    assert "CANARY" not in "".join(message)


def test_every_call_ends_with_the_invocation(ief: Ief) -> None:
    """Nothing is sent after that, so that it is certain that nothing arrived."""
    late = ief._replace(deadline=Deadline(0, lambda: 1.0))
    calls = (
        lambda: late.list_jobs("node_upgrade", limit=1, offset=0),
        lambda: create(late),
        lambda: late.show_job("a"),
    )
    for call in calls:
        with pytest.raises(OutOfTimeError):
            call()
