"""How a function is invoked asynchronously: retries, age, and where failures are told.

The limits are those of FunctionGraph's API (`UpdateFunctionAsyncInvokeConfig`); its pages do not
agree on the default number of retries, so set it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime
    from random import Random

    from handler.local.async_invocation.failure_destination import Writer
    from handler.local.async_invocation.request_queue import AsyncRequest

_MOST_RETRIES = 3
_LARGEST_AGE = 86_400  # seconds
_LONGEST_WAIT = 300.0  # seconds between two attempts
_SPREAD = 0.2  # share of a wait that chance may add, so that retries do not come in step


@dataclass(frozen=True)
class AsyncConfig:
    """What FunctionGraph lets one set for asynchronous invocations.

    The platform does not say how long it waits between attempts; here the wait doubles.

    Attributes:
        max_retries: Attempts after the first one, 0 to 3.
        max_age: Seconds from acceptance in which attempts may begin, 1 to 86,400.
        on_failure: Where the message about a request given up is written, if anywhere.
        first_wait: Seconds between the first attempt and the second.
        timeout: Real seconds an invocation may take before it counts as failed.
        function_urn: What the message calls the function.
    """

    max_retries: int = 1
    max_age: int = 3600
    on_failure: Writer | None = None
    first_wait: float = 5.0
    timeout: float = 60.0
    function_urn: str = "urn:fss:local:desk:function:default:nightdrop:latest"

    def __post_init__(self) -> None:
        """Check the platform's limits.

        Raises:
            ValueError: A number is outside them.
        """
        if not 0 <= self.max_retries <= _MOST_RETRIES:
            raise ValueError(f"FunctionGraph retries 0 to {_MOST_RETRIES} times")
        if not 1 <= self.max_age <= _LARGEST_AGE:
            raise ValueError(f"the maximum age of an event is 1 to {_LARGEST_AGE} seconds")
        if self.first_wait < 0:
            raise ValueError("no wait before a retry may be negative")
        if self.timeout <= 0:
            raise ValueError("the time-out of an invocation must be above zero")

    def expired(self, request: AsyncRequest, at: datetime) -> bool:
        """Return whether a request is too old for an attempt at a moment."""
        return at - request.accepted > timedelta(seconds=self.max_age)

    def retry_at(self, request: AsyncRequest, now: datetime, chance: Random) -> datetime | None:
        """Return when a request is tried again that has just failed; None if no more retries."""
        if request.attempt > self.max_retries:
            return None
        wait = min(_LONGEST_WAIT, self.first_wait * 2 ** (request.attempt - 1))
        return now + timedelta(seconds=wait * (1 + _SPREAD * chance.random()))
