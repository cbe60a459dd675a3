"""Finds jobs, rollouts and deliveries by a name, an id or a key, or by the beginning of one."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from handler.audit.job_end import shown_state
from handler.audit.search import MOST_FOUND
from handler.values.canonical_json import short_key
from handler.values.display import display

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from handler.audit.job_state import JobState
    from handler.audit.log import View

MOST_SHOWN = 10
"""Candidates that a message lists."""

_LIKENESS = 0.6
_LIST = "nightdrop audit list"
_SEPARATORS = ":/"
_MOST_COMPARED = 2000


@dataclass(frozen=True)
class Candidate:
    """A job, a rollout or a delivery that a name may mean.

    Attributes:
        kind: `job`, `rollout` or `delivery`.
        key: Its key.
        names: Its other names, the most usual first: a job's name and its ids at the API; a
            delivery's subject and the part of it after the last slash.
        about: What tells it from others of the same name: how it stands, and from when it is.
    """

    kind: str
    key: str
    names: tuple[str, ...] = ()
    about: str = ""

    def is_called(self, what: str) -> bool:
        """Return whether this is its full name or key."""
        return what in (self.key, *self.names)

    def begins(self, what: str) -> bool:
        """Return whether its key or a name begins with a text; a subject only with whole parts."""
        if self.kind != "delivery":
            return begins(what, (self.key, *self.names))
        subject, *files = self.names or ("",)
        return begins(what, (self.key, *files)) or _begins_subject(what, subject)

    def __str__(self) -> str:
        name = self.names[0] if self.names and self.names[0] else self.kind
        about = f", {self.about}" if self.about else ""
        return f"{display(name)} ({self.kind} {short_key(self.key)}{about})"


def find_job(view: View, what: str) -> JobState:
    """Return the job with a name, id or key, or the beginning of one.

    Raises:
        LookupError: No job has this name, or several have; the message lists candidates.
    """
    deliveries = view.find(what)
    jobs = [job for delivery in deliveries for job in reversed(delivery.jobs)]
    known = {job.key: job for job in jobs} or {
        job.key: job for job in view.latest_jobs(_MOST_COMPARED)
    }
    found = find_one(
        what,
        [
            Candidate(
                "job",
                job.key,
                tuple(filter(None, (job.name, job.job_id, *job.other_ids.split()))),
                f"{shown_state(job)}, planned {job.planned_at[:16].replace('T', ' ')}",
            )
            for job in known.values()
        ],
        "nightdrop jobs list",
    )
    if len(deliveries) >= MOST_FOUND and not found.is_called(what):
        raise LookupError(f"{display(what)} begins too many names; give more of it, or the key")
    return known[found.key]


def find_matches(what: str, known: Iterable[Candidate], listing: str = _LIST) -> list[Candidate]:
    """Return all candidates with a name, or else the only one whose name begins with it.

    Args:
        what: The name, or its beginning.
        known: The candidates, the latest first.
        listing: The command that lists them all, for the message that nothing is similar.

    Raises:
        LookupError: Nothing matches, or several do; the message lists candidates.
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
    raise LookupError(
        _list_candidates(what, exact or found) if found else _suggest_names(what, others, listing)
    )


def find_one(what: str, known: Iterable[Candidate], listing: str = _LIST) -> Candidate:
    """Return the single candidate with a name, as `find_matches` does.

    Raises:
        LookupError: As for `find_matches`; also if several candidates have the same name.
    """
    found = find_matches(what, known, listing)
    if len(found) > 1:
        raise LookupError(_list_candidates(what, found))
    return found[0]


def begins(what: str, names: Iterable[object]) -> bool:
    """Return whether one of several names begins with a text."""
    return any(isinstance(name, str) and name.startswith(what) for name in names)


def _begins_subject(what: str, subject: str) -> bool:
    """Return whether a subject begins with whole parts; the last part of an object may be cut.

    The subject of a timer is `timer:nightly:…`: one letter of it must not match every timer.
    """
    if not what or not subject.startswith(what):
        return False
    rest = subject[len(what) :]
    whole = not rest or rest[0] in _SEPARATORS or what[-1] in _SEPARATORS
    return whole or ("/" in subject and "/" not in rest)


def _list_candidates(what: str, found: Sequence[Candidate]) -> str:
    listed = "\n".join(f"  {one}" for one in found[:MOST_SHOWN])
    more = len(found) - MOST_SHOWN
    rest = f"\n  … and {more} more" if more > 0 else ""
    return f"{display(what)} could be any of these; give more of it, or the key:\n{listed}{rest}"


def _suggest_names(what: str, others: Sequence[Candidate], listing: str) -> str:
    names = [name for one in others[:_MOST_COMPARED] for name in one.names]
    containing = [name for name in names if what and what in name]
    # Names end in what makes them unique, so only their beginnings are compared.
    heads = {name[: len(what) + 2]: name for name in reversed(names)}
    close = [heads[head] for head in get_close_matches(what, heads, MOST_SHOWN, _LIKENESS)]
    similar = [display(name) for name in dict.fromkeys([*containing, *close])][:MOST_SHOWN]
    message = f'Nothing named "{display(what)}".'
    if similar:
        return f"{message} Similar: {', '.join(similar)}"
    return f"{message} `{listing}` shows what there is."
