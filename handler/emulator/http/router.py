"""The way of one request: find its operation, draw its faults, carry it out, remember it."""

from __future__ import annotations

import contextlib
import math
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from uuid import uuid4

from handler.emulator import admin_api
from handler.emulator.http.messages import RefusedError, Request, Response, json_response
from handler.emulator.ief import operations as ief
from handler.emulator.obs import operations as obs
from handler.emulator.obs.addressing import host_bucket
from handler.emulator.state.state import RequestRecord
from handler.values.loopback import refusal

if TYPE_CHECKING:
    from handler.emulator.faults.fault_rules import ActiveFaults, FaultRule, FaultRules
    from handler.emulator.faults.timers import Timers
    from handler.emulator.operation import EmulatorContext, Execute, Operation

_VERSIONED = re.compile(r"/v[0-9]+/.*")


@dataclass(frozen=True)
class Router:
    """What requests are dealt with by.

    Attributes:
        site: The services' account, state and clock.
        faults: The faults that are set.
        timers: What waits and does things later.
    """

    context: EmulatorContext
    faults: FaultRules
    timers: Timers


def answer(request: Request, router: Router) -> Response | None:
    """Deal with one request; None means that its connection is cut."""
    own_pages = request.path.startswith("/_emulator/") and not host_bucket(request)
    refused = refusal(request.method, request.values, takes_json=own_pages)
    if refused:
        return json_response(refused.status, {"error": refused.reason})
    if own_pages:
        return admin_api.answer(request, router.context, router.faults, router.timers)
    request = replace(request, request_id=uuid4().hex)
    operation = _find(request, router.context)
    active = router.faults.select(operation.name)
    response = perform(operation, active, router.timers)
    router.context.state.record(
        RequestRecord(
            request.method,
            request.path,
            operation.name,
            response.status if response else None,
            router.context.clock(),
            ",".join(active.kinds),
        )
    )
    return _identified(response, request.request_id) if response else None


def perform(operation: Operation, active: ActiveFaults, timers: Timers) -> Response | None:
    """Carry an operation out, with the faults that were active for it around its two halves."""
    timers.wait(active.delay)
    ending = active.ending
    if ending and ending.fault == "cut":
        return None
    if ending and ending.fault == "status" and not ending.after:
        return _status(operation, ending)
    try:
        execute = operation.prepare(active.deviations)
        if ending and ending.fault == "late_commit":
            timers.later(ending.seconds or 0.0, lambda: _quietly(execute))
            return None
        response = execute()
    except RefusedError as refusal:
        response = refusal.response
    if ending is None:
        return response
    return _status(operation, ending) if ending.fault == "status" else None


def _find(request: Request, context: EmulatorContext) -> Operation:
    if _VERSIONED.fullmatch(request.path) and not host_bucket(request):
        return ief.find(request, context)
    return obs.find(request, context)


def _status(operation: Operation, fault: FaultRule) -> Response:
    response = operation.failure(fault.status)
    if fault.seconds is None:
        return response
    retry_after = {"Retry-After": str(math.ceil(fault.seconds))}
    return replace(response, headers=response.headers | retry_after)


def _quietly(execute: Execute) -> None:
    """Carry out what nobody waits for any more; a refusal then has no reader."""
    with contextlib.suppress(RefusedError):
        execute()


def _identified(response: Response, request_id: str) -> Response:
    """Add the request id under the names that IEF's and OBS's clients look for."""
    names = ("X-Request-Id", "x-obs-request-id", "x-amz-request-id")
    return replace(response, headers=response.headers | dict.fromkeys(names, request_id))
