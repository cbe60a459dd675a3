"""Routes a request: finds its operation, applies faults, executes and records it.

Requests under `/_emulator/` are those of the admin API, which needs no signature; `README.md` in
the folder above documents each.
"""

from __future__ import annotations

import contextlib
import json
import math
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from uuid import uuid4

from handler.emulator.http.messages import RefusedError, Request, Response, json_response
from handler.emulator.ief import operations as ief
from handler.emulator.obs import operations as obs
from handler.emulator.obs.request import host_bucket
from handler.emulator.smn import operations as smn
from handler.emulator.state.state import RequestRecord
from handler.values.loopback import refusal

if TYPE_CHECKING:
    from handler.emulator.faults import ActiveFaults, FaultRule, FaultRules, Timers
    from handler.emulator.operation import EmulatorContext, Execute, Operation

_VERSIONED = re.compile(r"/v[0-9]+/.*")


@dataclass(frozen=True)
class Router:
    """Answers requests, with the faults that are set."""

    context: EmulatorContext
    faults: FaultRules
    timers: Timers

    def answer(self, request: Request) -> Response | None:
        """Return the answer to a request; None closes its connection without an answer."""
        is_admin = request.path.startswith("/_emulator/") and not host_bucket(request)
        refused = refusal(request.method, request.values, takes_json=is_admin)
        if refused:
            return json_response(refused.status, {"error": refused.reason})
        if is_admin:
            return self._answer_admin(request)
        request = replace(request, request_id=uuid4().hex)
        operation = _find(request, self.context)
        active = self.faults.select(operation.name)
        response = perform(operation, active, self.timers)
        self.context.state.record(
            RequestRecord(
                request.method,
                request.path,
                operation.name,
                response.status if response else None,
                self.context.clock(),
                ",".join(active.kinds),
            )
        )
        return _with_request_id(response, request.request_id) if response else None

    def _answer_admin(self, request: Request) -> Response:
        state = self.context.state
        match f"{request.method} {request.path}":
            case "GET /_emulator/state":
                return json_response(200, state.snapshot(request.parameters.get("only", "")))
            case "POST /_emulator/reset":
                self.timers.cancel_all()
                state.reset()
                return Response(204)
            case "GET /_emulator/credentials":
                return json_response(200, self.context.credential_issuer.credentials())
            case "GET /_emulator/faults":
                return json_response(200, self.faults.view())
            case "POST /_emulator/faults":
                return self._set_faults(request.body)
        message = "the pages are GET state, GET credentials, POST reset, GET faults and POST faults"
        return json_response(404, {"error": message})

    def _set_faults(self, body: bytes) -> Response:
        try:
            self.faults.set(json.loads(body))
        except (json.JSONDecodeError, UnicodeDecodeError, RecursionError):
            message = "faults must be a JSON list; the body is not JSON"
        except ValueError as error:
            message = str(error)
        else:
            return json_response(200, self.faults.view())
        return json_response(400, {"error": message})


def perform(operation: Operation, active: ActiveFaults, timers: Timers) -> Response | None:
    """Execute an operation with its active faults; None closes the connection without an answer."""
    timers.wait(active.delay)
    ending = active.ending
    if ending and ending.fault == "cut":
        return None
    if ending and ending.fault == "status" and not ending.after:
        return _status(operation, ending)
    try:
        execute = operation.prepare(active.deviations)
        if ending and ending.fault == "late_commit":
            timers.schedule(ending.seconds or 0.0, lambda: _quietly(execute))
            return None
        response = execute()
    except RefusedError as refusal:
        response = refusal.response
    if ending is None:
        return response
    return _status(operation, ending) if ending.fault == "status" else None


def _find(request: Request, context: EmulatorContext) -> Operation:
    if smn.is_smn(request.path) and not host_bucket(request):
        return smn.find(request, context)
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
    """Execute a request whose connection is closed; a refusal is dropped."""
    with contextlib.suppress(RefusedError):
        execute()


def _with_request_id(response: Response, request_id: str) -> Response:
    """Add the request id under the names that clients of IEF and OBS read."""
    names = ("X-Request-Id", "x-obs-request-id", "x-amz-request-id")
    return replace(response, headers=response.headers | dict.fromkeys(names, request_id))
