"""What runs in the child: a module of its own, so that the child imports no more than it needs."""

from __future__ import annotations

import time
import traceback
from typing import NamedTuple

from handler.errors import SpecRejectedError
from handler.parsing import Limits, read
from handler.specs.planner import make_plan


class Answer(NamedTuple):
    """The result for one file.

    Attributes:
        jobs: How many jobs it orders.
        problems: Its errors, or its warnings.
        trace: The traceback of a stray exception; "" if there was none.
        seconds: Processor time.
    """

    jobs: int
    problems: list[str]
    trace: str
    seconds: float


def answers_to_files(files: list[bytes], max_bytes: int) -> list[Answer]:
    """Return the answer to each file; they share a child, whose start costs more."""
    return [_answer(data, Limits(max_bytes=max_bytes)) for data in files]


def _answer(data: bytes, limits: Limits) -> Answer:
    began = time.process_time()
    jobs, problems, trace = 0, [], ""
    try:
        plan = make_plan("k" * 52, read(data, limits))
        jobs, problems = len(plan.jobs), list(map(str, plan.warnings))
    except SpecRejectedError as error:
        problems = list(map(str, error.problems))
    except BaseException:  # noqa: BLE001 - whatever leaves the work is the finding
        trace = traceback.format_exc()[-4000:]
    return Answer(jobs, problems, trace, time.process_time() - began)
