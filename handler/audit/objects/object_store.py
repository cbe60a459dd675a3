"""What the log in objects asks of an object store: one folder of it, and a few verbs.

The log is handed a store and knows no more of it than this, so that it can be tried against any.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime


class ObjectStore(Protocol):
    """A folder of objects that many instances read and write at once.

    Names are relative to the folder. Every verb may raise `CloudError`: after one that is
    retryable nobody knows whether the request was carried out.
    """

    @property
    def place(self) -> str:
        """Where the folder is, for messages: `obs://bucket/prefix/`."""

    def append(self, name: str, position: int, data: bytes) -> bool:
        """Append data to an object that is `position` bytes long; at 0 this creates it.

        Returns:
            False if the object has another length: somebody was first, and nothing was appended.

        Raises:
            ObjectError: The object is none that can be appended to (any more).
        """

    def read(self, name: str, first: int = 0) -> bytes | None:
        """Return an object's bytes from `first` on, as they stand now; None if there is none.

        Args:
            name: The object.
            first: The first byte; a negative number counts from the end.
        """

    def write(self, name: str, data: bytes) -> None:
        """Write an object, replacing what is there."""

    def delete(self, name: str) -> None:
        """Remove an object; it need not be there."""

    def names(self) -> Iterator[str]:
        """Yield the names of all objects, in their order."""

    def now(self) -> datetime:
        """Return the store's clock, aware."""

    def close(self) -> None:
        """Let go of connections."""
