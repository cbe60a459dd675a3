"""An object store in memory, as strict as the real one, that misbehaves where a test says so."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from threading import RLock
from typing import TYPE_CHECKING, TypeVar

from handler.errors import ObjectError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")

START = datetime(2026, 11, 23, 2, tzinfo=timezone.utc)


@dataclass
class StoredObjects:
    """What several stores share: the objects, and the clock.

    Attributes:
        objects: The objects by name.
        put: The names of those that cannot be appended to.
        seconds: What the clock has gained.
    """

    objects: dict[str, bytes] = field(default_factory=dict)
    put: set[str] = field(default_factory=set)
    seconds: float = 0.0
    lock: RLock = field(default_factory=RLock)

    def copy(self) -> StoredObjects:
        """Return a copy that shares nothing that changes."""
        return StoredObjects(dict(self.objects), set(self.put), self.seconds)


@dataclass
class MemoryObjects:
    """A folder of stored objects, as one instance sees it.

    Attributes:
        bucket: The stored objects.
        around: Called with each verb, the name and what would be done; it may do it, or raise.
        asked: How often each verb was asked for.
    """

    bucket: StoredObjects = field(default_factory=StoredObjects)
    around: Callable[[str, str, Callable[[], None]], None] = lambda _verb, _name, do: do()
    asked: Counter[str] = field(default_factory=Counter)
    closed: bool = False
    place: str = "obs://bucket/audit/"

    def append(self, name: str, position: int, data: bytes) -> bool:
        """Append where the object ends."""

        def do() -> bool:
            if name in self.bucket.put:
                raise ObjectError(f"{self.place}{name}: it cannot be appended to")
            held = self.bucket.objects.get(name, b"")
            if len(held) != position:
                return False
            self.bucket.objects[name] = held + data
            return True

        return self._done("append", name, do)

    def read(self, name: str, first: int = 0) -> bytes | None:
        """Return an object's bytes, or None."""

        def do() -> bytes | None:
            held = self.bucket.objects.get(name)
            return None if held is None else held[first:]

        return self._done("read", name, do)

    def write(self, name: str, data: bytes) -> None:
        """Replace an object."""

        def do() -> None:
            self.bucket.put.add(name)
            self.bucket.objects[name] = data

        self._done("write", name, do)

    def delete(self, name: str) -> None:
        """Remove an object."""
        self._done("delete", name, lambda: self.bucket.objects.pop(name, None))

    def names(self) -> Iterator[str]:
        """Yield the names of all objects."""
        yield from sorted(self.bucket.objects)

    def now(self) -> datetime:
        """Return the clock of the stored objects."""
        return START + timedelta(seconds=self.bucket.seconds)

    def close(self) -> None:
        """Record that it was closed."""
        self.closed = True

    def _done(self, verb: str, name: str, do: Callable[[], T]) -> T:
        result: list[T] = []

        def once() -> None:
            with self.bucket.lock:
                result.append(do())

        self.asked[verb] += 1
        self.around(verb, name, once)
        return result[0]
