"""The bodies of jobs and deliveries that are not settled yet: one object per commit.

An object is written before the append that refers to it, and its name is the commit's random id, so
that a commit that is refused cannot change the body of another writer's job. It is deleted when all
its bodies are settled, or when its commit cannot reach the log any more. One that a killed instance
leaves is harmless.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING

from handler.errors import CloudError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from handler.audit.objects.object_store import ObjectStore

_MOST_CACHED = 8
"""The most commits whose bodies are cached; one commit may plan thousands of jobs."""


class Outbox:
    """Writes and reads the bodies of one commit at a time."""

    def __init__(
        self, objects: ObjectStore, retry: Callable[[Callable[[], bytes | None]], bytes | None]
    ) -> None:
        self._objects = objects
        self._retry = retry
        self._cache: dict[str, Mapping[str, str]] = {}

    def put(self, commit: str, bodies: Mapping[str, str]) -> None:
        """Write the bodies of a commit, if it has any."""
        if not bodies:
            return
        data = json.dumps(bodies).encode()
        self._retry(lambda: self._objects.write(_name(commit), data))
        self._add_to_cache(commit, bodies)

    def get(self, commit: str, key: str) -> str | None:
        """Return the body of a job or delivery from a commit; None if it is missing or unreadable.

        `audit verify` tells what is unreadable; for whoever needs the body it is gone.
        """
        if commit not in self._cache:
            data = self._retry(lambda: self._objects.read(_name(commit)))
            if data is None:
                return None
            self._add_to_cache(commit, _bodies_in(data))
        return self._cache[commit].get(key)

    def drop(self, commit: str) -> None:
        """Delete the bodies of a commit. An object that cannot be deleted is harmless."""
        self._cache.pop(commit, None)
        with suppress(CloudError):
            self._objects.delete(_name(commit))

    def _add_to_cache(self, commit: str, bodies: Mapping[str, str]) -> None:
        self._cache[commit] = bodies
        while len(self._cache) > _MOST_CACHED:
            del self._cache[next(iter(self._cache))]


def _bodies_in(data: bytes) -> dict[str, str]:
    """Return the bodies in an object; none if it is damaged."""
    try:
        stored = json.loads(data)
    except ValueError:
        return {}
    bodies = stored.items() if isinstance(stored, dict) else ()
    return {key: body for key, body in bodies if isinstance(body, str)}


def _name(commit: str) -> str:
    return f"outbox/{commit}"
