"""How often something is tried again, and what is said when it is given up."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from handler.errors import (
    ApiError,
    CloudError,
    CredentialsError,
    LogBusyError,
    LogError,
    LogUnreachableError,
    OutOfTimeError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

_PAUSES = (0.0, 0.05, 0.1, 0.2, 0.5, 1.0)
"""Seconds before each new try after trouble with the store."""

_FIRST_YIELD, _LONGEST_YIELD = 0.002, 0.1
_PASSING = frozenset({408, 409, 429})


@dataclass(frozen=True)
class RetryPolicy:
    """How long one call of the log may take, with the clock and the chance it needs.

    Attributes:
        seconds: How long a call goes on trying.
        clock: Seconds on a monotonic clock.
        sleep: Waits for some seconds.
        chance: Returns a number from 0 to 1, to spread writers that lost to the same one.
    """

    seconds: float = 30.0
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    chance: Callable[[], float] = random.random

    def trial(self, place: str) -> Attempt:
        """Begin a call on the log at a place."""
        return Attempt(self, place, self.clock() + self.seconds)

    def retry(self, place: str, work: Callable[[], T]) -> T:
        """Return what work returns, trying again while its trouble may pass.

        Only for work that does no harm when it is done twice.

        Raises:
            LogError: It was given up, or can never succeed.
        """
        trial = self.trial(place)
        while True:
            try:
                return work()
            except CloudError as error:
                trial.trouble(error)


@dataclass
class Attempt:
    """One call that is tried several times."""

    patience: RetryPolicy
    place: str
    end: float
    _troubles: int = field(default=0, init=False)
    _losses: int = field(default=0, init=False)

    def trouble(self, error: CloudError) -> None:
        """Wait before the next try after trouble with the store.

        Raises:
            LogUnreachableError: It was tried often enough; a record may or may not stand.
            LogError: Another try cannot help.
        """
        message = f"the audit log {self.place} cannot be used: {error}"
        if not error.retryable:
            raise LogError(message) from error
        if not _may_pass(error) or self._troubles >= len(_PAUSES):
            raise LogUnreachableError(message) from error
        pause = _PAUSES[self._troubles] * (0.5 + self.patience.chance())
        if self.patience.clock() + pause > self.end:
            raise LogUnreachableError(message) from error
        self._troubles += 1
        self.patience.sleep(pause)

    def lost(self) -> None:
        """Wait a little before the next try after somebody else was first.

        Raises:
            LogBusyError: Others were first for too long; nothing was appended.
        """
        if self.patience.clock() > self.end:
            raise LogBusyError(
                f"the audit log {self.place} is busy: other writers were always first"
            )
        self._troubles = 0
        longest = min(_FIRST_YIELD * 2.0**self._losses, _LONGEST_YIELD)
        self._losses = min(self._losses + 1, 10)
        self.patience.sleep(longest * self.patience.chance())


def _may_pass(error: CloudError) -> bool:
    """Return whether trying again within the same call makes sense."""
    if isinstance(error, ApiError):
        return error.status in _PASSING
    return not isinstance(error, CredentialsError | OutOfTimeError)
