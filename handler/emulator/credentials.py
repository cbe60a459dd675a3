"""The account whose requests the emulator accepts, and temporary keys for it.

The temporary keys of each period are derived from the account's secret key. So nothing is stored,
and keys stay valid over a restart of the emulator.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from handler.values.canonical_json import Json

ROTATION_SECONDS = 600.0
"""How long the same keys are issued, by default."""

# FunctionGraph caches keys for ten minutes. Keys that are fetched at the end of their period,
# cached for another and used for a third are still valid.
_VALID_PERIODS = 3


@dataclass(frozen=True)
class Account:
    """One set of keys and the project they belong to; only temporary keys have a security token."""

    access_key: str
    secret_key: str = field(repr=False)
    project_id: str
    security_token: str = field(default="", repr=False)


DEMO_ACCOUNT = Account(
    access_key="NIGHTDROPEMULATOR001",
    secret_key="only-good-for-the-emulator",  # noqa: S106 - opens nothing but the emulator
    project_id="0b1c2d3e4f5061728394a5b6c7d8e9f0",
)
"""The default account."""


def same(given: str, expected: str) -> bool:
    """Compare two texts in constant time; the given one may hold any characters."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode())


@dataclass(frozen=True)
class CredentialIssuer:
    """Issues temporary keys of an account, whose permanent keys never expire.

    The same keys are issued for `rotation` seconds, above 0, and are valid for three times as long
    from the start of that period. The clock is in seconds since 1970.
    """

    account: Account
    clock: Callable[[], float]
    rotation: float = ROTATION_SECONDS

    def credentials(self) -> dict[str, Json]:
        """Return the keys of this period as `ak`, `sk`, `token` and `expires_at` (RFC 3339)."""
        period = self._period()
        keys = self._keys(period)
        end = datetime.fromtimestamp((period + _VALID_PERIODS) * self.rotation, timezone.utc)
        return {
            "ak": keys.access_key,
            "sk": keys.secret_key,
            "token": keys.security_token,
            "expires_at": end.isoformat().replace("+00:00", "Z"),
        }

    def account_of(self, access_key: str) -> Account:
        """Return the account with the temporary keys that an access key belongs to.

        For an expired or unknown access key, return the permanent keys: it does not match them and
        is refused as any access key that does not exist.
        """
        now = self._period()
        alive = (self._keys(period) for period in range(now, now - _VALID_PERIODS, -1))
        return next((keys for keys in alive if same(access_key, keys.access_key)), self.account)

    def _period(self) -> int:
        return int(self.clock() // self.rotation)

    def _keys(self, period: int) -> Account:
        return replace(
            self.account,
            access_key=self._derived("ak", period)[:20].upper(),
            secret_key=self._derived("sk", period)[:40],
            security_token=self._derived("token", period),
        )

    def _derived(self, part: str, period: int) -> str:
        message = f"{part} {period} {self.rotation}".encode()
        return hmac.new(self.account.secret_key.encode(), message, hashlib.sha256).hexdigest()
