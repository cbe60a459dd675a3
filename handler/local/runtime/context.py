# ruff: noqa: N802 - FunctionGraph's own method names
"""FunctionGraph's context object for local invocations, and an agency's temporary keys in it."""

from __future__ import annotations

import logging
import math
import time
import uuid
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any, final

from handler.errors import CredentialsError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

CACHE_SECONDS = 600.0
"""How long the platform caches fetched keys."""

_ANSWER_SECONDS = 5.0

_KEY_NAMES = ("HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK", "HUAWEICLOUD_SDK_SECURITY_TOKEN")
_FUNCTION_NAME = "nightdrop"
_MEMORY = 512  # megabytes
_TIMEOUT = "60"  # seconds, as text like the environment's values
_LARGEST_TIMEOUT = 259_200  # seconds; the platform's own limit


@dataclass(frozen=True)
class Keys:
    """The keys that sign requests; all empty without an agency and without keys."""

    access_key: str = field(default="", repr=False)
    secret_key: str = field(default="", repr=False)
    token: str = field(default="", repr=False)


@final
class Agency:
    """The agency of a process; safe for use by several threads.

    `url` answers a GET with JSON: `ak`, `sk` and `token`. Times are in seconds.
    """

    def __init__(
        self, url: str, clock: Callable[[], float], cache_seconds: float = CACHE_SECONDS
    ) -> None:
        self._url = url
        self._clock = clock
        self._cache_seconds = cache_seconds
        self._lock = Lock()
        self._cached: tuple[float, Keys] | None = None

    def keys(self) -> Keys:
        """Return a set of keys, fetched now or within the cache period.

        Raises:
            CredentialsError: The keys could not be fetched.
        """
        with self._lock:
            now = self._clock()
            if self._cached is None or now - self._cached[0] >= self._cache_seconds:
                self._cached = now, _fetch(self._url)
            return self._cached[1]


def agency_of(environ: Mapping[str, str], clock: Callable[[], float]) -> Agency | None:
    """Return the agency that an environment sets, None if it sets none.

    `DESK_AGENCY` is the agency's URL, `DESK_AGENCY_CACHE` the cache period in seconds, by default
    600.

    Raises:
        SettingsError: The cache period is not a number of seconds.
    """
    url = environ.get("DESK_AGENCY", "")
    return Agency(url, clock, _cache_seconds(environ.get("DESK_AGENCY_CACHE", ""))) if url else None


def _fetch(url: str) -> Keys:
    import urllib3  # only a process with an agency pays for it

    try:
        with urllib3.PoolManager(retries=False, timeout=_ANSWER_SECONDS) as pool:
            answer: Any = pool.request("GET", url).json()
        return Keys(*(str(answer[name]) for name in ("ak", "sk", "token")))
    except (urllib3.exceptions.HTTPError, ValueError, LookupError, TypeError) as error:
        raise CredentialsError(
            "cannot fetch keys from DESK_AGENCY; start the emulator, which issues them at "
            "/_emulator/credentials, or unset it to run without an agency"
        ) from error


def _cache_seconds(text: str) -> float:
    try:
        seconds = float(text or CACHE_SECONDS)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise SettingsError("DESK_AGENCY_CACHE must be a number of seconds, 0 or more")
    return seconds


@dataclass(frozen=True)
class Context:
    """The context that FunctionGraph passes to a function, with the platform's methods.

    Values that the platform leaves empty without an agency are empty here, too. Times are seconds
    of a monotonic clock. With `odd_clock` the remaining time is computed as in openEuler YuanRong,
    the engine of the platform.
    """

    request_id: str
    timeout: int
    clock: Callable[[], float]
    started: float
    keys: Keys = field(default_factory=Keys, repr=False)
    project_id: str = ""
    user_data: Mapping[str, str] = field(default_factory=dict, repr=False)
    odd_clock: bool = False

    @classmethod
    def from_environment(
        cls,
        environ: Mapping[str, str],
        request_id: str = "",
        clock: Callable[[], float] = time.monotonic,
        agency: Agency | None = None,
    ) -> Context:
        """Return the context of an invocation that starts now; its id is random unless given.

        The keys are those of the given agency, whose cache a process shares, or of the one at
        `DESK_AGENCY`. Without an agency they are those of the SDK's environment variables,
        `HUAWEICLOUD_SDK_AK`, `_SK` and `_SECURITY_TOKEN`. `RUNTIME_TIMEOUT` is the allowed time in
        seconds, by default 60. `DESK_ODD_CLOCK=1` computes the remaining time as YuanRong does.
        User data is empty, so settings come from the environment.

        Raises:
            SettingsError: `RUNTIME_TIMEOUT` or `DESK_AGENCY_CACHE` is invalid.
            CredentialsError: The agency's keys could not be fetched.
        """
        agency = agency or agency_of(environ, clock)
        # Before the clock is read: the platform fetches keys before the invocation's time starts.
        keys = agency.keys() if agency else Keys(*(environ.get(name, "") for name in _KEY_NAMES))
        return cls(
            request_id=request_id or str(uuid.uuid4()),
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
        """Return the remaining milliseconds, 0 when the time is over.

        With the odd clock the allowed seconds count as milliseconds, as in YuanRong: the time is
        over at once, and the result becomes negative.
        """
        passed = self.clock() - self.started
        if self.odd_clock:
            return int(self.timeout - passed * 1000)
        return max(0, int((self.timeout - passed) * 1000))

    def getRunningTimeInSeconds(self) -> int:
        """Return the allowed seconds, in spite of the name."""
        return self.timeout

    def getAccessKey(self) -> str:
        """Return "": deprecated, replaced by `getSecurityAccessKey`."""
        return ""

    def getSecretKey(self) -> str:
        """Return "": deprecated, replaced by `getSecuritySecretKey`."""
        return ""

    def getSecurityAccessKey(self) -> str:
        """Return the agency's access key id."""
        return self.keys.access_key

    def getSecuritySecretKey(self) -> str:
        """Return the agency's secret key."""
        return self.keys.secret_key

    def getSecurityToken(self) -> str:
        """Return the security token of the agency's keys."""
        return self.keys.token

    def getToken(self) -> str:
        """Return the agency's IAM token, locally ""."""
        return ""

    def getUserData(self, key: str, default: str | None = None) -> str | None:
        """Return one of the function's settings, or the default."""
        return self.user_data.get(key, default)

    def getFunctionName(self) -> str:
        """Return the function's name."""
        return _FUNCTION_NAME

    def getVersion(self) -> str:
        """Return the function's version."""
        return "latest"

    def getPackage(self) -> str:
        """Return the function's group."""
        return "default"

    def getAlias(self) -> str:
        """Return the alias that the function was called by, locally ""."""
        return ""

    def getMemorySize(self) -> int:
        """Return the megabytes that the function may use."""
        return _MEMORY

    def getCPUNumber(self) -> int:
        """Return the share of a processor in thousandths, which depends on the memory."""
        return _MEMORY * 100 // 128 + 200

    def getProjectID(self) -> str:
        """Return the project's id."""
        return self.project_id

    def getLogger(self) -> logging.Logger:
        """Return the function's logger; unlike the platform's stub it adds no handlers."""
        return logging.getLogger(_FUNCTION_NAME)


def _seconds(text: str) -> int:
    if text.isascii() and text.isdecimal() and len(text) < 10:  # noqa: PLR2004 - far beyond the limit
        seconds = int(text)
        if 1 <= seconds <= _LARGEST_TIMEOUT:
            return seconds
    raise SettingsError(f"RUNTIME_TIMEOUT must be a number of seconds, 1 to {_LARGEST_TIMEOUT}")
