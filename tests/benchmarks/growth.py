"""What one unit costs as everything grows: jobs of a file, records, open jobs, dropped objects.

    python tests/benchmarks/growth.py [--quick]

Each row has the cost of one unit at each size and the ratio of the last to the first; 1.00 is flat.
The API is a function call that answers at once, so that only Nightdrop is measured; the log is a
SQLite file whose commits do not wait for the disk, which costs the same at any size.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
import tracemalloc
from bisect import bisect_right
from contextlib import closing
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import unquote

from handler.cloud.http_transport import Answer
from handler.deliveries.decisions import Order, Rules, SpecSource, plan_it
from handler.function import handle
from handler.invocation.instance import open_instance
from handler.jobs.decisions import Created, Refused, claim, record
from handler.local.runtime.context import Context
from handler.parsing import Limits, read
from handler.policy.verdict import ALLOWED
from handler.specs.planner import make_plan
from handler.triggers.delivery import Delivery, InlineSpec
from handler.values.canonical_json import key_of, timestamp

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from handler.audit.sql.sqlite import SqliteLog
    from handler.cloud.http_transport import Request, Transport
    from handler.invocation.instance import Instance
    from handler.jobs.decisions import Answer as Answered

SPEC = {"kind": "node_upgrade", "name": "nightly", "targets": {"nodes": [{"id": "n1"}]}}
RULES = Rules(valid_for=timedelta(hours=6), window=timedelta(seconds=30))
ENVIRON = {
    "NIGHTDROP_IEF_ENDPOINT": "http://127.0.0.1:9",
    "NIGHTDROP_OBS_ENDPOINT": "http://127.0.0.1:9",
    "NIGHTDROP_PROJECT_ID": "0123456789abcdef0123456789abcdef",
    "HUAWEICLOUD_SDK_AK": "AKMEASURED0000000000",
    "HUAWEICLOUD_SDK_SK": "SKMEASURED00000000000000000000000000",
}
_REPEATED = 30
"""How many events or reconciler runs are measured at each size."""


class _Api:
    """Answers every request at once, without a network; counts them."""

    def __init__(self) -> None:
        self.requests = 0
        self.keys: list[str] = []

    def send(self, request: Request, **_limits: object) -> Answer:
        """Create a job, show one that still runs, or list files."""
        self.requests += 1
        if "max-keys" in request.url:
            return self._listing(unquote(request.url.partition("marker=")[2].partition("&")[0]))
        if request.method == "POST":
            return _answer(201, {"job_id": f"id-{self.requests}"})
        return _answer(200, {"job_id": request.url.rsplit("/", 1)[1], "status": "Running"})

    def _listing(self, marker: str) -> Answer:
        first = bisect_right(self.keys, marker)
        page = self.keys[first : first + 1000]
        more = str(first + 1000 < len(self.keys)).lower()
        files = "".join(
            f"<Contents><Key>{key}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
            '<ETag>"5d41402abc4b2a76b9719d911017c592"</ETag><Size>100</Size></Contents>'
            for key in page
        )
        xml = f"<ListBucketResult><IsTruncated>{more}</IsTruncated>{files}</ListBucketResult>"
        return Answer(200, {"content-type": "application/xml"}, xml.encode())

    def close(self) -> None:
        """Close nothing."""


def _answer(status: int, body: object) -> Answer:
    return Answer(status, {"content-type": "application/json"}, json.dumps(body).encode())


def main() -> None:
    """Measure every row and print the table."""
    parser = argparse.ArgumentParser(description="What one unit costs as everything grows.")
    parser.add_argument("--quick", action="store_true", help="Leave out the largest sizes.")
    quick = parser.parse_args().quick
    largest = -1 if quick else None
    _row("one job of a file, ms", (20, 200, 2_000), jobs_of_a_file)
    _row("one job of a file, KB of memory", (20, 200, 2_000), memory_of_a_file)
    _row("one job planned from a file, limits raised, ms", (100, 1_000, 10_000), planned_job)
    _row("one old file of a bucket scan, ms", (100, 1_000, 10_000), listed_file)
    records = (1_000, 10_000, 100_000, 1_000_000)[:largest]
    _row("one event, by records in the log, ms", records, event)
    _row("one idle reconciler run, by records in the log, ms", records, idle_run)
    _row("one running job of a reconciler run, ms", (10, 100, 1_000), running_job)
    fleets = (1_000, 10_000, 100_000)[:largest]
    _row("one reconciler run over 1,000 jobs, by running jobs, ms", fleets, reconciler_run)
    _row("the same, MB of memory", fleets, memory_of_a_run)


def _row(title: str, sizes: Sequence[int], measure: Callable[[int, Path], float]) -> None:
    costs = []
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            costs.append(measure(size, Path(folder)))
    cells = "".join(f"{size:>12,}: {cost:8.3f}" for size, cost in zip(sizes, costs, strict=True))
    sys.stdout.write(f"{title:60}{cells}   x {costs[-1] / costs[0]:.2f}\n")
    sys.stdout.flush()


def jobs_of_a_file(size: int, folder: Path) -> float:
    """Return the milliseconds that one of so many jobs of one spec takes, planned and created."""
    with closing(_instance(folder)) as instance:
        _handle(_many(1), instance)
        began = time.perf_counter()
        _handle(_many(size), instance)
        return (time.perf_counter() - began) * 1000 / size


def memory_of_a_file(size: int, folder: Path) -> float:
    """Return the kilobytes that one of so many jobs of one spec adds to the peak of memory."""
    event = _many(size)
    with closing(_instance(folder)) as instance:
        _handle(_many(1), instance)
        return _peak(event, instance) / 1000 / size


def planned_job(size: int, folder: Path) -> float:
    """Return the milliseconds to read, validate, plan and record one of so many jobs of a file.

    With the limits that a function has, a file holds fewer than 2,500 of these jobs.
    """
    data = json.dumps([{**SPEC, "serial": number} for number in range(size)]).encode()
    with closing(_instance(folder)) as instance:
        began = time.perf_counter()
        documents = read(data, Limits(max_bytes=len(data), max_nodes=100 * size))
        plan = make_plan(key_of("a file"), documents)
        order = Order(_delivery(key_of("a file"), 0), SpecSource(data, {}), plan, ALLOWED)
        committed = instance.log.commit(plan_it(order, RULES))
        assert len(committed.records) > size
        return (time.perf_counter() - began) * 1000 / size


def listed_file(size: int, folder: Path) -> float:
    """Return the milliseconds that one of so many old files in the bucket adds to a scan."""
    with closing(_instance(folder, NIGHTDROP_BUCKETS="specs")) as instance:
        api = cast("_Api", instance.transport)
        api.keys = [f"{number:05}.yaml" for number in range(size)]
        return _median(lambda _number: _handle({"action": "reconcile"}, instance), times=5) / size


def event(size: int, folder: Path) -> float:
    """Return the milliseconds of one event with one job on a log of so many records."""
    with closing(_instance(folder)) as instance:
        _fill(instance, size // 4, Refused("no such node", 400, "IEF.0001"))
        return _median(lambda number: _handle(_tick(number), instance))


def idle_run(size: int, folder: Path) -> float:
    """Return the milliseconds of a reconciler run with nothing to do on so many records."""
    with closing(_instance(folder)) as instance:
        _fill(instance, size // 4, Refused("no such node", 400, "IEF.0001"))
        return _median(lambda _number: _handle({"action": "reconcile"}, instance))


def running_job(size: int, folder: Path) -> float:
    """Return the milliseconds that one of so many running jobs adds to a reconciler run."""
    return reconciler_run(size, folder) / size


def reconciler_run(size: int, folder: Path) -> float:
    """Return the milliseconds of a reconciler run while so many jobs run on the fleet."""
    with closing(_instance(folder)) as instance:
        _fill(instance, size, None)
        return _median(lambda _number: _handle({"action": "reconcile"}, instance), times=3)


def memory_of_a_run(size: int, folder: Path) -> float:
    """Return the megabytes that a reconciler run adds to memory while so many jobs run."""
    with closing(_instance(folder)) as instance:
        _fill(instance, size, None)
        return _peak({"action": "reconcile"}, instance) / 1_000_000


def _peak(event: object, instance: Instance) -> int:
    """Return the bytes that one event adds to memory, at most."""
    tracemalloc.start()
    try:
        _handle(event, instance)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def _median(do: Callable[[int], object], times: int = _REPEATED) -> float:
    do(-1)
    taken = []
    for number in range(times):
        began = time.perf_counter()
        do(number)
        taken.append((time.perf_counter() - began) * 1000)
    return sorted(taken)[len(taken) // 2]


def _instance(folder: Path, **more: str) -> Instance:
    policy = folder / "policy.json"
    policy.write_text('{"rules": [{"jobs_per_file": 100000}]}', encoding="utf-8")
    environ = {
        **ENVIRON,
        **more,
        "NIGHTDROP_AUDIT": f"sqlite:///{folder}/audit.db",
        "NIGHTDROP_MAX_SPEC_BYTES": "2097152",
        "NIGHTDROP_POLICY": str(policy),
    }
    instance = open_instance(_context(), environ, lambda _line: None)
    log = cast("SqliteLog", instance.log.log)
    log._db.execute("PRAGMA synchronous = OFF")  # noqa: SLF001 - the disk is not measured
    return instance._replace(transport=cast("Transport", _Api()))


def _context() -> Context:
    return Context.from_environment(ENVIRON, "measured", time.monotonic)


def _handle(event: object, instance: Instance) -> dict[str, Any]:
    reply = handle(event, _context(), instance)
    if reply["outcome"] not in {"submitted", "completed"}:
        raise RuntimeError(f"the benchmark means nothing: {reply['outcome']} {reply['errors']}")
    return reply


def _many(size: int) -> dict[str, str]:
    return _timer(json.dumps([{**SPEC, "serial": number} for number in range(size)]), size)


def _tick(number: int) -> dict[str, str]:
    return _timer(json.dumps(SPEC), number)


def _timer(user_event: str, minutes: int) -> dict[str, str]:
    at = datetime(2026, 11, 1, tzinfo=timezone.utc) + timedelta(minutes=minutes)
    return {
        "version": "v1.0",
        "time": at.isoformat().replace("+00:00", "Z"),
        "trigger_type": "TIMER",
        "trigger_name": f"t{len(user_event)}",
        "user_event": user_event,
    }


def _fill(instance: Instance, jobs: int, answer: Answered | None) -> None:
    """Put deliveries of one job each into the log; without an answer each job is created."""
    for first in range(0, jobs, 1_000):
        decisions = []
        for number in range(first, min(jobs, first + 1_000)):
            key = key_of(["filled", number])
            order = _order(key, number)
            planned = order.plan.jobs[0].key
            decisions += [
                plan_it(order, RULES, claim(planned, date=timestamp(_NOW), lease=timedelta(60))),
                record(planned, 1, answer or Created(f"filled-{number}")),
            ]
        instance.log.commit_all(decisions)


_NOW = datetime(2026, 11, 1, tzinfo=timezone.utc)


def _order(key: str, number: int) -> Order:
    data = json.dumps(SPEC).encode()
    plan = make_plan(key, read(data, Limits()))
    return Order(_delivery(key, number), SpecSource(data, {}), plan, ALLOWED)


def _delivery(key: str, number: int) -> Delivery:
    source = {"shape": "timer"}
    subject = f"timer:{number}"
    return Delivery(key, "timer", subject, _NOW, {"kind": "timer"}, source, InlineSpec(""))


if __name__ == "__main__":
    main()
