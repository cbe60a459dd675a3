"""Whether a delivery is new, was seen before, or starts over, as a decision on the log.

unknown key            its plan, if the spec came with the event; else delivery.received, go on
received, no plan      its plan as above; else delivery.received once more, go on from the start
planned, jobs open     delivery.repeated, resume from the outbox
refused, all of it     delivery.received under the key of its next run, go on
decided                delivery.repeated, answer from the log
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from handler.audit.log import Decision, followed_by
from handler.deliveries.decisions import Decided, known_delivery
from handler.deliveries.records import draft_about, repeated
from handler.values.canonical_json import key_of, sha256_hex, short_key

if TYPE_CHECKING:
    from handler.audit.log import Decide, View
    from handler.audit.record import Draft
    from handler.audit.state import DeliveryState
    from handler.triggers.delivery import Delivery


def receive(delivery: Delivery, plan: Decide[Decided] | None = None) -> Decide[Decided]:
    """Decide whether a delivery is new, was seen before, or starts over.

    A wrong setting may have had all of it refused, say. Then nothing of it is on the fleet, and
    when it comes again it is run again, under a key that follows from its own: with jobs, marks
    and names of its own, and as safe from duplicates as any other delivery. A copy that the
    platform delivers right after the refusal is also run again: it is refused again, or created
    once. This ends, because a refused delivery is answered and not retried.

    Args:
        delivery: The delivery.
        plan: Plans it, where nothing must be read for that: a delivery that was not planned yet
            is planned in the same commit, and is not recorded as received before.
    """

    def decide(view: View) -> Decision[Decided]:
        run, seen, earlier = latest_run_of(view, delivery)
        if seen and seen.state != "received":
            value = Decided(run, _repeated_by(view, seen), seen=True)
            return Decision(value, (repeated(run, seen),))
        if plan and earlier is None:
            return plan(view)
        draft = _received(run, earlier) if seen is None else _started_over(run)
        return followed_by(
            (draft,),
            lambda view: Decision(Decided(run, known_delivery(view, run.key), earlier=earlier)),
        )

    return decide


def latest_run_of(
    view: View, delivery: Delivery
) -> tuple[Delivery, DeliveryState | None, DeliveryState | None]:
    """Return a delivery's latest run, its state, and the state of the run before it."""
    earlier, seen = None, view.delivery(delivery.key)
    while seen and _repeated_by(view, seen).left_nothing:
        delivery = delivery._replace(key=key_of([delivery.key, "delivered again"]))
        earlier, seen = seen, view.delivery(delivery.key)
    return delivery, seen, earlier


def _repeated_by(view: View, seen: DeliveryState) -> DeliveryState:
    """Return the run that a delivery only repeated, else the delivery itself."""
    repeated = view.delivery(seen.repeats) if seen.state == "repeated" else None
    return repeated or seen


def _started_over(delivery: Delivery) -> Draft:
    return draft_about(delivery)._replace(note="started over: it was never planned")


def _received(delivery: Delivery, earlier: DeliveryState | None) -> Draft:
    body = delivery.to_json()
    draft = draft_about(delivery)._replace(body=body, request={"digest": sha256_hex(body)})
    if earlier is None:
        return draft
    note = f"delivered again: {short_key(earlier.key)} left nothing on the fleet"
    return draft._replace(delivery={**draft.delivery, "repeats": earlier.key}, note=note)
