"""Approval: a second person allows what a rule of the policy lets no one run alone.

    received ──► awaiting    a rule says `approval: required`
    awaiting ──► received    approved; the reconciler plans it, if the spec still has that digest
             ──► rejected    not approved while it was valid

What is approved is a digest: a file `NAME.approve`, written by someone other than the uploader,
holds the SHA-256 of the spec `NAME`. `nightdrop approve` records the same for an operator.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

from handler.audit.log import Decision
from handler.audit.record import part
from handler.deliveries.decisions import settle_without_jobs
from handler.deliveries.planning import read_object
from handler.deliveries.records import draft_about_state, is_changed, is_confirmed
from handler.errors import EventRejectedError, Problem
from handler.policy.decision import approval_of, matches, origin_of
from handler.policy.policy_reader import load_policy
from handler.policy.sentences import source_sentence
from handler.triggers.delivery import Delivery
from handler.triggers.object_event import APPROVAL_SUFFIX
from handler.values.canonical_json import moment, sha256_hex, short_key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from handler.audit.log import Decide, Log, View
    from handler.audit.record import Draft, Part
    from handler.audit.state import DeliveryState
    from handler.deliveries.decisions import SpecSource
    from handler.invocation.invocation import Invocation
    from handler.policy.rules import Policy
    from handler.triggers.delivery import StoredSpec
    from handler.values.canonical_json import Json

_NOTHING_AWAITS = "no delivery of a file with this name and digest awaits approval"
_DIGEST = re.compile(rb"\s*([0-9a-fA-F]{64})(?:\s|$)")


def process_approval(delivery: Delivery, invocation: Invocation) -> DeliveryState:
    """Approve the deliveries that a file `NAME.approve` is for; return its own state.

    Raises:
        EventRejectedError: It approves nothing: what is wrong with it.
        ObjectError: It cannot be read.
        PolicyError: The policy cannot be read or is not valid.
        CloudError: OBS could not be reached.
    """
    stored = cast("StoredSpec", delivery.spec)
    approval = read_object(delivery, stored, invocation)
    match = _DIGEST.match(approval.data)
    if match is None:
        raise _rejected("an approval must begin with the spec's SHA-256, 64 hexadecimal digits")
    digest = match[1].decode().lower()
    if not is_confirmed(delivery.source, approval.found) or is_changed(approval.found):
        raise _rejected(
            "the event names another approval than was read, or no tag of it; who wrote what "
            "was read is unknown"
        )
    waiting = invocation.log.read(lambda view: view.awaiting(digest))
    named = [one for one in waiting if _is_named(one, stored.key)]
    if not named:
        raise _rejected(_NOTHING_AWAITS)
    refused = _refusals(named, delivery, invocation)
    allowed = [key for key, why in refused.items() if not why]
    if not allowed:
        raise _rejected(*filter(None, dict.fromkeys(refused.values())))
    return invocation.log.commit(_approve_by_file(delivery, approval, allowed, digest)).value


def _approve_by_file(
    delivery: Delivery, approval: SpecSource, keys: Sequence[str], digest: str
) -> Decide[DeliveryState]:
    """Decide to approve deliveries by a file, and to close its own, which says which ones."""
    source: Part = {**delivery.source, **approval.found}

    def decide(view: View) -> Decision[DeliveryState]:
        approved = approve(keys, digest, actor=delivery.actor, source=source)(view)
        action, note = "delivery.ignored", f"approves {', '.join(map(short_key, approved.value))}"
        if not approved.value:
            action, note = "delivery.rejected", _NOTHING_AWAITS
        closed = settle_without_jobs(delivery, action, note, spec=approval)(view)
        return Decision(closed.value, (*approved.drafts, *closed.drafts), closed.then)

    return decide


def approve(
    keys: Sequence[str], digest: str, *, actor: Part, source: Part | None = None
) -> Decide[tuple[str, ...]]:
    """Decide to approve deliveries; answers the keys of those that await it and are not too late.

    Args:
        keys: The deliveries' keys.
        digest: SHA-256 of the spec that is approved.
        actor: Who approves.
        source: The object through which it was approved.
    """

    def decide(view: View) -> Decision[tuple[str, ...]]:
        states = [view.delivery(key) for key in keys]
        waiting = [
            one
            for one in states
            if one
            and one.state == "awaiting"
            and one.digest == digest
            and not _is_over(one, view.now)
        ]
        drafts = [
            draft_about_state(one)._replace(
                action="delivery.approved",
                outcome="success",
                actor=actor,
                source=source or {},
                note="approved; the reconciler plans it",
            )
            for one in waiting
        ]
        return Decision(tuple(one.key for one in waiting), tuple(drafts))

    return decide


def expire(awaiting: Sequence[DeliveryState], now: datetime, log: Log) -> None:
    """Reject the deliveries that were not approved while they were valid.

    Raises:
        LogError: The log could not be read or written.
    """
    late = [one.key for one in awaiting if _is_over(one, now)]
    if late:
        log.commit(reject_late(late))


def reject_late(keys: Sequence[str]) -> Decide[None]:
    """Decide to reject those of some deliveries that were not approved while they were valid."""

    def decide(view: View) -> Decision[None]:
        states = [view.delivery(key) for key in keys]
        late = [one for one in states if one and _is_over(one, view.now)]
        return Decision(None, tuple(map(_expired, late)))

    return decide


def _is_over(one: DeliveryState, now: datetime) -> bool:
    return one.state == "awaiting" and moment(one.awaits_until) < now


def _expired(one: DeliveryState) -> Draft:
    note = f"was not approved by {one.awaits_until[:19]}Z; deliver it again if it is still wanted"
    # Without its tag this would count as a look at whatever stands in the object's place by now.
    return draft_about_state(one)._replace(
        action="delivery.rejected",
        outcome="failure",
        source={"read_etag": one.etag or None},
        note=note,
    )


def file_name(one: DeliveryState) -> str:
    """Return the name of a delivery's file, without its folder."""
    return one.subject.rpartition("/")[2]


def _is_named(one: DeliveryState, key: str) -> bool:
    """Return whether a file has the name of a delivery's object, and the suffix."""
    return key.rpartition("/")[2] == file_name(one) + APPROVAL_SUFFIX


def _refusals(
    named: Sequence[DeliveryState], approval: Delivery, invocation: Invocation
) -> dict[str, str]:
    """Return by its key why each delivery is not approved by the writer of a file; "" if it is."""
    keys = [one.key for one in named]
    bodies = invocation.log.bodies(keys)
    policy = load_policy(invocation.settings.policy, lambda: invocation.obs)
    read = {
        str(part(record.fields, "delivery")["key"]): part(record.fields, "source")
        for record in invocation.log.records_of(keys)
        if record.fields["action"] == "delivery.awaiting"
    }
    return {
        one.key: _refusal(one, bodies.get(one.key), read.get(one.key, {}), approval, policy)
        for one in named
    }


def _refusal(
    one: DeliveryState,
    body: str | None,
    read: Mapping[str, Json],
    approval: Delivery,
    policy: Policy,
) -> str:
    """Return why a delivery is not approved by the writer of a file; "" if it is.

    Its uploader counts only if the event names what was read, as for the plan: somebody else may
    have written that.
    """
    if body is None or one.body_digest not in {"", sha256_hex(body)}:
        return "what awaits approval is not in the outbox as it was received"
    awaiting, source = Delivery.from_json(body), cast("Part", read)
    is_known = is_confirmed(source, source) and not is_changed(source)
    uploader = awaiting.actor if is_known else {}
    needed = approval_of(policy, origin_of(awaiting, uploader))
    if needed and not matches(needed.approver, origin_of(approval, approval.actor)):
        return f"{needed.rule} lets {source_sentence(needed.approver)} approve, and no one else"
    return _same_person(uploader, approval.actor)


def _same_person(uploader: Part, approver: Part) -> str:
    for name in ("principal", "account"):
        if uploader.get(name) and approver.get(name):
            same = uploader[name] == approver[name]
            return "whoever uploaded a spec cannot approve it" if same else ""
    return (
        "who uploaded the spec or who wrote the approval is unknown; an operator may use "
        "`nightdrop approve`"
    )


def _rejected(*problems: str) -> EventRejectedError:
    return EventRejectedError([Problem(text) for text in problems])
