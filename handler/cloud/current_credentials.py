"""Keys and end of the latest invocation, for what is opened once and asks OBS in all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handler.cloud.credentials import Credentials

if TYPE_CHECKING:
    from handler.runtime.deadline import Deadline

_NONE = Credentials("", "", missing="no call has brought credentials yet")


class CurrentCredentials:
    """Holds the latest keys; temporary ones end while an instance lives on.

    Args:
        keys: The first ones.
    """

    def __init__(self, keys: Credentials = _NONE) -> None:
        self._keys = keys
        self._deadline: Deadline | None = None

    def use(self, keys: Credentials, deadline: Deadline | None = None) -> None:
        """Sign with these from now on, and ask for nothing beyond the end of the invocation."""
        self._keys, self._deadline = keys, deadline

    def current(self) -> Credentials:
        """Return the keys to sign with."""
        return self._keys

    def deadline(self) -> Deadline | None:
        """Return the end of the latest invocation; None before the first one."""
        return self._deadline
