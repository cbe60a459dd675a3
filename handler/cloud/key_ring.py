"""The keys of the latest invocation, for what is opened once and signs in all of them."""

from __future__ import annotations

from handler.cloud.credentials import Credentials

_NONE = Credentials("", "", missing="no call has brought credentials yet")


class KeyRing:
    """Holds the latest keys; temporary ones end while an instance lives on.

    Args:
        keys: The first ones.
    """

    def __init__(self, keys: Credentials = _NONE) -> None:
        self._keys = keys

    def use(self, keys: Credentials) -> None:
        """Sign with these from now on."""
        self._keys = keys

    def current(self) -> Credentials:
        """Return the keys to sign with."""
        return self._keys
