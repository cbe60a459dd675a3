"""Asynchronous invocation over real HTTP, on a clock that runs fast."""

from __future__ import annotations

import json
import threading
from contextlib import ExitStack, closing
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from handler.local.async_invocation.async_request import (
    Accepted,
    Failed,
    GivenUp,
    Retrying,
    Returned,
    Started,
)
from handler.local.async_invocation.config import AsyncConfig, into_folder
from handler.local.async_invocation.dispatcher import Environment, LocalFunction
from handler.local.triggers.clock import start_clock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from handler.local.async_invocation.async_request import ProgressEvent

    Behaviour = Callable[[Any], int]
    Serve = Callable[[Behaviour], str]

NOON = datetime(2026, 11, 23, 12, tzinfo=timezone.utc)
SPEED = 500  # a retry's five seconds take a hundredth


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start instances; each answers the status that its behaviour gives for an event."""
    with ExitStack() as stack:

        def start(behave: Behaviour) -> str:
            class Caller(BaseHTTPRequestHandler):
                def do_POST(self) -> None:
                    body = self.rfile.read(int(self.headers["Content-Length"]))
                    status = behave(json.loads(body))
                    answer = json.dumps({"id": self.headers["X-Cff-Request-Id"]}).encode()
                    self.send_response(status)
                    self.send_header("Content-Length", str(len(answer)))
                    self.end_headers()
                    self.wfile.write(answer)

                def log_message(self, *_: object) -> None:
                    """Log nothing."""

            server = ThreadingHTTPServer(("127.0.0.1", 0), Caller)
            thread = threading.Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            stack.callback(server.server_close)
            stack.callback(thread.join)
            stack.callback(server.shutdown)
            return f"http://127.0.0.1:{server.server_address[1]}/"

        yield start


@pytest.fixture
def steps() -> list[ProgressEvent]:
    """The reported steps, in their order."""
    return []


def function(
    urls: Sequence[str],
    steps: list[ProgressEvent],
    config: AsyncConfig,
    chaos: Random | None = None,
    speed: float = SPEED,
) -> LocalFunction:
    """Return a local function whose steps are kept."""
    clock = start_clock(NOON, speed)
    return LocalFunction(urls, config, Environment(clock, Random(1), steps.append, chaos))  # noqa: S311 - a seed, not a secret


def kinds(steps: list[ProgressEvent]) -> list[type[ProgressEvent]]:
    """Return the kinds of the steps."""
    return [type(step) for step in steps]


def in_turn(*statuses: int) -> Behaviour:
    """Answer with one status after the other, whatever the event is."""
    left = list(statuses)
    return lambda _: left.pop(0)


def test_an_event_is_accepted_started_and_answered(
    serve: Serve, steps: list[ProgressEvent]
) -> None:
    """Its request id reaches the function."""
    url = serve(in_turn(200))
    with closing(function([url], steps, AsyncConfig())) as queue:
        request_id = queue.submit({"a": 1}, "timer")
        assert queue.settle(10)
    assert kinds(steps) == [Accepted, Started, Returned]
    assert {step.request.request_id for step in steps} == {request_id}
    assert {step.request.trigger for step in steps} == {"timer"}
    answered = steps[-1]
    assert isinstance(answered, Returned)
    assert json.loads(answered.outcome.payload) == {"id": request_id}


def test_a_failed_request_is_retried_under_its_own_id(
    serve: Serve, steps: list[ProgressEvent]
) -> None:
    """The same id, the same event, one more attempt, not before its wait is over."""
    events: list[Any] = []
    statuses = in_turn(500, 503, 200)

    def behave(event: Any) -> int:  # noqa: ANN401 - any JSON
        events.append(event)
        return statuses(event)

    with closing(function([serve(behave)], steps, AsyncConfig(max_retries=2))) as queue:
        queue.submit({"a": "ü"}, "timer")
        assert queue.settle(10)
    assert events == [{"a": "ü"}] * 3
    assert kinds(steps) == [
        *(Accepted, Started, Failed, Retrying),
        *(Started, Failed, Retrying),
        *(Started, Returned),
    ]
    assert [step.request.attempt for step in steps] == [1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert len({step.request.request_id for step in steps}) == 1
    retrying, started = steps[3], steps[4]
    assert isinstance(retrying, Retrying)
    assert 5 <= (retrying.due - retrying.at).total_seconds() <= 6
    assert started.at >= retrying.due


def test_a_request_without_retries_left_is_given_up_with_a_message(
    serve: Serve, steps: list[ProgressEvent], tmp_path: Path
) -> None:
    """In the destination, named after the request."""
    config = AsyncConfig(max_retries=1, on_failure=into_folder(tmp_path))
    with closing(function([serve(in_turn(500, 500))], steps, config)) as queue:
        request_id = queue.submit({"a": "ü"}, "timer")
        assert queue.settle(10)
    given_up = steps[-1]
    assert isinstance(given_up, GivenUp)
    assert given_up.notice == str(tmp_path / f"{request_id}.json")
    message = json.loads((tmp_path / f"{request_id}.json").read_text())
    assert message["request_context"]["approximate_invoke_count"] == 2
    assert message["request_context"]["condition"] == "UnhandledInvocationError"
    assert json.loads(message["request_payload"]) == {"a": "ü"}
    assert json.loads(message["response_payload"]) == {"id": request_id}


def test_a_request_that_would_be_too_old_for_its_retry_is_given_up(
    serve: Serve, steps: list[ProgressEvent]
) -> None:
    """At once, not when the time has come."""
    config = AsyncConfig(max_retries=3, max_age=250, first_wait=290)
    with closing(function([serve(in_turn(500))], steps, config, speed=10)) as queue:
        queue.submit({}, "timer")
        assert queue.settle(10)
    assert kinds(steps) == [Accepted, Started, Failed, GivenUp]
    assert isinstance(steps[-1], GivenUp)
    assert steps[-1].condition == "EventAgeExceeded"


def test_a_request_that_grew_too_old_in_the_queue_is_never_tried(
    serve: Serve, steps: list[ProgressEvent]
) -> None:
    """While the only instance was busy."""
    go_on = threading.Event()

    def behave(_: object) -> int:
        assert go_on.wait(10)
        return 200

    with closing(function([serve(behave)], steps, AsyncConfig(max_age=50))) as queue:
        queue.submit("first", "timer")
        late = queue.submit("late", "timer")
        threading.Event().wait(0.2)  # a hundred seconds on the fast clock
        go_on.set()
        assert queue.settle(10)
    reported = [step for step in steps if step.request.request_id == late]
    assert kinds(reported) == [Accepted, GivenUp]
    assert reported[-1].request.attempt == 0


def test_an_instance_has_one_request_at_a_time_and_instances_work_side_by_side(
    serve: Serve, steps: list[ProgressEvent]
) -> None:
    """Two instances meet in a barrier that needs both; neither is ever entered twice."""
    both = threading.Barrier(2, timeout=10)
    inside = [0, 0]
    crowded: list[int] = []

    def behave_as(number: int) -> Behaviour:
        def behave(_: object) -> int:
            inside[number] += 1
            if inside[number] > 1:
                crowded.append(number)
            both.wait()
            inside[number] -= 1
            return 200

        return behave

    with closing(
        function([serve(behave_as(0)), serve(behave_as(1))], steps, AsyncConfig())
    ) as queue:
        for number in range(6):
            queue.submit(number, "timer")
        assert queue.settle(10)
    assert crowded == []
    assert kinds(steps).count(Returned) == 6


def test_a_notice_that_cannot_be_written_stops_nothing(
    serve: Serve, steps: list[ProgressEvent]
) -> None:
    """The error is reported, and the next event is delivered."""

    def write(_name: str, _notice: object) -> str:
        raise OSError("no space left")

    config = AsyncConfig(max_retries=0, on_failure=write)
    with closing(function([serve(in_turn(500, 200))], steps, config)) as queue:
        queue.submit(1, "timer")
        queue.submit(2, "timer")
        assert queue.settle(10)
    (given_up,) = (step for step in steps if isinstance(step, GivenUp))
    assert (given_up.notice, given_up.write_error) == ("", "OSError: no space left")
    assert kinds(steps).count(Returned) == 1


def test_fault_injection_duplicates_and_reorders_and_loses_nothing(
    serve: Serve, steps: list[ProgressEvent]
) -> None:
    """Each duplicate is a request of its own."""
    seen: list[int] = []

    def behave(event: int) -> int:
        seen.append(event)
        return 200

    with closing(function([serve(behave)], steps, AsyncConfig(), Random(3))) as queue:  # noqa: S311 - a seed, not a secret
        for number in range(20):
            queue.submit(number, "obs")
        assert queue.settle(10)
    assert set(seen) == set(range(20))
    assert len(seen) > 20
    assert seen != sorted(seen)
    accepted = [step.request.request_id for step in steps if isinstance(step, Accepted)]
    assert len(set(accepted)) == len(seen)


def test_waiting_for_all_requests_ends_with_the_time(steps: list[ProgressEvent]) -> None:
    """Without an instance nothing is delivered."""
    with closing(function([], steps, AsyncConfig())) as queue:
        queue.submit({}, "timer")
        assert not queue.settle(0.01)


def test_a_large_event_is_refused(steps: list[ProgressEvent]) -> None:
    """At the platform's limit."""
    with (
        closing(function([], steps, AsyncConfig())) as queue,
        pytest.raises(ValueError, match="256 KB"),
    ):
        queue.submit("x" * 256 * 1024, "timer")
    assert steps == []


def test_a_closed_function_accepts_nothing(steps: list[ProgressEvent]) -> None:
    """And reports no acceptance."""
    queue = function([], steps, AsyncConfig())
    queue.close()
    with pytest.raises(ValueError, match="closed"):
        queue.submit({}, "timer")
    assert steps == []
