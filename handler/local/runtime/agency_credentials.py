"""Fetches an agency's temporary keys, as the platform does for a function."""

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
"""How long the platform caches fetched keys."""

_ANSWER_SECONDS = 5.0


@dataclass(frozen=True)
class Keys:
    """The keys that sign requests; all empty without an agency and without keys.

    Attributes:
        access_key: The access key id.
        secret_key: Its secret key.
        token: The security token of temporary keys, "" for permanent ones.
    """

    access_key: str = field(default="", repr=False)
    secret_key: str = field(default="", repr=False)
    token: str = field(default="", repr=False)


@final
class Agency:
    """The agency of a process; safe for use by several threads.

    Args:
        url: Answers a GET with JSON: `ak`, `sk` and `token`.
        clock: A monotonic clock, in seconds.
        cache_seconds: How long keys are cached.
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
    return Agency(url, clock, _seconds(environ.get("DESK_AGENCY_CACHE", ""))) if url else None


def _fetch(url: str) -> Keys:
    try:
        with urllib3.PoolManager(retries=False, timeout=_ANSWER_SECONDS) as pool:
            answer: Any = pool.request("GET", url).json()
        return Keys(*(str(answer[name]) for name in ("ak", "sk", "token")))
    except (urllib3.exceptions.HTTPError, ValueError, LookupError, TypeError) as error:
        raise CredentialsError(
            "cannot fetch keys from DESK_AGENCY; start the emulator, which issues them at "
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
