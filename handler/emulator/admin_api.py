"""The admin API under `/_emulator/`: state, reset, faults and temporary keys; without signatures.

The state has the parts `jobs`, `nodes`, `objects` and `requests`; `?only=jobs` returns one of them.
`README.md` beside this module documents each request.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from handler.emulator.http.messages import Request, Response, json_response

if TYPE_CHECKING:
    from handler.emulator.faults.fault_rules import FaultRules
    from handler.emulator.faults.timers import Timers
    from handler.emulator.operation import EmulatorContext
    from handler.values.canonical_json import Json


def answer(
    request: Request, context: EmulatorContext, faults: FaultRules, timers: Timers
) -> Response:
    """Answer a request under `/_emulator/`."""
    page = f"{request.method} {request.path}"
    if page == "GET /_emulator/state":
        return json_response(200, context.state.snapshot(request.parameters.get("only", "")))
    if page == "POST /_emulator/reset":
        timers.cancel_all()
        context.state.reset()
        return Response(204)
    if page == "GET /_emulator/credentials":
        return json_response(200, context.credential_issuer.credentials())
    if page == "GET /_emulator/faults":
        return json_response(200, faults.view())
    if page == "POST /_emulator/faults":
        return _set_faults(request.body, faults)
    message = "the pages are GET state, GET credentials, POST reset, GET faults and POST faults"
    return json_response(404, {"error": message})


def _set_faults(body: bytes, faults: FaultRules) -> Response:
    try:
        value: Json = json.loads(body)
    except ValueError:
        return json_response(400, {"error": "faults must be a JSON list; the body is not JSON"})
    try:
        faults.set(value)
    except ValueError as error:
        return json_response(400, {"error": str(error)})
    return json_response(200, faults.view())
