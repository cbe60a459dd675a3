"""The progress of an asynchronous request, as events for a listener.

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
    """The request is in the queue."""

    request: AsyncRequest
    at: datetime


@dataclass(frozen=True)
class Started:
    """An instance is invoked."""

    request: AsyncRequest
    at: datetime


@dataclass(frozen=True)
class Answered:
    """The function returned; the outcome's payload is its reply."""

    request: AsyncRequest
    at: datetime
    outcome: Outcome


@dataclass(frozen=True)
class Failed:
    """An attempt failed; `Retrying` or `GivenUp` follows."""

    request: AsyncRequest
    at: datetime
    outcome: Outcome


@dataclass(frozen=True)
class Retrying:
    """The request will be retried at `due`; its `attempt` is the next one."""

    request: AsyncRequest
    at: datetime
    due: datetime


@dataclass(frozen=True)
class GivenUp:
    """The request failed permanently.

    Attributes:
        condition: Why, as one of the platform's conditions.
        notice: The path of the failure notice, "" without one.
        write_error: Why the notice could not be written, "" if it was or none is wanted.
    """

    request: AsyncRequest
    at: datetime
    condition: str
    notice: str = ""
    write_error: str = ""


ProgressEvent: TypeAlias = "Accepted | Started | Answered | Failed | Retrying | GivenUp"
Listener: TypeAlias = "Callable[[ProgressEvent], None]"
