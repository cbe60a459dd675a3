"""The interface of an object store that the log in objects uses: one folder, a few operations.

The log knows nothing else of a store, so it can be tested with any implementation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime


class ObjectStore(Protocol):
    """A folder of objects that many instances read and write at once.

    Names are relative to the folder. Every operation may raise `CloudError`: after a retryable one
    it is unknown whether the request was executed.
    """

    @property
    def place(self) -> str:
        """The address of the folder, for messages: `obs://bucket/prefix/`."""

    def append(self, name: str, position: int, data: bytes) -> bool:
        """Append data to an object that is `position` bytes long; position 0 creates it.

        Returns:
            False if the object has another length: another writer was first, nothing was appended.

        Raises:
            ObjectError: The object cannot be appended to.
        """

    def read(self, name: str, first: int = 0) -> bytes | None:
        """Return the current bytes of an object from `first` on, or None if it does not exist.

        Args:
            name: The object.
            first: The first byte; a negative number counts from the end.
        """

    def write(self, name: str, data: bytes) -> None:
        """Create or replace an object."""

    def delete(self, name: str) -> None:
        """Delete an object, if it exists."""

    def names(self) -> Iterator[str]:
        """Yield the names of all objects in order."""

    def now(self) -> datetime:
        """Return the store's clock, aware."""

    def close(self) -> None:
        """Close the connections."""
