"""An operation of a service, in two steps: `prepare` checks a request, `Execute` executes it.

`prepare` checks signature and content and changes nothing. The function that it returns changes the
state and returns the answer. Faults apply before, between and after the two.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from handler.emulator.http.messages import Response

if TYPE_CHECKING:
    from handler.emulator.credentials import CredentialIssuer
    from handler.emulator.obs.notifications import Notifications
    from handler.emulator.state.state import State

Execute: TypeAlias = Callable[[], Response]
"""Executes a request; if it raises RefusedError, it has changed nothing."""


@dataclass(frozen=True)
class Deviations:
    """Behaviour that the API pages leave open, chosen by faults for one request.

    Attributes:
        list_lag: Seconds for which a new job is missing from ListBatchJob.
        duplicate_name: Whether a job name that exists is refused.
        no_descriptions: Whether jobs are returned without their descriptions.
        oldest_first: Whether ListBatchJob ignores the order that is asked for.
        small_pages: Whether a page of ListBatchJob has 5 jobs at most.
        page_offsets: Whether ListBatchJob counts pages, not jobs, in `offset`.
        milliseconds: Whether ListBatchJob gives times in milliseconds.
        new_status: Whether jobs have a status that no page names.
        other_auth_code: Whether a refused signature has a code that no page names.
        stale_objects: Seconds for which a new object is missing from ListObjects.
        append_anywhere: Whether AppendObject appends whatever the position says.
        raw_keys: Whether EventGrid's event of a new object has its key as it is, not encoded.
        signature_seconds: How far a signature's date may differ; None is the usual limit.
    """

    list_lag: float = 0.0
    duplicate_name: bool = False
    no_descriptions: bool = False
    oldest_first: bool = False
    small_pages: bool = False
    page_offsets: bool = False
    milliseconds: bool = False
    new_status: bool = False
    other_auth_code: bool = False
    stale_objects: float = 0.0
    append_anywhere: bool = False
    raw_keys: bool = False
    signature_seconds: float | None = None


@dataclass(frozen=True)
class Operation:
    """The operation that a request names.

    Attributes:
        name: The operation's name in the service's API, such as `CreateBatchJob`.
        prepare: Checks the request; raises RefusedError if it is invalid.
        failure: Returns the service's answer with an error status, for faults.
    """

    name: str
    prepare: Callable[[Deviations], Execute]
    failure: Callable[[int], Response]


@dataclass(frozen=True)
class EmulatorContext:
    """Dependencies of every operation, and the limits that `Emulator` was given."""

    state: State
    clock: Callable[[], float]
    notifications: Notifications
    credential_issuer: CredentialIssuer
    signature_seconds: float = 900.0
    most_appends: int = 10_000
    largest_object: int = 5 * 1024**3
