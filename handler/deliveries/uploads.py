"""Runs of the uploads of an object: the one that a delivery is about, and later ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handler.values.canonical_json import moment

if TYPE_CHECKING:
    from handler.audit.log import View
    from handler.audit.state import DeliveryState
    from handler.triggers.delivery import Delivery


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
    read, fired_at = view.latest_read(delivery.subject), delivery.fired_at
    if read is None or (read.state, read.digest) != ("planned", digest):
        return None
    if fired_at is None or fired_at > moment(read.touched_at):
        return None
    run = view.delivery(read.key)
    return None if run is None or run.left_nothing else run


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
