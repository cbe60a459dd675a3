"""Measure Nightdrop beside its peers and the floor, in one run.

    python -m tests.benchmarks.side_by_side.measure [--rounds 5] [--json FILE] [--picture FILE]
    python -m tests.benchmarks.side_by_side.measure --zip FOLDER --python python3.10

The second takes Nightdrop as it is deployed, unpacked, and everything under the runtime's Python.

Every figure is the median over the rounds; each round takes the handlers in turn, so that a slow
moment of the machine falls on all of them. Each handler runs in a process and an environment of
its own, against an API that answers at once (or, for `200 events`, after 50 ms).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.benchmarks.side_by_side.picture import picture

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
NODE = "72eb5df1-295b-41f6-baed-d1a56728b0e0"
DISCARDED = 20
"""Events of a warm run that `child.py` does not measure."""


@dataclass(frozen=True)
class Handler:
    """A handler to measure.

    Attributes:
        name: Its name in the table.
        module: The module that has `handler`.
        folder: The folder that the module is imported from.
        python: The interpreter, with the packages that the handler needs.
    """

    name: str
    module: str
    folder: Path
    python: Path


@dataclass(frozen=True)
class Row:
    """A row of the table.

    Attributes:
        key: The name of the figure.
        title: What it is, with its unit.
        digits: How many digits follow the point.
    """

    key: str
    title: str
    digits: int = 1


ROWS = (
    Row("cold", "cold start to the first answered event, ms", 0),
    Row("import", "of it the import, ms", 0),
    Row("p50", "one warm event with one job, p50, ms", 2),
    Row("p99", "the same, p99, ms", 2),
    Row("processor", "processor time of a warm event, ms", 2),
    Row("threads", "200 events at 50 ms, 16 threads, s", 2),
    Row("grown", "growth of the database per event, KB"),
    Row("peak", "peak memory after one event, MiB"),
)


def main() -> None:
    """Run the rounds; print a table, and write it as JSON and as a picture where asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--events", type=int, default=300)
    parser.add_argument("--environments", type=Path, default=ROOT / "build" / "peers")
    parser.add_argument("--python", type=Path, default=Path(sys.executable))
    parser.add_argument("--zip", type=Path, help="a folder with the unpacked zip")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--picture", type=Path)
    options = parser.parse_args()
    names = ("nightdrop", "floor", "floor_trail", "sdk_client", "powertools")
    nightdrop, *peers = (handler(one, options.environments, options.python) for one in names)
    if options.zip:
        nightdrop = replace(nightdrop, folder=options.zip, python=options.python)
    measured = measure([nightdrop, *peers], options.rounds, options.events)
    sys.stdout.write(table(measured))
    if options.json:
        options.json.write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")
    if options.picture:
        options.picture.write_text(picture(measured), encoding="utf-8")


def handler(name: str, environments: Path, python: Path) -> Handler:
    """Return a handler with an environment of its own, which holds what it needs and nothing else.

    Args:
        name: Its name.
        environments: The folder of the environments; one that is missing is created.
        python: The interpreter to create it with.
    """
    own = environments / python.name / name / "bin" / "python"
    if not own.exists():
        pins = HERE / "peers" / f"requirements-{name}.txt"
        subprocess.run([python, "-m", "venv", own.parents[1]], check=True)
        install: list[str | Path] = [own, "-m", "pip", "install", "--quiet", "--requirement", pins]
        subprocess.run(install, check=True)
    if name == "nightdrop":
        return Handler(name, "handler", ROOT, own)
    return Handler(name, name, HERE / "peers", own)


def measure(
    measured: Sequence[Handler], rounds: int, events: int
) -> dict[str, dict[str, dict[str, float]]]:
    """Return median, smallest and largest of each figure, by handler and figure."""
    found: dict[str, dict[str, list[float]]] = {one.name: {} for one in measured}
    with tempfile.TemporaryDirectory() as folder, api(0) as fast, api(0.05) as slow:
        for number in range(-1, rounds):
            for one in measured:
                run = Run(one, Path(folder) / f"{one.name}.db", Path(folder))
                figures = _round(run, fast, slow, events)
                # The first round fills the caches of bytecode and files.
                for key, value in figures.items() if number >= 0 else ():
                    found[one.name].setdefault(key, []).append(value)
    return {
        name: {
            key: {
                "median": round(statistics.median(all_), 3),
                "smallest": round(min(all_), 3),
                "largest": round(max(all_), 3),
            }
            for key, all_ in figures.items()
        }
        for name, figures in found.items()
    }


def table(measured: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    """Return the table, with the ratio to the floor behind each of Nightdrop's figures."""
    names = list(measured)
    lines = [f"{'':44}" + "".join(f"{name:>13}" for name in names) + f"{'x floor':>9}"]
    for row in ROWS:
        values = [measured[name][row.key]["median"] for name in names]
        cells = "".join(f"{value:13.{row.digits}f}" for value in values)
        ratio = values[0] / measured["floor"][row.key]["median"]
        lines.append(f"{row.title:44}{cells}{ratio:9.2f}")
    return "\n".join(lines) + "\n"


@contextmanager
def api(seconds: float) -> Iterator[str]:
    """Run the stub of the API and return its address."""
    command = [sys.executable, str(HERE / "stub_api.py"), "--seconds", str(seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.terminate()


@dataclass(frozen=True)
class Run:
    """The processes of one handler, with a database of its own.

    Attributes:
        handler: The handler.
        database: The database, which is created.
        folder: Where events and results are handed over.
    """

    handler: Handler
    database: Path
    folder: Path

    def child(self, mode: str, endpoint: str, events: Sequence[object]) -> dict[str, Any]:
        """Run one process and return what it measured, with when it was started."""
        given, result = self.folder / "events.json", self.folder / "result.json"
        given.write_text(json.dumps(events), encoding="utf-8")
        command = [str(self.handler.python), str(HERE / "child.py")]
        command += [self.handler.module, mode, str(given), str(result)]
        began = time.monotonic()
        subprocess.run(
            command, env=self._environ(endpoint), check=True, timeout=300, stdout=subprocess.DEVNULL
        )
        measured: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))
        return {**measured, "started": began}

    def _environ(self, endpoint: str) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(self.handler.folder),
            "NIGHTDROP_IEF_ENDPOINT": endpoint,
            "NIGHTDROP_OBS_ENDPOINT": endpoint,
            "NIGHTDROP_PROJECT_ID": "0123456789abcdef0123456789abcdef",
            "NIGHTDROP_AUDIT": f"sqlite:///{self.database}",
            "AUDIT_DB": str(self.database),
            "HUAWEICLOUD_SDK_AK": "AKMEASURED0000000000",
            "HUAWEICLOUD_SDK_SK": "SKMEASURED00000000000000000000000000",
        }


def _round(run: Run, fast: str, slow: str, events: int) -> dict[str, float]:
    first = run.child("first", fast, numbered_events(1))
    before = _stored(run.database)
    warm = run.child("warm", fast, numbered_events(events + DISCARDED))
    grown = _stored(run.database) - before
    threads = run.child("threads", slow, numbered_events(201))
    taken = sorted(warm["taken"])
    return {
        "cold": (first["done"] - first["started"]) * 1000,
        "import": (first["imported"] - first["began"]) * 1000,
        "p50": statistics.median(taken) * 1000,
        "p99": taken[len(taken) * 99 // 100] * 1000,
        "processor": warm["processor"] * 1000,
        "threads": threads["seconds"],
        "grown": grown / (events + DISCARDED) / 1000,
        "peak": first["peak"] / 1024,
    }


_numbers = count(1)
"""Counts the events of a run: no two have the same time or name."""
_BEGAN = datetime.now(timezone.utc).replace(microsecond=0)


def numbered_events(number: int) -> list[dict[str, str]]:
    """Return so many events of a timer that no other ones of this process are like."""
    return [_event(next(_numbers)) for _ in range(number)]


def _event(number: int) -> dict[str, str]:
    task = {"source": "userdefined", "name_prex": "measured", "deployment": _DEPLOYMENT}
    job = {
        "job_name": f"nightly-{number}",
        "job_type": "deployment_deploy",
        "job_content": {
            "target_type": "node",
            "targets": [{"target_id": NODE}],
            "task_data": json.dumps(task),
        },
        "tags": [{"key": "site", "value": "north"}],
    }
    return {
        "version": "v1.0",
        "time": (_BEGAN - timedelta(seconds=number)).isoformat().replace("+00:00", "Z"),
        "trigger_type": "TIMER",
        "trigger_name": "nightly",
        "user_event": json.dumps(job),
    }


_LIMITS = {"cpu": "0.25", "memory": "512"}
_DEPLOYMENT = {
    "replicas": 1,
    "template": {
        "configs": {"host_network": False, "restart_policy": "Always"},
        "containers": [
            {
                "name": "measured",
                "image_url": "sample:latest",
                "version": "latest",
                "resources": {"limits": _LIMITS, "requests": _LIMITS},
            }
        ],
    },
}


def _stored(database: Path) -> int:
    """Return how many bytes a database and its write-ahead log take together."""
    return sum(file.stat().st_size for file in database.parent.glob(f"{database.name}*"))


if __name__ == "__main__":
    main()
