"""The state of a job after its request failed, and what the next delivery does about it."""

from __future__ import annotations

import socket
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from handler.audit.sql.sqlite import SqliteLog
from handler.jobs.decisions import claim
from handler.values.canonical_json import timestamp
from tests.support.creations import faulty, posts, states

if TYPE_CHECKING:
    from collections.abc import Callable

    from handler.emulator.server import Emulator

    Environ = dict[str, str]
    Reply = dict[str, Any]
    Fire = Callable[[object], Reply]
    Drop = Callable[..., Any]
    FireIn = Callable[[Environ, object], Reply]
    Tick = Callable[..., Reply]
    Answering = Callable[[int, bytes], str]

UPGRADE = b"kind: node_upgrade\nname: hall\ntargets: {nodes: [{id: node-1}]}\n"


@pytest.mark.parametrize(
    "fault",
    [
        {"fault": "lost_answer"},
        {"fault": "cut"},
        {"fault": "status", "status": 503},
        {"fault": "status", "status": 503, "after": True},
        {"fault": "status", "status": 408},
    ],
)
def test_a_job_whose_answer_is_not_known_is_never_posted_again(
    emulator: Emulator, fire: Fire, drop: Drop, fault: Reply
) -> None:
    """It is unknown until the list was read."""
    faulty(emulator, **fault)
    event = drop("drop/hall.yaml", UPGRADE)
    first = fire(event)
    emulator.faults.set([])
    second = fire(event)
    assert [first["outcome"], second["outcome"]] == ["deferred"] * 2
    assert states(first) == states(second) == ["unknown"]
    assert posts(emulator) == 1


@pytest.mark.parametrize("status", [401, 403])
def test_a_job_that_certainly_did_not_arrive_is_sent_by_the_next_delivery(
    emulator: Emulator, fire: Fire, drop: Drop, status: int
) -> None:
    """It waits as deferred until then."""
    faulty(emulator, fault="status", status=status, times=1)
    event = drop("drop/hall.yaml", UPGRADE)
    first, second = fire(event), fire(event)
    assert (first["outcome"], states(first)) == ("deferred", ["deferred"])
    assert (second["outcome"], states(second)) == ("submitted", ["created"])
    assert len(emulator.state.jobs) == 1


def test_a_job_is_sent_again_after_the_pause_that_the_api_asks_for(
    emulator: Emulator, fire: Fire, drop: Drop
) -> None:
    """Within the same invocation, if it is short."""
    faulty(emulator, fault="status", status=429, seconds=1, times=1)
    reply = fire(drop("drop/hall.yaml", UPGRADE))
    assert (reply["outcome"], states(reply)) == ("submitted", ["created"])
    assert (posts(emulator), len(emulator.state.jobs)) == (2, 1)


def test_a_job_waits_for_the_reconciler_if_the_api_asks_for_a_longer_pause(
    emulator: Emulator, fire: Fire, drop: Drop
) -> None:
    """Longer than the time left of the invocation: it does not sleep."""
    faulty(emulator, fault="status", status=429, seconds=300, times=1)
    event = drop("drop/hall.yaml", UPGRADE)
    first, second = fire(event), fire(event)
    assert (first["outcome"], states(first)) == ("deferred", ["deferred"])
    assert (second["outcome"], states(second)) == ("submitted", ["created"])
    assert len(emulator.state.jobs) == 1


def test_a_wrong_signature_defers_a_job_until_the_keys_are_right(
    emulator: Emulator, environ: Environ, fire_in: FireIn, tick: Tick
) -> None:
    """IEF answers it with status 400, which is no refusal of the job."""
    event = tick(UPGRADE.decode())
    first = fire_in({**environ, "HUAWEICLOUD_SDK_SK": "x" * 40}, event)
    assert (states(first), emulator.state.all_jobs()) == (["deferred"], [])
    assert states(fire_in(environ, event)) == ["created"]


def test_a_refused_connection_defers_a_job(environ: Environ, fire_in: FireIn, tick: Tick) -> None:
    """The request certainly never left."""
    with socket.socket() as unused_socket:
        unused_socket.bind(("127.0.0.1", 0))
        away = f"http://127.0.0.1:{unused_socket.getsockname()[1]}"
        first = fire_in({**environ, "NIGHTDROP_IEF_ENDPOINT": away}, tick(UPGRADE.decode()))
    assert (first["outcome"], states(first)) == ("deferred", ["deferred"])
    assert states(fire_in(environ, tick(UPGRADE.decode()))) == ["created"]


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"created", b"[]", b"{}", b'{"job_id": 7}', b"[" * 99_999),
        *(b'{"job_id": "a b"}', b'{"job_id": "%s"}' % (b"a" * 7_000_000)),
        b'{"job_id": "a", "job_name": "of-another-request"}',
    ],
    ids=lambda body: repr(body[:20]),
)
def test_an_unreadable_creation_is_unknown(
    environ: Environ, fire_in: FireIn, tick: Tick, answering: Answering, body: bytes
) -> None:
    """The job probably exists, under an unknown id."""
    odd = {**environ, "NIGHTDROP_IEF_ENDPOINT": answering(201, body)}
    event = tick(UPGRADE.decode())
    assert states(fire_in(odd, event)) == states(fire_in(environ, event)) == ["unknown"]


def test_without_time_left_a_job_is_deferred_and_nothing_is_signed(
    emulator: Emulator, environ: Environ, fire_in: FireIn, tick: Tick
) -> None:
    """The answer could not be recorded any more."""
    short = fire_in({**environ, "RUNTIME_TIMEOUT": "3"}, tick(UPGRADE.decode()))
    assert (short["outcome"], states(short)) == ("deferred", ["deferred"])
    assert posts(emulator) == 0
    assert states(fire_in(environ, tick(UPGRADE.decode()))) == ["created"]


def test_a_planned_delivery_is_resumed_without_reading_its_object_again(
    emulator: Emulator, environ: Environ, fire_in: FireIn, drop: Drop
) -> None:
    """The request is in the outbox; the object may be deleted."""
    event = drop("drop/hall.yaml", UPGRADE)
    fire_in({**environ, "RUNTIME_TIMEOUT": "3"}, event)
    emulator.state.remove_object("nightdrop-drop", "drop/hall.yaml")
    reply = fire_in(environ, event)
    assert (reply["outcome"], states(reply)) == ("submitted", ["created"])


@pytest.mark.parametrize("state", ["unknown", "sending"])
def test_a_job_whose_instance_stopped_is_not_sent_by_another(
    emulator: Emulator, environ: Environ, fire_in: FireIn, tick: Tick, state: str
) -> None:
    """While its lease is alive it is left alone, and afterwards it is unknown."""
    event = tick(UPGRADE.decode())
    fire_in({**environ, "RUNTIME_TIMEOUT": "3"}, event)
    log = SqliteLog(environ["NIGHTDROP_AUDIT"].removeprefix("sqlite:///"))
    (job,) = log.read(lambda view: view.open(2)).jobs
    lease = timedelta(seconds=60 if state == "sending" else 0)
    date = timestamp(datetime.now(timezone.utc))
    log.commit(claim(job.key, date=date, lease=lease))
    log.close()
    assert states(fire_in(environ, event)) == [state]
    assert states(fire_in(environ, {"action": "reconcile"})) == [state]
    assert posts(emulator) == 0
