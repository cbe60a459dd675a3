"""An invocation ends in time, whatever the cloud delays; the reconciler does the rest."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from handler.errors import NightdropError
from tests.hostile.answers.answers import HostileAnswer, http, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from handler.emulator.server import Emulator

    Environ = dict[str, str]
    Reply = dict[str, Any]
    FireIn = Callable[[Environ, object], Reply]
    Drop = Callable[..., Any]

UPGRADE = "kind: node_upgrade\nname: hall-{}\ntargets: {{nodes: [{{id: node-1}}]}}\n"
SECONDS = 4
DRIP = HostileAnswer("the whole invocation", b"HTTP/1.1 200 OK\r\nX: ", b"x")
PAGE = (
    b'<?xml version="1.0"?><ListBucketResult><IsTruncated>true</IsTruncated><Contents><Key>drop/a'
    b"</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents></ListBucketResult>"
)


@pytest.fixture
def short(environ: Environ) -> Environ:
    """The environment of a function that has a few seconds."""
    return {**environ, "RUNTIME_TIMEOUT": str(SECONDS)}


@pytest.fixture
def bad_obs() -> Iterator[Callable[[HostileAnswer], str]]:
    """Start servers in OBS's place."""
    with ExitStack() as stack:
        yield lambda answer: stack.enter_context(serving(answer))


def dropped(drop: Drop, count: int) -> Reply:
    """Drop some files and return one event for all of them."""
    events = [drop(f"drop/{n}.yaml", UPGRADE.format(n).encode()) for n in range(count)]
    return {"Records": [event["Records"][0] for event in events]}


def test_forty_slow_objects_are_left_to_the_reconciler(
    emulator: Emulator,
    environ: Environ,
    fire_in: FireIn,
    drop: Drop,
    bad_obs: Callable[[HostileAnswer], str],
) -> None:
    """The event is answered in time, and every file is in the log."""
    event = dropped(drop, 40)
    start = time.monotonic()
    slow = {"RUNTIME_TIMEOUT": str(SECONDS), "NIGHTDROP_OBS_ENDPOINT": bad_obs(DRIP)}
    reply = fire_in(environ | slow, event)
    assert time.monotonic() - start < SECONDS + 3
    assert (reply["outcome"], len(reply["deliveries"]), reply["jobs"]) == ("deferred", 40, [])
    assert all("no time was left" in error for error in reply["errors"])
    assert emulator.state.all_jobs() == []
    ticked = fire_in({**environ, "RUNTIME_TIMEOUT": "120"}, {"action": "reconcile"})
    assert len(ticked["jobs"]) == 40
    assert len(emulator.state.all_jobs()) == 40


def test_a_slow_object_with_time_left_is_delivered_again(
    environ: Environ, fire_in: FireIn, drop: Drop, bad_obs: Callable[[HostileAnswer], str]
) -> None:
    """The platform does that, and otherwise the reconciler."""
    slow = {**environ, "NIGHTDROP_REQUEST_TIMEOUT": "0.3", "NIGHTDROP_OBS_ENDPOINT": bad_obs(DRIP)}
    with pytest.raises(NightdropError, match="no answer from"):
        fire_in(slow, dropped(drop, 1))


def test_a_list_of_one_key_per_page_ends_in_time(
    short: Environ, fire_in: FireIn, bad_obs: Callable[[HostileAnswer], str]
) -> None:
    """The reconciler reports that the list was not read to its end."""
    start = time.monotonic()
    endless = bad_obs(HostileAnswer("the reconciler", http(PAGE, "Connection: close")))
    reply = fire_in({**short, "NIGHTDROP_OBS_ENDPOINT": endless}, {"action": "reconcile"})
    assert time.monotonic() - start < SECONDS + 3
    assert reply["outcome"] == "deferred"
    assert reply["errors"]


def test_a_slow_list_of_a_bucket_ends_in_time(
    short: Environ, fire_in: FireIn, bad_obs: Callable[[HostileAnswer], str]
) -> None:
    """Same reason."""
    start = time.monotonic()
    reply = fire_in({**short, "NIGHTDROP_OBS_ENDPOINT": bad_obs(DRIP)}, {"action": "reconcile"})
    assert time.monotonic() - start < SECONDS + 3
    assert reply["outcome"] == "deferred"


def test_a_slow_list_of_jobs_ends_in_time(
    environ: Environ, fire_in: FireIn, drop: Drop, bad_obs: Callable[[HostileAnswer], str]
) -> None:
    """Unknown jobs stay unknown, and the reconciler reports why."""
    slow = {"NIGHTDROP_REQUEST_TIMEOUT": "0.5", "NIGHTDROP_IEF_ENDPOINT": bad_obs(DRIP)}
    first = fire_in(environ | slow, dropped(drop, 1))
    assert [job["state"] for job in first["jobs"]] == ["unknown"]
    jobs = b'{"jobs": [{"job_id": "a", "job_name": "x", "created_at": 4000000000}]}'
    pages = bad_obs(HostileAnswer("the reconciler", http(jobs, "Connection: close")))
    for url in (slow["NIGHTDROP_IEF_ENDPOINT"], pages):
        start = time.monotonic()
        again = {**slow, "RUNTIME_TIMEOUT": str(SECONDS), "NIGHTDROP_IEF_ENDPOINT": url}
        reply = fire_in(environ | again, {"action": "reconcile"})
        assert time.monotonic() - start < SECONDS + 3
        assert (reply["outcome"], reply["open"]["jobs"]) == ("deferred", 1)


def test_a_slow_log_in_obs_ends_in_time(
    emulator: Emulator, short: Environ, fire_in: FireIn, drop: Drop
) -> None:
    """Nothing is promised then, so that the platform delivers the event again."""
    in_obs = {**short, "NIGHTDROP_AUDIT": "obs://nightdrop-drop/audit/"}
    assert fire_in({**in_obs, "RUNTIME_TIMEOUT": "60"}, dropped(drop, 1))["jobs"]
    event = dropped(drop, 40)
    slow: list[Any] = [
        {"operation": operation, "fault": "delay", "seconds": SECONDS + 2}
        for operation in ("AppendObject", "GetObject")
    ]
    fire_in(in_obs, {"action": "reconcile"})  # the instance is warm
    emulator.faults.set(slow)
    start = time.monotonic()
    with pytest.raises(NightdropError):
        fire_in(in_obs, event)
    assert time.monotonic() - start < SECONDS + 5
