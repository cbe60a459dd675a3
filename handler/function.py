"""The function: settings and services once per instance, one event per call, one reply."""

from __future__ import annotations

import os
import time
from math import inf
from threading import Lock
from typing import TYPE_CHECKING

from handler.deliveries.decisions import reject_event
from handler.deliveries.pipeline import deliver, reject_entries
from handler.errors import (
    DeliveriesError,
    EventRejectedError,
    NightdropError,
    OutOfTimeError,
)
from handler.invocation.instance import invocation_of, open_instance, record_started
from handler.parsing import Limits, check_event, first_problems
from handler.runtime.response import Answered, Result, reply
from handler.runtime.response_limit import limited
from handler.runtime.structured_log import log_line, logged_errors
from handler.triggers.delivery import LOOKS, Action, InvalidEntry
from handler.triggers.event_parser import parse_event
from handler.values.canonical_json import key_of
from handler.values.display import display

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TypeAlias

    from handler.invocation.instance import Instance
    from handler.invocation.invocation import Invocation
    from handler.runtime.structured_log import Write
    from handler.settings import Settings
    from handler.triggers.delivery import Delivery
    from handler.values.canonical_json import Json

    Fired: TypeAlias = Sequence[Delivery | InvalidEntry] | Action

_MOST_REASONS, _LONGEST_REASON = 10, 300
"""What the platform's failure notice tells of the deliveries of one event."""

_MOST_PROBLEMS = 20
"""What is recorded of an event that cannot be read."""

_BUILD = Lock()
_instance: Instance | None = None
"""The cache of what one instance opens once: settings, log and connections."""


def handler(event: object, context: object) -> dict[str, Json]:
    """Answer one event, as FunctionGraph calls it.

    Returns:
        `outcome`, `deliveries`, `jobs`, `errors` and the log's `head`.

    Raises:
        NightdropError: Nothing is promised yet and another try may succeed; the platform is to
            deliver the event again.
    """
    began = time.monotonic()  # opening the instance is a part of the invocation
    return handle(event, context, _instance_of(context), began)


def initializer(context: object) -> None:
    """Open settings, log and connections before the first event.

    Raises:
        SettingsError: A setting is missing or wrong.
        LogError: The audit log cannot be opened.
    """
    _instance_of(context)


def handle(
    event: object, context: object, instance: Instance, began: float | None = None
) -> dict[str, Json]:
    """Answer one event with what an instance has open; `handler` tells the rest.

    A command hands over an `Action` instead, which names the operator.
    """
    began = time.monotonic() if began is None else began
    invocation = invocation_of(context, instance, began)
    answered = _answer(event, context, invocation, instance)
    head = answered.head or instance.log.head()
    answer = limited(reply(answered, head))
    instance.write(_line(answer, invocation, began))
    return answer


def _answer(event: object, context: object, invocation: Invocation, instance: Instance) -> Answered:
    """Parse, act, and write the checkpoint that is due, even if an error is raised."""
    fired: Fired | EventRejectedError
    try:
        fired = _recognise(event, invocation.settings)
    except EventRejectedError as error:
        fired = error
    if isinstance(fired, Action) and fired.name in LOOKS:
        return _act(fired, context, invocation, instance)
    try:
        if isinstance(fired, EventRejectedError):
            answered = Answered([_reject(event, fired, invocation)])
        elif isinstance(fired, Action):
            answered = _act_or_reject(event, fired, context, invocation, instance)
        else:
            answered = Answered(_deliver_all(fired, invocation))
        if invocation.settings.notify:
            from handler.notices.sending import notify

            notify(invocation, instance.write)
        return answered
    finally:
        reconciles = isinstance(fired, Action) and fired.name == "reconcile"
        every = invocation.settings.checkpoint_every if reconciles else inf
        _confirm(invocation, every, instance.write)


def _act(action: Action, context: object, invocation: Invocation, instance: Instance) -> Answered:
    # Loaded where it is needed: most events are deliveries.
    from handler.event_actions import Asked, act

    return act(action, Asked(context, invocation, instance))


def _act_or_reject(
    event: object, action: Action, context: object, invocation: Invocation, instance: Instance
) -> Answered:
    """Do what an event asks for; record and reject one that does not name one job or rollout."""
    try:
        return _act(action, context, invocation, instance)
    except EventRejectedError as error:
        return Answered([_reject(event, error, invocation)])


def _confirm(invocation: Invocation, every: float, write: Write) -> None:
    """Write a checkpoint if one is due; a failure is logged and changes nothing else.

    The event is answered, or its error raised, as if there were no checkpoints: its work is in
    the log, and the next event or reconciler run writes the checkpoint.
    """
    if not invocation.settings.checkpoints:
        return
    from handler.invocation.checkpoint_writer import checkpoint

    with logged_errors(write, postponed="checkpoint.postponed", failed="log.checkpoint_failed"):
        checkpoint(invocation, every=every)


def _instance_of(context: object) -> Instance:
    global _instance  # noqa: PLW0603 - the cache named above
    with _BUILD:
        if _instance is None:
            opened = open_instance(context, os.environ)
            try:
                record_started(context, opened)
            except BaseException:
                opened.close()
                raise
            _instance = opened
        return _instance


def _recognise(event: object, settings: Settings) -> Fired:
    if isinstance(event, Action):
        return event
    value = check_event(event, Limits(max_bytes=settings.max_spec_bytes))
    return parse_event(value, eventgrid_keys=settings.eventgrid_keys)


def _deliver_all(fired: Sequence[Delivery | InvalidEntry], invocation: Invocation) -> list[Result]:
    """Process every delivery; raise collected errors afterwards."""
    results: list[Result] = []
    failed: list[NightdropError] = []
    try:
        results += reject_entries(
            [one for one in fired if isinstance(one, InvalidEntry)], invocation
        )
    except NightdropError as error:
        failed.append(error)
    for delivery in fired:
        if isinstance(delivery, InvalidEntry):
            continue
        if invocation.deadline.left() <= 0:
            # Not even its receipt can be recorded: the platform must deliver it again.
            failed.append(OutOfTimeError("no time was left for all deliveries of the event"))
            break
        try:
            results.append(deliver(delivery, invocation))
        except NightdropError as error:
            failed.append(error)
    if len(failed) == 1:
        raise failed[0]
    if failed:
        counted = f"{len(fired) - len(results)} of {len(fired)} deliveries could not be planned"
        raise DeliveriesError(f"{counted}: {_joined(failed)}")
    return results


def _joined(failed: Sequence[NightdropError]) -> str:
    reasons = sorted({str(error) for error in failed})
    more = f"; and {len(reasons) - _MOST_REASONS} more" if len(reasons) > _MOST_REASONS else ""
    texts = (display(reason, longest=_LONGEST_REASON) for reason in reasons[:_MOST_REASONS])
    return "; ".join(texts) + more


def _reject(event: object, error: EventRejectedError, invocation: Invocation) -> Result:
    try:
        key = key_of(event)  # type: ignore[arg-type] # anything else is caught
    except (AttributeError, TypeError, ValueError, RecursionError):
        key = key_of(str(invocation.function.get("request_id")))
    problems = first_problems(error.problems, _MOST_PROBLEMS)
    invocation.log.commit(reject_event(key, problems, source={"shape": "unknown"}))
    return Result(key, "rejected", errors=tuple(map(str, problems)))


def _line(answer: dict[str, Json], invocation: Invocation, began: float) -> str:
    deliveries, jobs = answer["deliveries"], answer["jobs"]
    return log_line(
        "function.answered",
        {
            "outcome": str(answer["outcome"]),
            "deliveries": len(deliveries) if isinstance(deliveries, list) else 0,
            "jobs": len(jobs) if isinstance(jobs, list) else 0,
            "milliseconds": round((time.monotonic() - began) * 1000),
            "request_id": str(invocation.function.get("request_id", "")),
        },
    )
