"""One event delivered many times at once: one job, one valid chain, no error."""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING, Any

from handler.function import handle
from handler.invocation.instance import open_instance
from handler.local.runtime.context import Context

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    from handler.emulator.server import Emulator

    Environ = dict[str, str]
    Reply = dict[str, Any]
    Drop = Callable[..., Any]
    Recorded = Callable[[], list[Reply]]
    Post = Callable[..., tuple[int, Any]]
    Spawn = Callable[[list[str], Environ], "subprocess.Popen[str]"]

UPGRADE = b"kind: node_upgrade\nname: hall\ntargets: {nodes: [{id: node-1}]}\n"
ANSWERS = {"submitted", "duplicate", "deferred"}

# One process of the function: four threads that deliver the event once it is read from stdin.
PROCESS = """
import json, os, sys, threading, time
from concurrent.futures import ThreadPoolExecutor
from handler.function import handle
from handler.invocation.instance import open_instance
from handler.local.runtime.context import Context

def context():
    return Context.from_environment(os.environ, "r", time.monotonic)

instance = open_instance(context(), os.environ, lambda line: None)
print("ready", flush=True)
event = json.loads(sys.stdin.readline())
barrier = threading.Barrier(4)

def deliver(_):
    barrier.wait()
    return handle(event, context(), instance)["outcome"]

with ThreadPoolExecutor(4) as pool:
    print(json.dumps(list(pool.map(deliver, range(4)))), flush=True)
instance.close()
"""


def in_threads(count: int, deliver: Callable[[], Any]) -> list[Any]:
    """Call a function in many threads that start together."""
    barrier = Barrier(count)

    def wait_and_deliver(_: int) -> Any:  # noqa: ANN401 - whatever the function returns
        barrier.wait()
        return deliver()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(wait_and_deliver, range(count)))


def creations(emulator: Emulator) -> int:
    """Return how many creations the API was asked for."""
    return sum(one.operation == "CreateBatchJob" for one in emulator.state.requests)


def is_one_run(emulator: Emulator, records: list[Reply]) -> bool:
    """Return whether one job was planned, sent and created, once each."""
    actions = [str(record["action"]) for record in records]
    once = ("delivery.planned", "job.planned", "job.sending", "job.created")
    return (
        all(actions.count(action) == 1 for action in once)
        and len(emulator.state.jobs) == 1
        and creations(emulator) == 1
    )


def test_sixteen_threads_of_one_instance_make_one_job(
    emulator: Emulator, environ: Environ, drop: Drop, recorded: Recorded
) -> None:
    """They share the log's connection and the kept-alive ones to the cloud."""
    event = drop("drop/hall.yaml", UPGRADE)

    def context() -> Context:
        return Context.from_environment(environ, "r", time.monotonic)

    instance = open_instance(context(), environ, lambda _line: None)
    replies = in_threads(16, lambda: handle(event, context(), instance))
    instance.close()
    assert {reply["outcome"] for reply in replies} <= ANSWERS
    assert is_one_run(emulator, recorded())
    kept = json.loads(
        emulator.state.buckets["nightdrop-drop"]["results/hall.yaml.result.json"].data
    )
    assert [job["state"] for job in kept["jobs"]] == ["created"]


def test_four_processes_with_four_threads_each_make_one_job(
    emulator: Emulator, environ: Environ, drop: Drop, recorded: Recorded, spawn: Spawn
) -> None:
    """They share nothing but the file."""
    event = drop("drop/hall.yaml", UPGRADE)
    processes = [spawn([sys.executable, "-c", PROCESS], environ) for _ in range(4)]
    for process in processes:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin
        process.stdin.write(json.dumps(event) + "\n")
        process.stdin.flush()
    message = [process.communicate(timeout=60)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * 4, message
    assert {outcome for one in message for outcome in json.loads(one)} <= ANSWERS
    assert is_one_run(emulator, recorded())


def test_sixteen_requests_at_once_make_one_job(
    emulator: Emulator, environ: Environ, drop: Drop, recorded: Recorded, serve: Callable[..., Post]
) -> None:
    """Over HTTP, through functions-framework."""
    post, event = serve(environ), drop("drop/hall.yaml", UPGRADE)
    replies = in_threads(16, lambda: post(event))
    assert {status for status, _ in replies} == {200}
    assert {reply["outcome"] for _, reply in replies} <= ANSWERS
    assert is_one_run(emulator, recorded())


def test_many_files_at_once_make_a_job_each(
    emulator: Emulator, environ: Environ, drop: Drop, recorded: Recorded
) -> None:
    """None waits for another for long, none is lost."""
    events = iter([drop(f"drop/hall-{place}.yaml", UPGRADE) for place in range(16)])

    def context() -> Context:
        return Context.from_environment(environ, "r", time.monotonic)

    instance = open_instance(context(), environ, lambda _line: None)
    replies = in_threads(16, lambda: handle(next(events), context(), instance))
    instance.close()
    assert {reply["outcome"] for reply in replies} == {"submitted"}
    assert len(emulator.state.jobs) == creations(emulator) == 16
    assert [str(one["action"]) for one in recorded()].count("job.created") == 16
