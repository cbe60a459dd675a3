"""An agency's temporary keys, as the platform fetches them for a function."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any, final

import urllib3

from handler.errors import CredentialsError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

CACHE_SECONDS = 600.0
"""For how long the platform hands out the keys that it has once fetched."""

_ANSWER_SECONDS = 5.0


@dataclass(frozen=True)
class Keys:
    """What requests are signed with; all empty where there are none.

    Attributes:
        access_key: The access key id.
        secret_key: The secret key that belongs to it.
        token: The security token of temporary keys; "" with permanent ones.
    """

    access_key: str = field(default="", repr=False)
    secret_key: str = field(default="", repr=False)
    token: str = field(default="", repr=False)


@final
class Agency:
    """The agency of the functions in one process; any thread may ask it.

    Args:
        url: Answers a GET with JSON: `ak`, `sk` and `token`.
        clock: A monotonic clock, in seconds.
        cache_seconds: For how long keys are handed out before they are fetched again.
    """

    def __init__(
        self, url: str, clock: Callable[[], float], cache_seconds: float = CACHE_SECONDS
    ) -> None:
        self._url = url
        self._clock = clock
        self._cache_seconds = cache_seconds
        self._lock = Lock()
        self._kept: tuple[float, Keys] | None = None

    def keys(self) -> Keys:
        """Return one set of keys, fetched now or within the cache period.

        Raises:
            CredentialsError: They must be fetched, and nobody answers with keys.
        """
        with self._lock:
            now = self._clock()
            if self._kept is None or now - self._kept[0] >= self._cache_seconds:
                self._kept = now, _fetched(self._url)
            return self._kept[1]


def agency_of(environ: Mapping[str, str], clock: Callable[[], float]) -> Agency | None:
    """Return the agency that an environment gives a function, None if it gives none.

    `DESK_AGENCY` is the agency's URL; `DESK_AGENCY_CACHE` the cache period in seconds, 600 without
    it.

    Raises:
        SettingsError: The cache period is not a number of seconds.
    """
    url = environ.get("DESK_AGENCY", "")
    return Agency(url, clock, _seconds(environ.get("DESK_AGENCY_CACHE", ""))) if url else None


def _fetched(url: str) -> Keys:
    try:
        with urllib3.PoolManager(retries=False, timeout=_ANSWER_SECONDS) as pool:
            said: Any = pool.request("GET", url).json()
        return Keys(*(str(said[name]) for name in ("ak", "sk", "token")))
    except (urllib3.exceptions.HTTPError, ValueError, LookupError, TypeError) as error:
        raise CredentialsError(
            "nobody answers with keys at DESK_AGENCY: start the emulator, whose page is "
            "/_emulator/credentials, or unset it to run without an agency"
        ) from error


def _seconds(text: str) -> float:
    try:
        seconds = float(text or CACHE_SECONDS)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise SettingsError("DESK_AGENCY_CACHE must be a number of seconds, 0 or more")
    return seconds
