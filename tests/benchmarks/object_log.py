"""How fast the log in OBS is beside the one in SQLite, and how fast it is known after a cold start.

    python tests/benchmarks/object_log.py [--commits 1000] [--records 10000 100000] [--rounds 3]

The emulator, a process of its own, takes the place of OBS without a network: a real one adds its
latency to each request, so that the numbers of requests tell as much as the ratios. A record is a
step of a one-job run: received, planned (two), sending, created, finished, reported. Each
measurement runs in a fresh process; the best round counts. Cold is: until the first answer about
the state.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import urllib3

from handler.audit.log import Decision
from handler.audit.record import Draft
from handler.cli.open_stores import open_any_log

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from handler.audit.log import Log

ROOT = Path(__file__).parents[2]
OBS = "obs://nightdrop-drop/audit/"
STORES = ("sqlite", "obs")
RECORDS_PER_RUN = 7
RUNS_PER_COMMIT = 4


def main() -> None:
    """Measure, each in its own process, and print the ratios."""
    options = _options()
    if options.run:
        verb, address, number = options.run
        sys.stdout.write(json.dumps(_VERBS[verb](address, int(number))))
        return
    with tempfile.TemporaryDirectory() as folder, _emulator(Path(folder)) as environ:
        addresses = {"sqlite": f"sqlite:///{folder}/commits.db", "obs": f"{OBS}commits"}
        rates = {
            store: max(
                _measured("commits", f"{address}{n}", options.commits, environ)
                for n in range(options.rounds)
            )
            for store, address in addresses.items()
        }
        for store, rate in rates.items():
            _print(f"{store:8} {rate:7.0f} commits/s  {rate / rates['sqlite']:.2f} x sqlite")
        for records in options.records:
            _print_cold(records, folder, environ, options.rounds)


def _print_cold(records: int, folder: str, environ: Mapping[str, str], rounds: int) -> None:
    sqlite, obs = f"sqlite:///{folder}/{records}.db", f"{OBS}{records}"
    for address in (sqlite, obs):
        _measured("fill", address, records, environ)
    base = min(_measured("cold", sqlite, records, environ) for _ in range(rounds))
    whole = min(_measured("whole", obs, records, environ) for _ in range(rounds))
    before = _requests(environ)
    cold = min(_measured("cold", obs, records, environ) for _ in range(rounds))
    asked = (_requests(environ) - before) // rounds
    _print(
        f"{records:7} records: cold {cold * 1000:6.1f} ms in {asked} requests, "
        f"{cold / whole:.3f} x reading all of them, {cold / base:.1f} x sqlite"
    )


def commits(address: str, number: int) -> float:
    """Return how many commits of one record a second brings."""
    draft = Draft("log.noted", "success", note="a note of some length, as they are")
    with closing(open_any_log(address)) as log:
        log.commit(lambda _view: Decision(None, (draft,)))
        began = time.monotonic()
        for _ in range(number):
            log.commit(lambda _view: Decision(None, (draft,)))
        return number / (time.monotonic() - began)


def fill(address: str, number: int) -> float:
    """Record that many steps of runs."""
    with closing(open_any_log(address)) as log:
        for first in range(0, number // RECORDS_PER_RUN, RUNS_PER_COMMIT):
            drafts = [one for n in range(RUNS_PER_COMMIT) for one in _run(first + n)]
            _commit(log, drafts)
    return 0.0


def cold(address: str, number: int) -> float:
    """Return the seconds until a log says that it does not know a delivery, and what is open."""
    began = time.monotonic()
    with closing(open_any_log(address)) as log:
        known = log.read(lambda view: (view.delivery("new"), view.open(10), view.head))
    took = time.monotonic() - began
    if known[0] is not None or known[2].seq < number - RECORDS_PER_RUN:
        raise RuntimeError("the benchmark means nothing: the log is another one")
    return took


def whole(address: str, _number: int) -> float:
    """Return the seconds that folding the state from every record takes."""
    with closing(open_any_log(address)) as log:
        began = time.monotonic()
        log.rebuild()  # type: ignore[attr-defined] # every store has it
        return time.monotonic() - began


def _commit(log: Log, drafts: list[Draft]) -> None:
    log.commit(lambda _view: Decision(None, tuple(drafts)))


def _run(number: int) -> list[Draft]:
    key, subject = f"{number:016}{36 * 'd'}", f"obs://nightdrop-drop/drop/{number % 997}.yaml"
    about = {"key": key, "trigger": "object", "subject": subject, "digest": f"{number:064x}"}
    job: dict[str, str | int | None] = {
        "key": f"{number:016}{36 * 'j'}",
        "name": f"nightly-{number}",
        "type": "node_upgrade",
        "document": 1,
    }
    request: dict[str, str | int | None] = {"attempt": 1, "date": "2026", "lease_until": "2027"}
    parts = {"delivery": {"key": key}, "job": job}
    created = {"status": 201, "job_id": f"{number:032x}"}
    return [
        Draft("delivery.received", "pending", delivery=about),
        Draft("delivery.planned", "pending", delivery=about),
        Draft("job.planned", "pending", **parts),  # type: ignore[arg-type]
        Draft("job.sending", "pending", **parts, request=request),  # type: ignore[arg-type]
        Draft("job.created", "success", **parts, response=created),  # type: ignore[arg-type]
        Draft("job.finished", "success", **parts, response={"final": "Successful"}),  # type: ignore[arg-type]
        Draft("result.written", "success", delivery={"key": key, "shows": 2**40}),
    ]


_VERBS = {"commits": commits, "fill": fill, "cold": cold, "whole": whole}


def _measured(verb: str, address: str, number: int, environ: Mapping[str, str]) -> float:
    command = [sys.executable, str(Path(__file__)), "--run", verb, address, str(number)]
    output = subprocess.run(
        command, env=dict(environ), stdout=subprocess.PIPE, check=True, timeout=900
    ).stdout
    return float(json.loads(output))


@contextmanager
def _emulator(folder: Path) -> Iterator[dict[str, str]]:
    """Run an emulator and give the environment that points at it."""
    file = folder / "emulator.env"
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "handler.cli", "emulator", "--env-file", str(file)]
    with subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL) as process:
        try:
            while not file.exists() and process.poll() is None:
                time.sleep(0.02)
            lines = file.read_text(encoding="utf-8").splitlines()
            yield {**environ, **dict(line.split("=", 1) for line in lines)}
        finally:
            process.terminate()


def _requests(environ: Mapping[str, str]) -> int:
    """Return how many requests the emulator has seen; it remembers 50,000."""
    url = f"http://{urlsplit(environ['NIGHTDROP_OBS_ENDPOINT']).netloc}/_emulator/state"
    seen: list[object] = urllib3.request("GET", url, timeout=60).json()["requests"]
    return len(seen)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--commits", type=int, default=1000)
    parser.add_argument("--records", type=int, nargs="*", default=[10_000, 100_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--run", nargs=3, help=argparse.SUPPRESS)
    return parser.parse_args()


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
