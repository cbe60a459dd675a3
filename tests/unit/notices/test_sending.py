"""Notices as they are sent: to the emulated topic or a webhook, after the work, beside nothing."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from contextlib import closing
from threading import Lock
from typing import TYPE_CHECKING, Any

import pytest

from handler.emulator.http.messages import Response
from handler.emulator.http.server import HttpServer
from handler.emulator.server import Emulator
from handler.errors import LogBusyError
from handler.invocation.instance import invocation_of, open_instance
from handler.local.runtime.context import Context
from handler.notices.sending import notify
from handler.runtime.deadline import Deadline
from tests.conftest import dropping
from tests.support.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from handler.emulator.http.messages import Request
    from handler.invocation.invocation import Invocation

    Environ = dict[str, str]
    Reply = dict[str, Any]
    Fire = Callable[[object], Reply]
    FireIn = Callable[[Environ, object], Reply]
    Drop = Callable[..., Any]
    Recorded = Callable[[], list[Reply]]

BAD = b"kind: node_upgrade\nname: hall\n"
GOOD = b"kind: node_upgrade\nname: hall\ntargets: {nodes: [{id: node-1}]}\n"
TICK = {"action": "reconcile"}
PUBLISH = "PublishMessage"
KEY = "whsec_" + base64.b64encode(b"0123456789" * 3).decode()


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """An emulated cloud with a topic, whose jobs fail."""
    with Emulator(notices=True, job_seconds=0.01, failure_rate=1.0) as running:
        yield running


def said(recorded: Recorded) -> list[str]:
    """Return the last word of the actions about notices."""
    found = [str(fields["action"]) for fields in recorded()]
    return [name.removeprefix("notice.") for name in found if name.startswith("notice.")]


def subjects(emulator: Emulator) -> list[str]:
    """Return the subjects of the messages that were published."""
    return [one.subject for one in emulator.state.messages]


class Receiver:
    """A webhook that keeps what it gets and answers with a status."""

    def __init__(self) -> None:
        self.status, self.headers = 200, dict[str, str]()
        self.requests: list[Request] = []
        self._lock = Lock()
        self._server = HttpServer(0, self._answer)
        self._server.start()
        self.url = f"http://127.0.0.1:{self._server.port}/secret-path?token=secret-query"

    def close(self) -> None:
        """Stop."""
        self._server.stop()

    def _answer(self, request: Request) -> Response:
        with self._lock:
            self.requests.append(request)
        return Response(self.status, b"", self.headers)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A webhook."""
    opened = Receiver()
    yield opened
    opened.close()


@pytest.fixture
def hooked(environ: Environ, receiver: Receiver, fire_in: FireIn) -> Fire:
    """Hand an event to a function that sends its notices to the webhook."""
    key = {"NIGHTDROP_NOTIFY": receiver.url, "NIGHTDROP_NOTIFY_KEY": KEY}
    return lambda event: fire_in({**environ, **key}, event)


@pytest.fixture
def bad(drop: Drop) -> object:
    """The event of a file with an error."""
    return drop("drop/hall.yaml", BAD)


def test_a_rejected_file_is_published_with_what_to_do(
    emulator: Emulator, fire: Fire, drop: Drop, recorded: Recorded
) -> None:
    """At the end of its event, once however often it is delivered."""
    event = drop("drop/hall.yaml", BAD)
    reply = fire(event)
    (message,) = emulator.state.messages
    assert message.subject == "Nightdrop: obs://nightdrop-drop/drop/hall.yaml was rejected"
    assert "What to do: correct the spec and deliver it again" in message.message
    assert f"Look: nightdrop audit show {reply['deliveries'][0]}" in message.message
    fire(event)
    fire(TICK)
    assert len(emulator.state.messages) == 1
    assert recorded()[-1]["action"] != "notice.sending"


def test_a_job_that_failed_on_the_fleet_is_published_by_the_reconciler(
    emulator: Emulator, fire: Fire, drop: Drop
) -> None:
    """A job that runs is no reason for a notice."""
    fire(drop("drop/hall.yaml", GOOD))
    assert subjects(emulator) == []
    wait_for(lambda: fire(TICK)["open"]["followed"] == 0)
    (message,) = emulator.state.messages
    assert message.subject.endswith("has 1 of 1 job that went wrong")
    assert "failed on the fleet, 0 of 1 tasks succeeded" in message.message


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"fault": "status", "status": 403}, ["sending", "deferred"]),
        ({"fault": "status", "status": 429, "seconds": 7}, ["sending", "deferred"]),
        ({"fault": "status", "status": 503}, ["sending", "failed"]),
        ({"fault": "lost_answer"}, ["sending", "failed"]),
        ({"fault": "cut"}, ["sending", "failed"]),
    ],
    ids=str,
)
def test_a_notice_that_fails_changes_no_reply(
    emulator: Emulator, fire: Fire, recorded: Recorded, fault: Reply, expected: list[str]
) -> None:
    """It is on record, and the answer is the same as without notices."""
    emulator.faults.set([{"operation": PUBLISH, **fault}])
    reply = fire(dropping(emulator)("drop/hall.yaml", BAD))
    assert (reply["outcome"], reply["errors"]) == (
        "rejected",
        ["document 1, line 1, targets: missing"],
    )
    fire(TICK)
    assert said(recorded) == expected


def test_without_the_setting_nothing_is_sent_or_recorded(
    emulator: Emulator, environ: Environ, fire_in: FireIn, drop: Drop, recorded: Recorded
) -> None:
    """Nor is a summary."""
    silent = {name: value for name, value in environ.items() if name != "NIGHTDROP_NOTIFY"}
    fire_in(silent, drop("drop/hall.yaml", BAD))
    reply = fire_in(silent, {"action": "summary"})
    assert reply["warnings"] == ["no summary was sent: NIGHTDROP_NOTIFY is not set"]
    assert (subjects(emulator), said(recorded)) == ([], [])


def test_a_summary_is_published_once_for_its_tick(
    emulator: Emulator, fire: Fire, drop: Drop, tick: Callable[..., Reply]
) -> None:
    """However often its event is delivered."""
    fire(drop("drop/hall.yaml", GOOD))
    for _ in range(2):
        reply = fire(tick(json.dumps({"action": "summary"})))
        assert reply["outcome"] == "completed"
    assert reply["warnings"] == ["the summary of this event was sent before"]
    (message,) = emulator.state.messages
    assert message.subject.startswith("Nightdrop: 1 job, 0 failed since ")
    assert "- 1 job still running" in message.message


def test_a_summary_that_fails_is_a_warning(emulator: Emulator, fire: Fire) -> None:
    """The reply stays as it is."""
    emulator.faults.set([{"operation": PUBLISH, "fault": "status", "status": 403}])
    reply = fire({"action": "summary"})
    assert (reply["outcome"], reply["warnings"]) == (
        "completed",
        ["the summary was not sent: SMN answered 403 SMN.0002"],
    )


def test_without_time_nothing_is_claimed(
    emulator: Emulator, environ: Environ, fire_in: FireIn, drop: Drop, recorded: Recorded
) -> None:
    """The next event sends it."""
    hasty = {**environ, "RUNTIME_TIMEOUT": "20", "NIGHTDROP_REQUEST_TIMEOUT": "9"}
    fire_in(hasty, drop("drop/hall.yaml", BAD))
    assert said(recorded) == []
    fire_in(environ, TICK)
    assert len(subjects(emulator)) == 1


class BusyLog:
    """A log that other writers hold."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def read(self, *_: object, **__: object) -> None:
        """Fail."""
        raise self._error


@pytest.mark.parametrize(
    ("error", "action"),
    [(LogBusyError("held"), "notice.postponed"), (ZeroDivisionError("x"), "attention.needed")],
)
def test_no_failure_reaches_the_event(environ: Environ, error: Exception, action: str) -> None:
    """Whatever it is, the event's work is done; a log line says it."""
    context = Context.from_environment(environ, "r", time.monotonic)
    lines: list[str] = []
    with closing(open_instance(context, environ, lambda _line: None)) as instance:
        busy: Any = BusyLog(error)
        invocation: Invocation = invocation_of(context, instance)._replace(log=busy)
        notify(invocation, lines.append)
        notify(invocation._replace(deadline=Deadline(0, time.monotonic)), lines.append)
    (line,) = [json.loads(one) for one in lines]
    assert line["action"] == action


def test_a_webhook_is_signed_as_the_standard_says(
    hooked: Fire, receiver: Receiver, bad: object
) -> None:
    """Over id, time and body, with the bytes of the key."""
    reply = hooked(bad)
    (request,) = receiver.requests
    one, two = request.header("webhook-id"), request.header("webhook-timestamp")
    signed = b".".join([one.encode(), two.encode(), request.body])
    digest = hmac.new(b"0123456789" * 3, signed, hashlib.sha256).digest()
    assert request.header("webhook-signature") == f"v1,{base64.b64encode(digest).decode()}"
    assert abs(int(two) - time.time()) < 60
    assert (request.method, request.header("content-type")) == ("POST", "application/json")
    body = json.loads(request.body)
    assert body["type"] == "nightdrop.notice"
    assert body["data"]["subject"].endswith("was rejected")
    assert [key[:16] for key in body["data"]["deliveries"]] == reply["deliveries"]


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_no_redirect_of_a_webhook_is_followed(
    hooked: Fire, receiver: Receiver, bad: object, recorded: Recorded, status: int
) -> None:
    """What was signed for one receiver goes to no other."""
    receiver.status, receiver.headers = status, {"Location": receiver.url}
    hooked(bad)
    assert (len(receiver.requests), said(recorded)) == (1, ["sending", "deferred"])


def test_only_the_host_of_a_webhook_is_shown(
    hooked: Fire, receiver: Receiver, bad: object, lines: list[str], recorded: Recorded
) -> None:
    """Its path, query and key are in no record, log line or finding of the doctor."""
    receiver.status = 404
    hooked(bad)
    receiver.close()
    hooked({"action": "summary"})
    reply = hooked({"action": "doctor"})
    shown = json.dumps([reply, lines, recorded()])
    assert "the webhook at 127.0.0.1, which was not called" in shown
    assert said(recorded) == ["sending", "deferred", "sending", "failed"]
    assert not [word for word in ("secret-path", "secret-query", KEY[6:]) if word in shown]
