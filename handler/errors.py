"""Every error that Nightdrop raises.

    NightdropError
    ├── SettingsError          a setting is missing or wrong
    ├── PolicyError            the policy cannot be read or is not valid
    ├── RejectedError          the input cannot be used, now or later
    │   ├── EventRejectedError     the event has no supported shape
    │   └── SpecRejectedError      the spec has errors; all are listed
    ├── CloudError             a cloud call failed
    │   ├── CredentialsError       there are no keys to sign with
    │   ├── NotSentError           the request was certainly not sent
    │   │   └── OutOfTimeError         the invocation had no time left
    │   ├── NoAnswerError          the request was sent; its result is unknown
    │   ├── ApiError               the response has an error status
    │   ├── AccessPendingError     a right may not be in effect yet
    │   └── ObjectError            an object cannot be read
    ├── LogError               the audit log cannot be used
    │   ├── LogBusyError           other writers held it for too long
    │   ├── LogUnreachableError    there is no connection to it
    │   ├── LogOutdatedError       another version of Nightdrop has migrated it
    │   └── LogBrokenError         its chain is invalid
    ├── DeliveriesError        several deliveries of one event could not be planned
    ├── StartError             a process of a local run did not start
    ├── OutputError            the output of a command cannot be written
    └── PackageError           the zip cannot be built

`retryable` says whether the same event, delivered again later, may succeed. No message contains a
key, a token or a value from a spec: FunctionGraph returns the text of an uncaught exception.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar

from handler.values.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_QUOTA = re.compile(r"(?<![A-Za-z0-9])[Qq]uotas?(?![A-Za-z0-9-])|[a-z]Quota|Quota[A-Z]|QUOTA")


class Problem(NamedTuple):
    """One error in a spec.

    Attributes:
        message: What is wrong and what to write instead; never a value from the file.
        path: Where in the document, such as `job_content.targets[2].target_id`; "" for all of it.
        document: The document's number in the file, from 1; None if the file has no documents.
        line: The line in the file, from 1, if known.
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
    """Base of all errors; the message says what is wrong and what to do."""

    retryable: ClassVar[bool] = False


class SettingsError(NightdropError):
    """A setting is missing or wrong."""


class PolicyError(NightdropError):
    """The policy cannot be read or is not valid; nothing is planned until it is corrected."""

    retryable = True


class RejectedError(NightdropError):
    """The input cannot be used, however often it is delivered."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


class EventRejectedError(RejectedError):
    """The event has no supported shape, or names something outside this function's settings."""


class SpecRejectedError(RejectedError):
    """The job spec has errors; all of them are listed."""


class CloudError(NightdropError):
    """A cloud call failed."""

    retryable = True


class CredentialsError(CloudError):
    """There are no credentials to sign with; nothing was sent."""


class NotSentError(CloudError):
    """The request was certainly not sent: there was no connection."""


class OutOfTimeError(NotSentError):
    """The invocation has no time left to start a request."""


class NoAnswerError(CloudError):
    """The request was sent; its result is unknown.

    Attributes:
        over: Whether the service reported a failure of its own: it may have executed the request,
            but will not execute it later.
    """

    def __init__(self, message: str, *, over: bool = False) -> None:
        super().__init__(message)
        self.over = over


class ApiError(CloudError):
    """The response has an error status.

    Attributes:
        status: The HTTP status.
        code: The service's own error code, such as `IEF.011005`, or "".
        retry_after: Seconds that the service asks callers to wait, if it does.
    """

    def __init__(
        self, message: str, *, status: int, code: str = "", retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.retry_after = retry_after


class AccessPendingError(CloudError):
    """An object or the nodes may not be read yet: rights take effect with a delay."""


class ObjectError(CloudError):
    """The object is missing, too large or not readable; a retry does not help.

    Attributes:
        code: OBS's error code, such as `AccessDenied`; "" if OBS did not refuse.
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
    """There is no connection to the audit log."""

    retryable = True


class LogOutdatedError(LogError):
    """Another version of Nightdrop has migrated the audit log since it was opened."""

    retryable = True


class LogBrokenError(LogError):
    """The chain of the audit log is invalid."""


class DeliveriesError(NightdropError):
    """Several deliveries of one event could not be planned; the others were."""

    retryable = True


class StartError(NightdropError):
    """A process of a local run did not start, or something it needs is missing."""


class OutputError(NightdropError):
    """The output of a command cannot be written."""


class PackageError(NightdropError):
    """The zip for FunctionGraph cannot be built from what is here."""


def cloud_error_of(call: Callable[[], object]) -> CloudError | None:
    """Call the cloud for nothing but the error; return that, or None."""
    try:
        call()
    except CloudError as error:
        return error
    return None


def is_about_quota(message: str) -> bool:
    """Return whether an error is about a quota, not about a job that is called so."""
    return _QUOTA.search(message) is not None
