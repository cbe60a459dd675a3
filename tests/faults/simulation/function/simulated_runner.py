"""The product's runner of effects in simulated time, with stories in place of its threads."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from tests.faults.simulation.function.story import run_threads

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handler.audit.log import Log
    from handler.jobs.effect_runner import EffectRunner
    from handler.jobs.effects import Asking
    from tests.faults.simulation.simulated_time import Schedule

T = TypeVar("T")


@dataclass(frozen=True)
class SimulatedRunner:
    """Carries effects out as the product's runner does; what it calls pauses.

    Attributes:
        real: The product's runner.
        schedule: The invented time.
    """

    real: EffectRunner
    schedule: Schedule

    @property
    def log(self) -> Log:
        """The audit log."""
        return self.real.log

    def incomplete_listings(self) -> list[str]:
        """Return a sentence for each list that could not be read to its end."""
        return self.real.incomplete_listings()

    def drive(self, effects: Asking[T]) -> T:
        """Carry effects out, one after the other, and return what they return."""
        return self.real.drive(effects)

    def drive_all(self, all_effects: Sequence[Asking[T]], *, senders: int) -> list[T]:
        """Carry several out side by side and return what each returns."""
        works = [partial(self.real.drive, effects) for effects in all_effects]
        return run_threads(works, senders, self.schedule)
