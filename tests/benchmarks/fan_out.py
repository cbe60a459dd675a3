"""How fast one file with many jobs is brought to an API that takes its time.

    python tests/benchmarks/fan_out.py [--jobs 1000] [--senders 16] [--rounds 3]

The emulator, a process of its own, takes 50 ms for each job. The floor is what the waiting alone
costs: jobs / senders x 50 ms. Beside the function a bare pool of threads sends the same signed
requests, with no log, no reading, no states. Each runs in a fresh process; the best round counts.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import urllib3

from handler.cloud.credentials import credentials
from handler.cloud.http_transport import Transport
from handler.cloud.ief.client import Ief
from handler.cloud.obs.client import Obs
from handler.function import handle
from handler.invocation.instance import open_instance
from handler.local.runtime.context import Context

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

LATENCY = 0.05
"""Seconds the API takes for one job."""

GOAL = 1.3
"""How many times the floor the function may take."""

NODE = "71c2f6ab-0f2e-4d8b-93c7-5e1a6b0d4c01"
BUCKET = "nightdrop-drop"
ROOT = Path(__file__).parents[2]


def main() -> None:
    """Run the rounds and print the ratios."""
    options = _options()
    if options.run:
        measured = (function if options.run == "function" else peer)(options)
        sys.stdout.write(json.dumps(measured))
        return
    floor = options.jobs / options.senders * LATENCY
    with tempfile.TemporaryDirectory() as folder, _slow_emulator(Path(folder)) as environ:
        best: dict[str, dict[str, float]] = {}
        for number in range(options.rounds):
            for name in ("peer", "function"):
                environ["NIGHTDROP_AUDIT"] = f"sqlite:///{folder}/{number}.db"
                took = _measured(name, options, environ)
                best[name] = min(best.get(name, took), took, key=lambda one: one["seconds"])
    _print(f"floor     {floor:6.2f} s   {options.jobs} jobs, {options.senders} senders, 50 ms each")
    for name, took in best.items():
        ratio, megabytes = took["seconds"] / floor, took["grown"] / 1024
        _print(
            f"{name:9} {took['seconds']:6.2f} s   {ratio:.2f} x floor, +{megabytes:.1f} MiB peak"
        )
    ratio = best["function"]["seconds"] / floor
    _print(f"goal      {GOAL * floor:6.2f} s   {'reached' if ratio <= GOAL else 'missed'}")


def function(options: argparse.Namespace) -> dict[str, float]:
    """Measure the function on one dropped file."""
    environ = dict(os.environ)
    context = Context.from_environment(environ, str(uuid4()), time.monotonic)
    instance = open_instance(context, environ, lambda _line: None)
    keys = credentials(context, environ)
    obs = Obs(environ["NIGHTDROP_OBS_ENDPOINT"], keys, instance.transport, _now)
    data = "\n".join(
        json.dumps({"kind": "node_upgrade", "name": f"n{number}", "targets": {"nodes": [NODE]}})
        for number in range(options.jobs)
    )
    key = f"{uuid4().hex}.jsonl"
    obs.write(BUCKET, key, data.encode(), content_type="application/jsonl")
    stored = {"bucket": {"name": BUCKET}, "object": {"key": key}}
    entry = {"eventName": "ObjectCreated:Put", "eventTime": "2026-11-23T14:05:31.482Z"}
    event = {"Records": [{**entry, "obs": stored}]}
    answer: list[Mapping[str, object]] = []
    measured = _timed(lambda: answer.append(handle(event, context, instance)))
    instance.close()
    if answer[0]["outcome"] != "submitted":
        raise RuntimeError(f"the benchmark means nothing: {str(answer[0])[-300:]}")
    return measured


def peer(options: argparse.Namespace) -> dict[str, float]:
    """Measure a pool of threads that signs and sends, and nothing else."""
    environ = os.environ
    keys = credentials(None, environ)
    transport = Transport(timeout=10)
    endpoint, project = environ["NIGHTDROP_IEF_ENDPOINT"], environ["NIGHTDROP_PROJECT_ID"]
    ief = Ief(endpoint, project, keys, transport, _now)
    pool = urllib3.connection_from_url(endpoint, maxsize=options.senders)
    content = {"target_type": "node", "targets": [{"target_id": NODE}]}

    def send(number: int) -> int:
        job = {"job_name": f"n{number}", "job_type": "node_upgrade", "job_content": content}
        request = ief.sign_create(json.dumps(job))
        headers = dict(request.headers)
        path = request.url.removeprefix(endpoint)
        return pool.urlopen("POST", path, body=request.body, headers=headers).status

    def send_all() -> None:
        with ThreadPoolExecutor(options.senders) as threads:
            if set(threads.map(send, range(options.jobs))) != {201}:
                raise RuntimeError("the benchmark means nothing: a job was refused")

    measured = _timed(send_all)
    pool.close()
    transport.close()
    return measured


def _timed(work: Callable[[], None]) -> dict[str, float]:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.monotonic()
    work()
    took = time.monotonic() - began
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return {"seconds": took, "grown": grown}


def _measured(
    name: str, options: argparse.Namespace, environ: Mapping[str, str]
) -> dict[str, float]:
    command = [sys.executable, str(Path(__file__)), "--run", name]
    command += ["--jobs", str(options.jobs), "--senders", str(options.senders)]
    output = subprocess.run(
        command, env=dict(environ), stdout=subprocess.PIPE, check=True, timeout=300
    ).stdout
    measured: dict[str, float] = json.loads(output)
    return measured


@contextmanager
def emulator(folder: Path, *options: str) -> Iterator[dict[str, str]]:
    """Run an emulator, and give the environment that points at it."""
    file = folder / "emulator.env"
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "handler.cli", "emulator", "--env-file", str(file), *options]
    with subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL) as process:
        try:
            while not file.exists() and process.poll() is None:
                time.sleep(0.02)
            lines = file.read_text(encoding="utf-8").splitlines()
            yield {**environ, **dict(line.split("=", 1) for line in lines)}
        finally:
            process.terminate()


@contextmanager
def _slow_emulator(folder: Path) -> Iterator[dict[str, str]]:
    with emulator(folder) as environ:
        slow = {"operation": "CreateBatchJob", "fault": "delay", "seconds": LATENCY}
        url = f"{environ['NIGHTDROP_IEF_ENDPOINT']}/_emulator/faults"
        urllib3.request("POST", url, json=[slow]).close()
        policy = folder / "policy.json"
        policy.write_text('{"rules": [{"jobs_per_file": 100000}]}', encoding="utf-8")
        # The built-in policy allows 200 jobs a file.
        yield {**environ, "NIGHTDROP_POLICY": str(policy), "RUNTIME_TIMEOUT": "300"}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--senders", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--run", choices=["function", "peer"], help=argparse.SUPPRESS)
    return parser.parse_args()


def _now() -> datetime:
    return datetime.now(timezone.utc)


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    main()
