# ruff: noqa: N802 - FunctionGraph's own method names
"""FunctionGraph's context on a desk."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from handler.errors import SettingsError
from handler.local.runtime.agency_credentials import Keys, agency_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from handler.local.runtime.agency_credentials import Agency

_KEY_NAMES = ("HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK", "HUAWEICLOUD_SDK_SECURITY_TOKEN")
_TIMEOUT = "60"  # seconds, as text: that is what the environment has
_LARGEST_TIMEOUT = 259_200  # seconds; the platform's own limit


@dataclass(frozen=True)
class Context:
    """What FunctionGraph hands to a function beside the event, with the methods it has there.

    What the platform leaves empty without an agency is the empty text here, too.

    Attributes:
        request_id: The invocation's id.
        timeout: Seconds the invocation may take.
        clock: A monotonic clock, in seconds.
        started: What the clock showed when the invocation began.
        keys: What requests are signed with: one set for the whole invocation.
        project_id: The project's id.
        user_data: The function's settings, as the platform's user data holds them.
        function_name: The function's name.
        memory: Megabytes the function may use.
        odd_clock: Whether the remaining time is told as openEuler YuanRong does, the engine that
            the platform is built on.
    """

    request_id: str
    timeout: int
    clock: Callable[[], float]
    started: float
    keys: Keys = field(default_factory=Keys, repr=False)
    project_id: str = ""
    user_data: Mapping[str, str] = field(default_factory=dict, repr=False)
    function_name: str = "nightdrop"
    memory: int = 512
    odd_clock: bool = False

    @classmethod
    def from_environment(
        cls,
        environ: Mapping[str, str],
        request_id: str,
        clock: Callable[[], float],
        agency: Agency | None = None,
    ) -> Context:
        """Return the context of an invocation that begins now.

        The keys are the agency's; it is the given one, so that a process asks it seldom, or the
        one at `DESK_AGENCY`. Without an agency they are those the SDK takes from the environment,
        `HUAWEICLOUD_SDK_AK`, `_SK` and `_SECURITY_TOKEN`. The time allowed is `RUNTIME_TIMEOUT` in
        seconds, 60 without it; `DESK_ODD_CLOCK=1` tells what is left of it in YuanRong's odd way.
        User data stays empty, so that settings come from the environment.

        Raises:
            SettingsError: `RUNTIME_TIMEOUT` is not a number of seconds the platform would take,
                or `DESK_AGENCY_CACHE` is none.
            CredentialsError: The agency does not answer with keys.
        """
        agency = agency or agency_of(environ, clock)
        # Before the clock is read: the platform has the keys before the invocation's time runs.
        keys = agency.keys() if agency else Keys(*(environ.get(name, "") for name in _KEY_NAMES))
        return cls(
            request_id=request_id,
            timeout=_seconds(environ.get("RUNTIME_TIMEOUT") or _TIMEOUT),
            clock=clock,
            started=clock(),
            keys=keys,
            project_id=environ.get("HUAWEICLOUD_SDK_PROJECT_ID")
            or environ.get("NIGHTDROP_PROJECT_ID", ""),
            odd_clock=environ.get("DESK_ODD_CLOCK") == "1",
        )

    def getRequestID(self) -> str:
        """Return the invocation's id."""
        return self.request_id

    def getRemainingTimeInMilliSeconds(self) -> int:
        """Return how many milliseconds are left, 0 when the time is over.

        With the odd clock the seconds allowed are counted as milliseconds, as YuanRong does: the
        time is over at once, and what is left becomes negative.
        """
        passed = self.clock() - self.started
        if self.odd_clock:
            return int(self.timeout - passed * 1000)
        return max(0, int((self.timeout - passed) * 1000))

    def getRunningTimeInSeconds(self) -> int:
        """Return how many seconds the invocation was given, in spite of the name."""
        return self.timeout

    def getAccessKey(self) -> str:
        """Return nothing: out of use, `getSecurityAccessKey` takes its place."""
        return ""

    def getSecretKey(self) -> str:
        """Return nothing: out of use, `getSecuritySecretKey` takes its place."""
        return ""

    def getSecurityAccessKey(self) -> str:
        """Return the agency's access key id."""
        return self.keys.access_key

    def getSecuritySecretKey(self) -> str:
        """Return the agency's secret key."""
        return self.keys.secret_key

    def getSecurityToken(self) -> str:
        """Return the token that the agency's keys are used with."""
        return self.keys.token

    def getToken(self) -> str:
        """Return the agency's IAM token; on a desk there is none."""
        return ""

    def getUserData(self, key: str, default: str | None = None) -> str | None:
        """Return one of the function's settings, or the default."""
        return self.user_data.get(key, default)

    def getFunctionName(self) -> str:
        """Return the function's name."""
        return self.function_name

    def getVersion(self) -> str:
        """Return the function's version."""
        return "latest"

    def getPackage(self) -> str:
        """Return the group of functions that this one is in."""
        return "default"

    def getAlias(self) -> str:
        """Return the alias the function was called by; on a desk there is none."""
        return ""

    def getMemorySize(self) -> int:
        """Return how many megabytes the function may use."""
        return self.memory

    def getCPUNumber(self) -> int:
        """Return the share of processors in thousandths, which follows from the memory."""
        return self.memory * 100 // 128 + 200

    def getProjectID(self) -> str:
        """Return the project's id."""
        return self.project_id

    def getLogger(self) -> logging.Logger:
        """Return the logger of the function; unlike the platform's stub it adds no handlers."""
        return logging.getLogger(self.function_name)


def _seconds(text: str) -> int:
    if text.isascii() and text.isdecimal() and len(text) < 10:  # noqa: PLR2004 - far beyond the limit
        seconds = int(text)
        if 1 <= seconds <= _LARGEST_TIMEOUT:
            return seconds
    raise SettingsError(f"RUNTIME_TIMEOUT must be a number of seconds, 1 to {_LARGEST_TIMEOUT}")
