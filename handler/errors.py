"""Every error Nightdrop raises on purpose.

    NightdropError
    ├── SettingsError          a setting is missing or wrong
    ├── RejectedError          what came in cannot be used, now or later
    │   ├── EventRejectedError     the event is of no supported shape
    │   └── SpecRejectedError      the file or inline spec has errors, all of them listed
    ├── CloudError             a call to the cloud did not bring what it was made for
    │   ├── CredentialsError       there are no keys to sign with
    │   ├── NotSentError           the request certainly never left
    │   │   └── OutOfTimeError         no time was left of the invocation
    │   ├── NoAnswerError          it left, and what became of it is not known
    │   ├── ApiError               it was answered with an error status
    │   ├── AccessPendingError     an object may not be read yet
    │   └── ObjectError            an object cannot be read
    ├── LogError               the audit log cannot be used
    │   ├── LogBusyError           other writers held it for too long
    │   ├── LogUnreachableError    the connection to it was lost, or never made
    │   ├── LogOutdatedError       another version of Nightdrop has taken it over
    │   └── LogBrokenError         what stands in it is not a whole chain
    ├── DeliveriesError        several deliveries of one event could not be planned
    ├── StartError             a process of a local run did not start
    ├── OutputError            what a command prints cannot be written where it was told to
    └── PackageError           the zip cannot be built

`retryable` says whether the same event, delivered again later, may succeed. No message holds a
key, a token or a value from a spec file: an uncaught exception's text leaves the function verbatim.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a spec, as a person can act on it.

    Attributes:
        message: What is wrong and what would be right; never a value taken from the file.
        path: Where in the document, such as `job_content.targets[2].target_id`; "" is the whole.
        document: The document's number in the file, from 1; None if the file has no documents.
        line: The line in the file, from 1, where it is known.
    """

    message: str
    path: str = ""
    document: int | None = None
    line: int | None = None

    def __str__(self) -> str:
        """Return `document 2, line 14, job_name: 31 characters, the API allows 26`."""
        place = ", ".join(
            part
            for part in (
                f"document {self.document}" if self.document is not None else "",
                f"line {self.line}" if self.line is not None else "",
                self.path,
            )
            if part
        )
        return f"{place}: {self.message}" if place else self.message


class NightdropError(Exception):
    """Something Nightdrop cannot do; the message says what to do about it."""

    retryable: ClassVar[bool] = False


class SettingsError(NightdropError):
    """A setting is missing or wrong."""


class PolicyError(NightdropError):
    """The policy is missing or not valid; nothing is sent until it is corrected."""


class RejectedError(NightdropError):
    """What came in cannot be used, however often it is delivered."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


class EventRejectedError(RejectedError):
    """The event is of no supported shape, or names something this function may not touch."""


class SpecRejectedError(RejectedError):
    """The job spec has errors; all of them are listed."""


class CloudError(NightdropError):
    """A call to the cloud did not bring what it was made for."""

    retryable = True


class CredentialsError(CloudError):
    """There are no credentials to sign with; the request was never made."""


class NotSentError(CloudError):
    """The request certainly never left: no connection was made."""


class OutOfTimeError(NotSentError):
    """No time is left of the invocation, so that nothing more is begun in it."""


class NoAnswerError(CloudError):
    """The request left, and what became of it is not known.

    Attributes:
        over: Whether the service itself has answered that it failed: it may have done what was
            asked for, but does not do it later any more.
    """

    def __init__(self, message: str, *, over: bool = False) -> None:
        super().__init__(message)
        self.over = over


class ApiError(CloudError):
    """The cloud answered with an error status.

    Attributes:
        status: The HTTP status.
        code: The service's own error code, such as `IEF.011005`, or "".
        retry_after: Seconds the service asks callers to wait, where it says so.
    """

    def __init__(
        self, message: str, *, status: int, code: str = "", retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.retry_after = retry_after


class AccessPendingError(CloudError):
    """An object may not be read yet: after a deployment, rights take some time to apply."""


class ObjectError(CloudError):
    """The object is not there, too large, or not ours to read: another try brings nothing.

    Attributes:
        code: OBS's own error code, such as `AccessDenied`; "" where OBS did not refuse.
    """

    retryable = False

    def __init__(self, message: str, *, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class LogError(NightdropError):
    """The audit log cannot be used."""


class LogBusyError(LogError):
    """Other writers held the audit log for too long."""

    retryable = True


class LogUnreachableError(LogError):
    """The connection to the audit log was lost, or never made."""

    retryable = True


class LogOutdatedError(LogError):
    """Another version of Nightdrop has taken the audit log over since it was opened."""

    retryable = True


class LogBrokenError(LogError):
    """What stands in the audit log is not a whole chain."""


class DeliveriesError(NightdropError):
    """Several deliveries of one event could not be planned; those beside them were."""

    retryable = True


class StartError(NightdropError):
    """A process of a local run did not start, or what it needs is not there."""


class OutputError(NightdropError):
    """What a command prints cannot be written where it was told to."""


class PackageError(NightdropError):
    """The zip for FunctionGraph cannot be built from what is here."""
