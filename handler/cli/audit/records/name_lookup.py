"""What a person means by a name, an id or a key, or by the beginning of one.

Nothing is read here: whoever reads a log, from wherever, hands over what stands in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from handler.cli.console import printable
from handler.values.canonical_json import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MOST_SHOWN = 10
"""Candidates that a message lists."""

_LIKENESS = 0.6
_SEPARATORS = ":/"
_MOST_COMPARED = 2000


@dataclass(frozen=True)
class Candidate:
    """A job or a delivery, with what it can be called by.

    Attributes:
        kind: `job` or `delivery`.
        key: Its key.
        names: Its other names, the most usual first: a job's name and its id at the API, a
            delivery's subject and what of it follows the last slash.
    """

    kind: str
    key: str
    names: tuple[str, ...] = ()

    def is_called(self, what: str) -> bool:
        """Return whether this is its whole name or key."""
        return what in (self.key, *self.names)

    def begins(self, what: str) -> bool:
        """Return whether its key or one of its names begins so, a subject by whole parts."""
        if self.kind == "job":
            return begins(what, (self.key, *self.names))
        subject, *files = self.names or ("",)
        return begins(what, (self.key, *files)) or _begins_subject(what, subject)

    def __str__(self) -> str:
        name = self.names[0] if self.names and self.names[0] else self.kind
        return f"{printable(name)} ({self.kind} {shown(self.key)})"


def begins(what: str, names: Iterable[object]) -> bool:
    """Return whether one of some names begins with what a person gave."""
    return any(isinstance(name, str) and name.startswith(what) for name in names)


def _begins_subject(what: str, subject: str) -> bool:
    """Return whether a subject begins so, by whole parts; of an object the last one may be begun.

    A letter that a timer's subject begins with, `timer:nightly:…`, means nobody's timer.
    """
    if not what or not subject.startswith(what):
        return False
    rest = subject[len(what) :]
    whole = not rest or rest[0] in _SEPARATORS or what[-1] in _SEPARATORS
    return whole or ("/" in subject and "/" not in rest)


def find_matches(what: str, known: Iterable[Candidate]) -> list[Candidate]:
    """Return what is meant: all that are called so, or else the one whose name begins so.

    Args:
        what: What a person gave.
        known: What stands in the log, the latest first.

    Raises:
        LookupError: Nothing is meant, or it could be several; the message lists them.
    """
    found: list[Candidate] = []
    others: list[Candidate] = []
    for one in known:
        (found if what and one.begins(what) else others).append(one)
    exact = [one for one in found if one.is_called(what)]
    if exact and len(exact) <= MOST_SHOWN:
        return exact
    if len(found) == 1:
        return found
    raise LookupError(_several(what, exact or found) if found else _nothing(what, others))


def find_one(what: str, known: Iterable[Candidate]) -> Candidate:
    """Return the one that is meant.

    Raises:
        LookupError: Nothing is meant, or it could be several; the message lists them.
    """
    found = find_matches(what, known)
    if len(found) > 1:
        raise LookupError(_several(what, found))
    return found[0]


def _several(what: str, found: Sequence[Candidate]) -> str:
    listed = "\n".join(f"  {one}" for one in found[:MOST_SHOWN])
    more = len(found) - MOST_SHOWN
    rest = f"\n  … and {more} more" if more > 0 else ""
    return f"{printable(what)} could be any of these; give more of it, or the key:\n{listed}{rest}"


def _nothing(what: str, others: Sequence[Candidate]) -> str:
    names = [name for one in others[:_MOST_COMPARED] for name in one.names]
    within = [name for name in names if what and what in name]
    # Names end in what makes them unique, so their beginnings are compared.
    heads = {name[: len(what) + 2]: name for name in reversed(names)}
    close = [heads[head] for head in get_close_matches(what, heads, MOST_SHOWN, _LIKENESS)]
    similar = [printable(name) for name in dict.fromkeys([*within, *close])][:MOST_SHOWN]
    said = f'Nothing named "{printable(what)}".'
    if similar:
        return f"{said} Similar: {', '.join(similar)}"
    return f"{said} `nightdrop audit list` shows what there is."
