"""What happens to a request, step by step, as it is told to whoever listens.

Accepted ──► Started ──► Answered
               ▲  └────► Failed ──► Retrying ──► Started …
                             └────► GivenUp
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from handler.local.async_invocation.instance_client import Outcome
    from handler.local.async_invocation.request_queue import AsyncRequest


@dataclass(frozen=True)
class Accepted:
    """A request is in the queue."""

    request: AsyncRequest
    at: datetime


@dataclass(frozen=True)
class Started:
    """An instance is invoked for it."""

    request: AsyncRequest
    at: datetime
    instance: str


@dataclass(frozen=True)
class Answered:
    """The function returned; its reply is the outcome's payload."""

    request: AsyncRequest
    at: datetime
    instance: str
    outcome: Outcome


@dataclass(frozen=True)
class Failed:
    """An attempt failed; what follows is told in a step of its own."""

    request: AsyncRequest
    at: datetime
    instance: str
    outcome: Outcome


@dataclass(frozen=True)
class Retrying:
    """It will be tried again at the moment `due`; the request's attempt is the one to come."""

    request: AsyncRequest
    at: datetime
    due: datetime


@dataclass(frozen=True)
class GivenUp:
    """It will not be tried again.

    Attributes:
        condition: Why, in the platform's word.
        notice: Where the failure message was written, "" if nowhere.
        trouble: Why it could not be written, "" if it could or if no place was set.
    """

    request: AsyncRequest
    at: datetime
    condition: str
    notice: str = ""
    trouble: str = ""


Step: TypeAlias = "Accepted | Started | Answered | Failed | Retrying | GivenUp"
Listener: TypeAlias = "Callable[[Step], None]"
