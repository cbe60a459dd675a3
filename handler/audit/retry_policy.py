"""The retry policy of every store of the log: pauses, the longest time, and the final error."""

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
"""Seconds before each retry after a failure of the store; the first covers a frozen instance."""

_FIRST_YIELD, _LONGEST_YIELD = 0.002, 0.1
_PASSING = frozenset({408, 409, 429})


@dataclass(frozen=True)
class RetryPolicy:
    """How long one call of the log is retried, with the clock and the random numbers it needs.

    Attributes:
        seconds: How long a call is retried.
        clock: Seconds on a monotonic clock.
        sleep: Waits for some seconds.
        chance: Returns a number from 0 to 1, to spread writers that conflicted with each other.
    """

    seconds: float = 30.0
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    chance: Callable[[], float] = random.random

    def start(self, place: str) -> Attempt:
        """Start a call on the log at an address."""
        return Attempt(self, place, self.clock() + self.seconds)

    def retry(self, place: str, work: Callable[[], T]) -> T:
        """Return what `work` returns, and retry it after errors that may pass.

        Only for work that may be done twice.

        Raises:
            LogError: It failed too often, or cannot succeed.
        """
        attempt = self.start(place)
        while True:
            try:
                return work()
            except CloudError as error:
                attempt.failed(error)


@dataclass
class Attempt:
    """One call that may be retried."""

    policy: RetryPolicy
    place: str
    end: float
    _failures: int = field(default=0, init=False)
    _conflicts: int = field(default=0, init=False)

    def failed(self, error: CloudError) -> None:
        """Wait before the next retry after a failure of the store.

        Raises:
            LogUnreachableError: It was retried often enough; a record may be in the log or not.
            LogError: A retry cannot help.
        """
        message = f"the audit log {self.place} cannot be used: {error}"
        if not error.retryable:
            raise LogError(message) from error
        if not (_may_pass(error) and self.wait()):
            raise LogUnreachableError(message) from error

    def wait(self) -> bool:
        """Wait before the next retry; False, at once, if it was retried often or long enough."""
        if self._failures >= len(_PAUSES):
            return False
        pause = _PAUSES[self._failures] * (0.5 + self.policy.chance())
        if self.policy.clock() + pause > self.end:
            return False
        self._failures += 1
        self.policy.sleep(pause)
        return True

    def conflict(self) -> None:
        """Wait a little before the next retry after another writer was first.

        Raises:
            LogBusyError: Other writers were first for too long; nothing was appended.
        """
        if self.policy.clock() > self.end:
            raise LogBusyError(
                f"the audit log {self.place} is busy: other writers were always first"
            )
        self._failures = 0
        longest = min(_FIRST_YIELD * 2.0**self._conflicts, _LONGEST_YIELD)
        self._conflicts = min(self._conflicts + 1, 10)
        self.policy.sleep(longest * self.policy.chance())


def _may_pass(error: CloudError) -> bool:
    """Return whether a retry within the same call makes sense."""
    if isinstance(error, ApiError):
        return error.status in _PASSING
    return not isinstance(error, CredentialsError | OutOfTimeError)
