"""Retention of the state: closed deliveries are forgotten after a time, their records never.

Forgetting is a record like any other, `state.forgotten`, which names the moment before which closed
deliveries leave the state. Folding that record deletes their rows, so every store, every instance,
a rebuild and `nightdrop audit verify` derive the same state from the records alone.

A delivery that was forgotten is unknown again: if it arrives once more, it is planned as new.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from handler.audit.actions import FORGOTTEN
from handler.audit.log import Decision
from handler.audit.record import Draft
from handler.values.canonical_json import timestamp

if TYPE_CHECKING:
    from handler.audit.log import Decide, Log, View

_SLACK = timedelta(days=1)
"""How much longer than asked for a delivery may be remembered: at most one record a day."""


def forget_closed(remember_for: timedelta) -> Decide[None]:
    """Decide to forget the deliveries that have been closed and untouched for some time.

    Args:
        remember_for: How long a closed delivery is remembered. It must be longer than a job can be
            valid and than the bucket scan looks back: the settings see to that.
    """

    def decide(view: View) -> Decision[None]:
        before = view.now - remember_for
        if not view.has_closed_before(timestamp(before - _SLACK)):
            return Decision(None)
        date = timestamp(before)
        draft = Draft(
            action=FORGOTTEN,
            outcome="success",
            request={"operation": "forget", "date": date},
            note=f"deliveries that were closed before {date[:19]}Z are unknown again; "
            "their records stay",
        )
        return Decision(None, (draft,))

    return decide


def forget(log: Log, remember_for: timedelta) -> None:
    """Forget what has been closed for long enough; append nothing if there is nothing.

    Raises:
        LogError: The log could not be read or written.
    """
    decide = forget_closed(remember_for)
    if log.read(decide, fresh=False).drafts:
        log.commit(decide)
