"""What the function writes to its standard output, from where the platform's log service reads."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    Environ = dict[str, str]
    Drop = Callable[..., Any]
    Tick = Callable[..., dict[str, Any]]
    Spawn = Callable[..., subprocess.Popen[str]]

LONGEST_LINE = 64 * 1024
"""Bytes of a line that certainly stays in one piece."""

RUN = """
import json, os, sys, time
from handler import handler, initializer
from handler.local.runtime.context import Context
for line in sys.stdin:
    context = Context.from_environment(os.environ, "r", time.monotonic)
    initializer(context)
    try:
        handler(json.loads(line), context)
    except Exception:
        pass
"""
UPGRADE = "kind: node_upgrade\nname: hall\ntargets: {nodes: [{id: node-1}]}\n"
WRONG = "---\n".join("kind: nonsense\nname: x\n" for _ in range(2000))


@pytest.fixture
def message(environ: Environ, spawn: Spawn) -> Callable[[list[object]], list[str]]:
    """Return the lines that a function logs for some events, in a process of its own."""

    def ask(events: list[object]) -> list[str]:
        process = spawn([sys.executable, "-c", RUN], environ)
        output, _ = process.communicate("".join(f"{json.dumps(one)}\n" for one in events), 60)
        return output.splitlines()

    return ask


def test_every_line_is_one_json_object_with_an_action(
    message: Callable[[list[object]], list[str]], environ: Environ, drop: Drop, tick: Tick
) -> None:
    """Whatever comes: work, repetitions, actions, and every kind of bad input."""
    environ["NIGHTDROP_SETTLE_AFTER"] = "1"
    event = drop("drop/hall.yaml", UPGRADE.encode())
    lines = message(
        [
            *(tick(UPGRADE), event, event, tick('{"action": "reconcile"}'), {"action": "doctor"}),
            *(drop("drop/wrong.yaml", WRONG.encode()), drop("drop/bytes.yaml", b"\xff\xfe\x00")),
            *({"hello": "\u2028\U0001f319" * 9000}, [], "text", None, 7, tick("x" * 2000)),
            *(drop("drop/no.yaml", b"x", bucket="other"), {"Records": [1, {"s3": {}}]}),
        ]
    )
    spoken = [json.loads(line) for line in lines]
    assert all(isinstance(one, dict) and isinstance(one["action"], str) for one in spoken)
    assert max(len(line.encode()) for line in lines) < LONGEST_LINE
    assert {"settings.doubted", "function.answered", "attention.needed"} <= {
        one["action"] for one in spoken
    }
    assert sum(one["action"] == "function.answered" for one in spoken) > 10


def test_errors_are_logged_as_json_too(
    message: Callable[[list[object]], list[str]], environ: Environ
) -> None:
    """An examination with faults, of a cloud that is not there."""
    gone = dict.fromkeys(("NIGHTDROP_IEF_ENDPOINT", "NIGHTDROP_OBS_ENDPOINT"), "http://127.0.0.1:1")
    environ.update(gone)
    spoken = [json.loads(line) for line in message([{"action": "doctor"}])]
    assert [one["of"] for one in spoken if one["action"] == "attention.needed"] == [
        "check.failed",
        "check.failed",
    ]
