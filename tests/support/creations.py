"""What tests of lost and refused creations ask of the emulator and of a reply."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from handler.emulator.server import Emulator
    from tests.conftest import Reply


def faulty(emulator: Emulator, **fault: Any) -> None:  # noqa: ANN401 - any field of a fault
    """Make creations fail."""
    emulator.faults.set([{"operation": "CreateBatchJob", **fault}])


def posts(emulator: Emulator) -> int:
    """Return how many creations were asked for."""
    return sum(one.operation == "CreateBatchJob" for one in emulator.state.requests)


def states(reply: Reply) -> list[str]:
    """Return the states of a reply's jobs."""
    return [job["state"] for job in reply["jobs"]]
