"""A spec that came with the event: planned and its first job claimed in one commit, tried hard."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from handler.errors import LogBusyError, PolicyError
from handler.function import handle
from handler.invocation.instance import open_instance
from tests.conftest import context, environment, timer_event
from tests.support.creations import faulty, posts, states

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from handler.emulator.server import Emulator
    from tests.conftest import Environ, Reply

    Fire = Callable[..., Reply]

BUCKET = "nightdrop-drop"
UPGRADE = {"kind": "node_upgrade", "name": "hall", "targets": {"nodes": [{"id": "node-1"}]}}
MANY = "\n".join(json.dumps({**UPGRADE, "name": f"hall-{number}"}) for number in range(12))


@pytest.fixture(params=["sqlite", "objects"])
def environ(request: pytest.FixtureRequest, emulator: Emulator, tmp_path: Path) -> Environ:
    """The environment of a function, with a log in SQLite or OBS."""
    own = environment(emulator, tmp_path)
    if request.param == "objects":
        own["NIGHTDROP_AUDIT"] = f"obs://{BUCKET}/audit/{uuid4().hex}"
    return own


@pytest.fixture
def fire(environ: Environ) -> Iterator[Fire]:
    """Hand an event to an instance of its own."""
    with ExitStack() as stack:

        def fire(event: object, **more: str) -> Reply:
            own = {**environ, **more}
            opened = open_instance(context(own), own, lambda _line: None)
            stack.callback(opened.close)
            return handle(event, context(own), opened)

        yield fire


def test_eight_copies_side_by_side_create_one_job(emulator: Emulator, fire: Fire) -> None:
    """Each in an instance of its own; whoever comes second backs off or answers from the log."""
    with ThreadPoolExecutor(8) as threads:
        replies = list(threads.map(fire, [UPGRADE] * 8))
    assert len(emulator.state.all_jobs()) == posts(emulator) == 1
    assert {reply["outcome"] for reply in replies} <= {"submitted", "duplicate", "deferred"}
    assert fire(UPGRADE)["outcome"] == "duplicate"


def test_two_ticks_side_by_side_are_one_run(emulator: Emulator, fire: Fire) -> None:
    """Within the window of the same timer."""
    spec = json.dumps(UPGRADE)
    ticks = [timer_event(spec, f"2026-11-24T02:00:{second:02}+08:00") for second in range(8)]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(fire, ticks))
    assert len(emulator.state.all_jobs()) == posts(emulator) == 1


def test_each_job_of_many_is_sent_with_its_own_request(emulator: Emulator, fire: Fire) -> None:
    """The one that was signed before the plan, and the eleven after it."""
    reply = fire(timer_event(MANY))
    assert states(reply) == ["created"] * 12
    on_the_fleet = {job.job_id: job.request for job in emulator.state.all_jobs()}
    for number, job in enumerate(reply["jobs"]):
        sent = on_the_fleet[job["job_id"]]
        assert sent["job_name"] == job["job_name"]
        mark = str(sent["description"]).removeprefix("nd-")
        assert sent["job_name"] == f"hall-{number}-{mark[:8]}"


def test_a_first_send_that_is_too_early_is_sent_again_as_it_was(
    emulator: Emulator, fire: Fire
) -> None:
    """After 429, with the request that is in memory and in the outbox."""
    faulty(emulator, fault="status", status=429, times=2)
    assert states(fire(timer_event(MANY))) == ["created"] * 12
    assert len(emulator.state.all_jobs()) == 12


def test_a_hold_stops_the_first_job_too(emulator: Emulator, fire: Fire, environ: Environ) -> None:
    """It is planned, waits, and is sent after the release."""
    from handler.jobs.hold import hold, release

    opened = open_instance(context(environ), environ, lambda _line: None)
    opened.log.commit(hold("maintenance", actor={"kind": "person"}))
    reply = fire(timer_event(MANY))
    assert (reply["outcome"], set(states(reply)), posts(emulator)) == ("deferred", {"deferred"}, 0)
    opened.log.commit(release(actor={"kind": "person"}))
    opened.close()
    assert states(fire({"action": "reconcile"})) == ["created"] * 12
    assert posts(emulator) == 12


def test_without_time_to_send_the_plan_stands(emulator: Emulator, fire: Fire) -> None:
    """Nothing is claimed, and the reconciler sends it."""
    reply = fire(UPGRADE, RUNTIME_TIMEOUT="8")
    assert (reply["outcome"], posts(emulator)) == ("deferred", 0)
    assert states(fire({"action": "reconcile"})) == ["created"]


@pytest.mark.parametrize("status", [400, 401, 403])
def test_after_a_refusal_it_starts_over(emulator: Emulator, fire: Fire, status: int) -> None:
    """A refused one under a new key; one without permission is resumed under its own."""
    faulty(emulator, fault="status", status=status, times=1)
    first = fire(UPGRADE)
    second = fire(UPGRADE)
    assert states(first) == ["refused" if status == 400 else "deferred"]
    assert states(second) == ["created"]
    assert len(emulator.state.all_jobs()) == 1
    assert fire(UPGRADE)["outcome"] == "duplicate"


@pytest.mark.parametrize("fault", ["lost_answer", "cut"])
def test_a_lost_answer_leaves_it_unknown(emulator: Emulator, fire: Fire, fault: str) -> None:
    """No copy sends it again."""
    faulty(emulator, fault=fault, times=1)
    assert states(fire(UPGRADE)) == ["unknown"]
    assert states(fire(UPGRADE)) == ["unknown"]
    assert posts(emulator) == 1


def test_a_log_that_is_busy_is_raised_and_nothing_is_sent(
    emulator: Emulator, environ: Environ, fire: Fire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is promised yet: the platform delivers it again."""
    opened = open_instance(context(environ), environ, lambda _line: None)

    def busy(*_: object) -> None:
        raise LogBusyError("held by other writers")

    with monkeypatch.context() as patched:
        patched.setattr(type(opened.log), "commit", busy)
        with pytest.raises(LogBusyError):
            handle(UPGRADE, context(environ), opened)
    opened.close()
    assert posts(emulator) == 0
    assert states(fire(UPGRADE)) == ["created"]


def test_without_a_policy_it_is_received_and_planned_later(
    emulator: Emulator, fire: Fire, tmp_path: Path
) -> None:
    """The event is raised; what was received is planned and claimed by the reconciler."""
    file = tmp_path / "policy.yaml"
    with pytest.raises(PolicyError):
        fire(UPGRADE, NIGHTDROP_POLICY=str(file))
    assert posts(emulator) == 0
    file.write_bytes(b"rules: [{}]")
    reply = fire({"action": "reconcile"}, NIGHTDROP_POLICY=str(file))
    assert (states(reply), posts(emulator)) == (["created"], 1)
    assert fire(UPGRADE, NIGHTDROP_POLICY=str(file))["outcome"] == "duplicate"


def test_without_keys_it_waits(emulator: Emulator, fire: Fire, environ: Environ) -> None:
    """It is planned; with keys it is sent."""
    if not environ["NIGHTDROP_AUDIT"].startswith("sqlite"):
        pytest.skip("a log in OBS needs the keys itself")
    reply = fire(UPGRADE, HUAWEICLOUD_SDK_AK="", HUAWEICLOUD_SDK_SK="")
    assert (reply["outcome"], states(reply), posts(emulator)) == ("deferred", ["deferred"], 0)
    assert states(fire(UPGRADE)) == ["created"]
