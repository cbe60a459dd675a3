"""The bodies of what is not settled yet: one object per commit, beside the chain, never in it.

An object is written before the append that refers to it, under the commit's own random id, so that
a commit that lost its race cannot leave another body under somebody else's job. It is removed when
everything it came with is settled, or the commit is known not to stand. One that is left over by a
killed instance is harmless.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING

from handler.errors import CloudError, LogBrokenError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from handler.audit.objects.object_store import ObjectStore

_KEPT = 8
"""How many commits' bodies an instance remembers; one commit may plan thousands of jobs."""


class Outbox:
    """The bodies, written and read a commit at a time.

    Args:
        objects: Where they are kept.
        insist: Runs a request until it succeeds.
    """

    def __init__(
        self,
        objects: ObjectStore,
        retry: Callable[[Callable[[], bytes | None]], bytes | None],
    ) -> None:
        self._objects = objects
        self._insist = retry
        self._known: dict[str, Mapping[str, str]] = {}

    def put(self, commit: str, bodies: Mapping[str, str]) -> None:
        """Write the bodies that come with a commit, if any do."""
        if not bodies:
            return
        data = json.dumps(bodies).encode()
        self._insist(lambda: self._objects.write(_name(commit), data))
        self._remember(commit, bodies)

    def get(self, commit: str, key: str) -> str | None:
        """Return the body of a job or delivery that came with a commit, None if it is gone."""
        if commit not in self._known:
            data = self._insist(lambda: self._objects.read(_name(commit)))
            if data is None:
                return None
            try:
                self._remember(commit, dict(json.loads(data)))
            except (ValueError, TypeError) as error:
                raise LogBrokenError(
                    f"{self._objects.place}{_name(commit)} is no outbox; its jobs cannot be sent: "
                    "give them up with `nightdrop job abandon`"
                ) from error
        return self._known[commit].get(key)

    def drop(self, commit: str) -> None:
        """Remove what came with a commit; what cannot be removed stays, and harms nobody."""
        self._known.pop(commit, None)
        with suppress(CloudError):
            self._objects.delete(_name(commit))

    def _remember(self, commit: str, bodies: Mapping[str, str]) -> None:
        self._known[commit] = bodies
        while len(self._known) > _KEPT:
            del self._known[next(iter(self._known))]


def _name(commit: str) -> str:
    return f"outbox/{commit}"
