"""The circuit breaker: holds all sending when too many jobs fail on the fleet.

It is decided in the commit that records how a job ended, so no instance that ends in between can
leave it out. A person releases it (`nightdrop release`); what ended before that no longer counts.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from handler.audit.record import Draft
from handler.values.canonical_json import timestamp
from handler.values.named_tuple import NamedTuple

if TYPE_CHECKING:
    from handler.audit.log import View

BREAKER_WINDOW = timedelta(hours=1)
"""Jobs that ended longer ago do not count."""


class Breaker(NamedTuple):
    """When the circuit breaker holds sending.

    Attributes:
        share: The share of the jobs that ended within the last hour that may have failed.
        jobs: How many must have ended before that share counts.
    """

    share: float
    jobs: int


def trip(breaker: Breaker | None, view: View) -> tuple[Draft, ...]:
    """Return the record that holds sending, if more jobs failed than the operator's share.

    Without a breaker there is none, and none if sending is held already.
    """
    if breaker is None or view.switch("hold"):
        return ()
    ended, failed = view.fleet_ends(timestamp(view.now - BREAKER_WINDOW))
    if ended < breaker.jobs or failed / ended <= breaker.share:
        return ()
    note = (
        f"circuit breaker: {failed} of {ended} jobs that ended within the last hour failed on "
        f"the fleet, more than NIGHTDROP_BREAKER={breaker.share:g} allows; find out why, then "
        "`nightdrop release`"
    )
    return (Draft("sending.held", "failure", actor={"kind": "circuit breaker"}, note=note),)
