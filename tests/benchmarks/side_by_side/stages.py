"""Where the processor time of a warm event goes: by part of the code, as multiples of the floor.

    python -m tests.benchmarks.side_by_side.stages [--events 4000]

What runs is noted after each half millisecond of processor time, and counts for the innermost
file of Nightdrop: a library's time is that of the part that called it. `values`, which every part
calls, is treated like a library.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks.side_by_side.measure import ROOT, Run, api, handler, numbered_events

if TYPE_CHECKING:
    from collections.abc import Mapping

OUTSIDE = "SQLite: statements and commits", "the signature", "the request and its answer"
"""What no decision of ours makes cheaper: the work that is handed to others."""

_PARTS = {
    "handler/audit/sql/sqlite": OUTSIDE[0],
    "handler/audit/": "the log: records, state, views",
    "handler/cloud/signing": OUTSIDE[1],
    "handler/cloud/": OUTSIDE[2],
    "handler/parsing/": "the spec, read and judged",
    "handler/specs/": "the spec, read and judged",
    "handler/policy/": "the policy",
    "handler/triggers/": "the event",
    "handler/deliveries/": "the delivery and its job",
    "handler/jobs/": "the delivery and its job",
    "handler/": "instance, reply, log line",
}
"""The parts, by how the paths of their files begin; the first that fits counts."""


def main() -> None:
    """Print a line for each part."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--events", type=int, default=4000)
    parser.add_argument("--environments", type=Path, default=ROOT / "build" / "peers")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, api(0) as endpoint:
        nightdrop, floor = (
            Run(
                handler(name, options.environments, Path(sys.executable)),
                Path(folder) / f"{name}.db",
                Path(folder),
            )
            for name in ("nightdrop", "floor")
        )
        used = [
            one.child("warm", endpoint, numbered_events(options.events))["processor"]
            for one in (nightdrop, floor)
        ]
        sampled = nightdrop.child("sampled", endpoint, numbered_events(options.events))["samples"]
    sys.stdout.write(table(by_part(sampled), *used))


def by_part(samples: Mapping[str, int]) -> dict[str, float]:
    """Return the share of each part in the samples, by their stacks of files."""
    found: Counter[str] = Counter()
    for stack, count in samples.items():
        found[_part(stack)] += count
    return {part: count / found.total() for part, count in found.items()}


def _part(stack: str) -> str:
    own = (path.removeprefix(f"{ROOT}/") for path in stack.split("\n"))
    inner = (path for path in own if path.startswith("handler/"))
    file = next((path for path in inner if not path.startswith("handler/values/")), "handler/")
    return next(part for start, part in _PARTS.items() if file.startswith(start))


def table(shares: Mapping[str, float], nightdrop: float, floor: float) -> str:
    """Return a line for each part: its milliseconds, and how often the floor's whole event.

    Args:
        shares: The share of each part.
        nightdrop: Seconds of processor time of a warm event.
        floor: The same of the floor.
    """
    outside = sum(shares.get(part, 0) for part in OUTSIDE)
    lines = [
        *sorted(((share, part) for part, share in shares.items()), reverse=True),
        (outside, "the three that are the work of others"),
        (1.0, "all"),
    ]
    written = [
        f"{part:44}{share:7.0%}{share * nightdrop * 1000:9.2f}{share * nightdrop / floor:9.2f}"
        for share, part in lines
    ]
    return "\n".join([f"{'':44}{'share':>7}{'ms':>9}{'x floor':>9}", *written]) + "\n"


if __name__ == "__main__":
    main()
