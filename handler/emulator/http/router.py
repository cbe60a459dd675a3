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
from handler.emulator.state.state import SeenRequest
from handler.values.loopback import refusal

if TYPE_CHECKING:
    from handler.emulator.faults.fault_rules import Drawn, Fault, Faults
    from handler.emulator.faults.timers import Delays
    from handler.emulator.operation import Commit, Operation, Site

_VERSIONED = re.compile(r"/v[0-9]+/.*")


@dataclass(frozen=True)
class Desk:
    """What requests are dealt with by.

    Attributes:
        site: The services' account, state and clock.
        faults: The faults that are set.
        delays: What waits and does things later.
    """

    site: Site
    faults: Faults
    delays: Delays


def answer(request: Request, desk: Desk) -> Response | None:
    """Deal with one request; None means that its connection is cut."""
    own_pages = request.path.startswith("/_emulator/") and not host_bucket(request)
    refused = refusal(request.method, request.values, takes_json=own_pages)
    if refused:
        return json_response(refused.status, {"error": refused.reason})
    if own_pages:
        return admin_api.answer(request, desk.site, desk.faults, desk.delays)
    request = replace(request, request_id=uuid4().hex)
    operation = _find(request, desk.site)
    drawn = desk.faults.draw(operation.name)
    response = perform(operation, drawn, desk.delays)
    desk.site.state.record(
        SeenRequest(
            request.method,
            request.path,
            operation.name,
            response.status if response else None,
            desk.site.clock(),
            ",".join(drawn.kinds),
        )
    )
    return _identified(response, request.request_id) if response else None


def perform(operation: Operation, drawn: Drawn, delays: Delays) -> Response | None:
    """Carry an operation out, with the faults that were drawn for it around its two halves."""
    delays.wait(drawn.delay)
    ending = drawn.ending
    if ending and ending.fault == "cut":
        return None
    if ending and ending.fault == "status" and not ending.after:
        return _status(operation, ending)
    try:
        commit = operation.prepare(drawn.quirks)
        if ending and ending.fault == "late_commit":
            delays.later(ending.seconds or 0.0, lambda: _quietly(commit))
            return None
        response = commit()
    except RefusedError as refusal:
        response = refusal.response
    if ending is None:
        return response
    return _status(operation, ending) if ending.fault == "status" else None


def _find(request: Request, site: Site) -> Operation:
    if _VERSIONED.fullmatch(request.path) and not host_bucket(request):
        return ief.find(request, site)
    return obs.find(request, site)


def _status(operation: Operation, fault: Fault) -> Response:
    response = operation.failure(fault.status)
    if fault.seconds is None:
        return response
    retry_after = {"Retry-After": str(math.ceil(fault.seconds))}
    return replace(response, headers=response.headers | retry_after)


def _quietly(commit: Commit) -> None:
    """Carry out what nobody waits for any more; a refusal then has no reader."""
    with contextlib.suppress(RefusedError):
        commit()


def _identified(response: Response, request_id: str) -> Response:
    """Add the request id under the names that IEF's and OBS's clients look for."""
    names = ("X-Request-Id", "x-obs-request-id", "x-amz-request-id")
    return replace(response, headers=response.headers | dict.fromkeys(names, request_id))
