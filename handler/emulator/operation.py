"""An operation in its two halves: looking at a request, and carrying it out.

`prepare` checks signature and content and changes nothing. What it returns changes the state and
makes the answer. FaultRules happen before, between and after the two.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from handler.emulator.http.messages import Response

if TYPE_CHECKING:
    from handler.emulator.credentials import Account
    from handler.emulator.obs.notifications import Notifications
    from handler.emulator.state.state import State
    from handler.emulator.temporary_credentials import CredentialIssuer

Execute: TypeAlias = Callable[[], Response]
"""Carries a request out; may raise RefusedError, and has then changed nothing."""


@dataclass(frozen=True)
class Deviations:
    """In what the service is allowed to differ, as nobody knows how the real one behaves.

    Attributes:
        list_lag: Seconds for which a new job is missing from the list.
        unique_names: Whether a job name that exists is refused.
    """

    list_lag: float = 0.0
    unique_names: bool = False


@dataclass(frozen=True)
class Operation:
    """What a request asks for.

    Attributes:
        name: The operation's name in the service's API, such as `CreateBatchJob`.
        prepare: Checks the request; raises RefusedError if it cannot be carried out.
        failure: Makes the service's answer with an error status, for faults.
    """

    name: str
    prepare: Callable[[Deviations], Execute]
    failure: Callable[[int], Response]


@dataclass(frozen=True)
class EmulatorContext:
    """What every operation works on.

    Attributes:
        account: Whose requests are accepted.
        state: Everything the services hold.
        clock: The current time, in seconds since 1970.
        notifications: Who is told of new objects.
        agency: Issues temporary keys of the account.
        signature_seconds: How far a signature's date may be from that time.
        most_appends: How often an object can be appended to.
        largest_object: Bytes of an object at most, put or grown by appending.
    """

    account: Account
    state: State
    clock: Callable[[], float]
    notifications: Notifications
    credential_issuer: CredentialIssuer
    signature_seconds: float = 900.0
    most_appends: int = 10_000
    largest_object: int = 5 * 1024**3
