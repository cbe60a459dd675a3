"""Runs that a delivery is a part of, or comes after."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handler.values.canonical_json import key_of, moment

if TYPE_CHECKING:
    from handler.audit.log import View
    from handler.audit.state import DeliveryState
    from handler.triggers.delivery import Delivery


def latest_run_of(
    view: View, delivery: Delivery
) -> tuple[Delivery, DeliveryState | None, DeliveryState | None]:
    """Return a delivery's latest run, its state, and the state of the run before it."""
    earlier, seen = None, view.delivery(delivery.key)
    while seen and _left_nothing(repeated_by(view, seen)):
        delivery = delivery._replace(key=key_of([delivery.key, "delivered again"]))
        earlier, seen = seen, view.delivery(delivery.key)
    return delivery, seen, earlier


def repeated_by(view: View, seen: DeliveryState) -> DeliveryState:
    """Return the run that a delivery only repeated, else the delivery itself."""
    repeated = view.delivery(seen.repeats) if seen.state == "repeated" else None
    return repeated or seen


def _left_nothing(run: DeliveryState) -> bool:
    """Return whether a run certainly left nothing on the fleet and was not abandoned by hand.

    Jobs that expired stay expired, but for a spec that is handed over directly: last night's
    upgrade does not run at noon, however late a copy of its event is. An object that expired or
    was rejected is uploaded again, which fires an event of its own. A rollout goes on with its
    other nodes, and tries refused ones again itself.
    """
    if run.state == "rejected":
        return run.trigger != "object"
    if run.rollouts_open:
        return False
    free = {"refused", "expired"} if run.trigger == "direct" else {"refused"}
    return bool(run.jobs) and not run.rollouts and all(job.state in free for job in run.jobs)


def run_of_upload(view: View, delivery: Delivery, digest: str) -> DeliveryState | None:
    """Return the run of the upload that an object's delivery is about; None if it has none.

    One upload may have several events, and the bucket scan may find it first. Its run counts even
    if all of its jobs were abandoned or expired, or its rollout was stopped: who wants that again
    uploads it again.

    Args:
        view: The state.
        delivery: The delivery.
        digest: SHA-256 of the object's bytes, in hex.
    """
    if delivery.trigger != "object" or delivery.fired_at is None:
        return None
    read = view.latest_read(delivery.subject)
    if read is None or (read.state, read.digest) != ("planned", digest):
        return None
    run = view.delivery(read.key)
    is_later = delivery.fired_at > moment(read.touched_at)
    return None if run is None or is_later or _left_nothing(run) else run


def later_upload(view: View, delivery: Delivery, run: DeliveryState | None) -> DeliveryState | None:
    """Return a run, or what only repeated one, whose upload is later than a delivery's."""
    known = (run, view.latest_read(delivery.subject))
    later = (
        one
        for one in known
        if one and one.state in {"planned", "repeated"} and one.fired_at and delivery.fired_at
        if delivery.fired_at < moment(one.fired_at)
    )
    return next(later, None)
