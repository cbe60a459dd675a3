"""Fuzz target: the reader of spec files and the planner behind it."""

from __future__ import annotations

import json
from pathlib import Path

from handler.errors import SpecRejectedError
from handler.parsing import Limits, read
from handler.specs.planner import make_plan
from tests.fuzz.engine import run

SAMPLES = Path(__file__).parents[2] / "events" / "specs"


def target(data: bytes) -> None:
    """Read and plan a file; either it is refused with problems, or each job is a JSON object."""
    try:
        documents = read(data, Limits())
        plan = make_plan("k" * 52, documents)
    except SpecRejectedError as error:
        assert error.problems  # noqa: PT017 - either outcome is right
        assert "Traceback" not in str(error)  # noqa: PT017 - same reason
        return
    assert len(plan.jobs) == len(documents)
    assert all(isinstance(json.loads(job.body), dict) for job in plan.jobs)


if __name__ == "__main__":
    run(target, [file.read_bytes() for file in sorted(SAMPLES.iterdir())])
