"""One measured process: import a handler, answer events, write what was measured to a file.

    python child.py MODULE MODE EVENTS.json RESULT.json

Nothing is imported before the handler but what a runtime needs to hand over an event. MODE is
`first` (the first event alone), `warm` (one event after the other), `threads` (16 at a time) or
`sampled` (like `warm`; what runs is noted after each half millisecond of processor time).
"""

import time

BEGAN = time.monotonic()

import importlib  # noqa: E402 - the clock above comes first
import json  # noqa: E402 - same reason
import os  # noqa: E402 - same reason
import resource  # noqa: E402 - same reason
import signal  # noqa: E402 - same reason
import sys  # noqa: E402 - same reason
from typing import Any  # noqa: E402 - same reason

THREADS = 16
DISCARDED = 20
"""Events of a warm run that are not measured."""
EVERY = 0.0005
"""Seconds of processor time between two samples."""


class Context:
    """The part of FunctionGraph's context that handlers ask for."""

    def __init__(self, number: int) -> None:
        self._number, self._began = number, time.monotonic()

    def getRequestID(self) -> str:  # noqa: N802 - the platform's name
        """Return an id that no other event of the process has."""
        return f"{os.getpid():08x}-0000-4000-8000-{self._number:012x}"

    def getRemainingTimeInMilliSeconds(self) -> int:  # noqa: N802 - the platform's name
        """Return what is left of 15 minutes."""
        return int((self._began + 900 - time.monotonic()) * 1000)

    def getRunningTimeInSeconds(self) -> int:  # noqa: N802 - the platform's name
        """Return the time-out."""
        return 900

    def getUserData(self, key: str, default: str = "") -> str:  # noqa: N802 - the platform's name
        """Return an environment variable of the function."""
        return os.environ.get(key, default)

    def getSecurityAccessKey(self) -> str:  # noqa: N802 - the platform's name
        """Return the access key."""
        return os.environ["HUAWEICLOUD_SDK_AK"]

    def getSecuritySecretKey(self) -> str:  # noqa: N802 - the platform's name
        """Return the secret key."""
        return os.environ["HUAWEICLOUD_SDK_SK"]

    def getSecurityToken(self) -> str:  # noqa: N802 - the platform's name
        """Return that there is no session."""
        return ""

    def getProjectID(self) -> str:  # noqa: N802 - the platform's name
        """Return the project."""
        return os.environ["NIGHTDROP_PROJECT_ID"]

    def getFunctionName(self) -> str:  # noqa: N802 - the platform's name
        """Return a name."""
        return "measured"

    def getVersion(self) -> str:  # noqa: N802 - the platform's name
        """Return the version."""
        return "latest"


def main(module: str, mode: str, events_file: str, result_file: str) -> None:
    """Measure one process."""
    with open(events_file, encoding="utf-8") as file:  # noqa: PTH123 - pathlib costs an import
        events = json.load(file)
    handler = importlib.import_module(module).handler
    imported = time.monotonic()
    first = handler(events[0], Context(0))
    done = time.monotonic()
    measured: dict[str, Any] = {"began": BEGAN, "imported": imported, "done": done}
    if mode == "warm":
        measured |= _warm(handler, events[1:])
    elif mode == "sampled":
        measured["samples"] = _sampled(handler, events[1:])
    elif mode == "threads":
        measured["seconds"] = _threads(handler, events[1:])
    measured["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    measured["answer"] = first
    with open(result_file, "w", encoding="utf-8") as file:  # noqa: PTH123 - same reason
        json.dump(measured, file)


def _warm(handler: Any, events: list[Any]) -> dict[str, Any]:  # noqa: ANN401 - any handler
    taken = []
    for number, event in enumerate(events, 1):
        if number == DISCARDED:
            processor = time.process_time()
        context = Context(number)
        began = time.perf_counter()
        handler(event, context)
        taken.append(time.perf_counter() - began)
    used = time.process_time() - processor
    return {"taken": taken[DISCARDED:], "processor": used / (len(events) - DISCARDED + 1)}


def _sampled(handler: Any, events: list[Any]) -> dict[str, int]:  # noqa: ANN401 - any handler
    """Return how many samples have which stack: its files, the innermost first."""
    found: dict[str, int] = {}

    def note(_signal: int, frame: Any) -> None:  # noqa: ANN401 - its type costs an import
        files = []
        while frame:
            files.append(frame.f_code.co_filename)
            frame = frame.f_back
        stack = "\n".join(files)
        found[stack] = found.get(stack, 0) + 1

    signal.signal(signal.SIGPROF, note)
    for number, event in enumerate(events, 1):
        if number == DISCARDED:
            signal.setitimer(signal.ITIMER_PROF, EVERY, EVERY)
        handler(event, Context(number))
    signal.setitimer(signal.ITIMER_PROF, 0)
    return found


def _threads(handler: Any, events: list[Any]) -> float:  # noqa: ANN401 - any handler
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(THREADS) as pool:
        began = time.perf_counter()
        for _ in pool.map(handler, events, map(Context, range(1, len(events) + 1))):
            pass
        return time.perf_counter() - began


if __name__ == "__main__":
    main(*sys.argv[1:])
