"""SIGSTOP before a result file is written until the reconciler wrote a newer one, then SIGCONT."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from tests.faults.kills.scene import SETTLED_SOON, scene, spec

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from handler.values.canonical_json import Json

REPORTING = 12
"""The step before the result file is written, after a creation whose answer was lost."""

SPEC = "drop/nightly.json"
LOST: dict[str, Json] = {"operation": "CreateBatchJob", "fault": "lost_answer", "times": 1}


def test_a_late_result_file_does_not_stay_over_a_newer_one(
    quick_address: Callable[[], str], tmp_path: Path
) -> None:
    """The late writer's file is outdated by then; the next reconciler run writes the file again."""
    with scene(quick_address(), tmp_path, SETTLED_SOON) as opened:
        opened.emulator.faults.set([LOST])
        process = opened.start([opened.drop(SPEC, spec("nightly"))], f"stop:{REPORTING}")
        try:
            process.wait_until_stopped()
            opened.tick_until_quiet()
            assert opened.result(SPEC)["jobs"][0]["finished"] == "Successful"
        finally:
            process.signal(signal.SIGCONT)
            child = process.ended()
        assert child.all("step")[REPORTING - 1] == "before PUT"
        assert child.status == 0
        opened.tick_until_quiet()
        assert opened.result(SPEC)["jobs"][0]["finished"] == "Successful"
        opened.records()
