"""The operations of Intelligent EdgeFabric: those on batch jobs, and how a request finds its own.

Paths, fields and codes as on the API pages; a comment marks what they leave open.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

from handler.emulator.http.messages import RefusedError, Request, Response, json_response
from handler.emulator.ief import fleet_operations as fleet
from handler.emulator.ief import signature
from handler.emulator.ief.create_job_validation import BAD_FIELD, BAD_NAME, read_job
from handler.emulator.ief.job import Job, StatusConflictError, paused, restored, retried
from handler.emulator.ief.responses import created_view, listed_view, shown_view
from handler.emulator.ief.service_call import (
    IefCall,
    error_response,
    existing,
    page_of,
    refusal_error,
)
from handler.emulator.operation import Deviations, EmulatorContext, Execute, Operation
from handler.emulator.state.state import DuplicateNameError

if TYPE_CHECKING:
    from handler.emulator.ief.job_simulation import JobConditions, JobSimulation
    from handler.values.canonical_json import Json

# The code for a status that forbids an operation is not documented.
_NOT_NOW = "IEF.100409"
# Codes and words that no page names, for deviations.
_OTHER_AUTH = "APIGW.0301"
_NEW_STATUS = "Archived"
_SMALL_PAGE = 5


_Execute = Callable[[IefCall], Response]


def find(request: Request, context: EmulatorContext) -> Operation:
    """Return the operation that a request's method and path name."""
    for method, path, name, execute in _ROUTES:
        match = path.fullmatch(request.path)
        if match and method == request.method:
            return Operation(
                name, partial(_prepare, execute, context, request, match.groupdict()), failure
            )
    return Operation("Unregistered", _unregistered, failure)


def failure(status: int) -> Response:
    """Return an error answer of the gateway."""
    # APIGW.0308 is throttling; the other failures share one code.
    code = "APIGW.0308" if status == HTTPStatus.TOO_MANY_REQUESTS else "APIGW.0999"
    return error_response(status, code, "the service cannot answer now")


def _prepare(
    execute: _Execute,
    context: EmulatorContext,
    request: Request,
    names: dict[str, str],
    deviations: Deviations,
) -> Execute:
    account = context.credential_issuer.account_of(signature.access_key(request))
    longest = deviations.signature_seconds or context.signature_seconds
    try:
        signature.check(request, account, context.clock(), longest)
    except RefusedError as error:
        if deviations.other_auth_code:
            raise refusal_error(400, _OTHER_AUTH, "the signature is not accepted") from error
        raise
    stated = request.header("X-Project-Id") or account.project_id
    if {names["project"], stated} != {account.project_id}:
        raise refusal_error(400, "IEF.100001", "the project does not exist")
    if execute is _create_batch_job:
        _check_new_job(request)
    return partial(execute, IefCall(context, request, names, deviations))


def _check_new_job(request: Request) -> None:
    if request.header("Content-Type").partition(";")[0] != "application/json":
        raise refusal_error(400, BAD_FIELD, "the Content-Type is not application/json")
    read_job(request.body)


def _unregistered(_deviations: Deviations) -> Execute:
    raise refusal_error(400, "IEF.011002", "the URL is not registered")


def _create_batch_job(call: IefCall) -> Response:
    body: dict[str, Json] = json.loads(call.request.body)
    try:
        job = call.context.state.create_job(body, unique_name=call.deviations.duplicate_name)
    except DuplicateNameError as error:
        raise refusal_error(400, BAD_NAME, "the job name exists") from error
    return json_response(201, created_view(job))


def _list_batch_job(call: IefCall) -> Response:
    parameters, now = call.request.parameters, call.context.clock()
    page = _deviating(page_of(parameters), call.deviations)
    sort = parameters.get("sort", "created_at:desc")
    if sort not in {"created_at:desc", "created_at:asc"}:
        raise refusal_error(400, BAD_FIELD, "sort is created_at:desc or created_at:asc")
    kind, lag = parameters.get("job_type", ""), call.deviations.list_lag
    jobs = [
        job
        for job in call.context.state.all_jobs()
        if kind in {"", job.kind} and not (lag and job.created > now - lag)
    ]
    newest_first = sort.endswith("desc") and not call.deviations.oldest_first
    jobs.sort(key=lambda job: (job.created, job.number), reverse=newest_first)
    listed: list[Json] = [_returned(listed_view(job, now), call.deviations) for job in jobs[page]]
    return json_response(200, {"job_count": len(jobs), "jobs": listed})


def _show_batch_job(call: IefCall) -> Response:
    job = existing("job", call.context.state.jobs.get(call.names["id"]))
    return json_response(200, _returned(shown_view(job, call.context.clock()), call.deviations))


def _returned(view: dict[str, Json], deviations: Deviations) -> dict[str, Json]:
    """Return a job as the deviations have it."""
    created = view["created_at"]
    if deviations.milliseconds and isinstance(created, int):
        view = {**view, "created_at": created * 1000}
    if deviations.new_status:
        view = {**view, "status": _NEW_STATUS}
    if deviations.no_descriptions:
        view = {name: value for name, value in view.items() if name != "description"}
    return view


def _deviating(page: slice, deviations: Deviations) -> slice:
    """Return the part of a list as the deviations have it."""
    size, offset = page.stop - page.start, page.start
    if deviations.page_offsets:
        offset *= size
    if deviations.small_pages:
        size = min(size, _SMALL_PAGE)
    return slice(offset, offset + size)


def _delete_batch_job(call: IefCall) -> Response:
    existing("job", call.context.state.delete_job(call.names["id"]))
    return Response(204)


def _stop_batch_job(call: IefCall) -> Response:
    return _change_job(call, lambda job: paused(job, call.context.clock()))


def _restore_batch_job(call: IefCall) -> Response:
    return _restart_job(call, restored)


def _retry_batch_job(call: IefCall) -> Response:
    return _restart_job(call, retried)


def _restart_job(
    call: IefCall, restarted: Callable[[Job, float, JobSimulation, JobConditions], Job]
) -> Response:
    state = call.context.state
    return _change_job(
        call, lambda job: restarted(job, state.clock(), state.simulation, state.conditions(job))
    )


def _change_job(call: IefCall, change: Callable[[Job], Job]) -> Response:
    try:
        existing("job", call.context.state.change_job(call.names["id"], change))
    except StatusConflictError as error:
        raise refusal_error(400, _NOT_NOW, str(error)) from error
    return Response(200)


_JOBS = r"/v2/(?P<project>[^/]+)/productmgr/jobs"
_JOB = _JOBS + "/(?P<id>[^/]+)"
_DEPLOYMENTS = r"/v3/(?P<project>[^/]+)/edgemgr/deployments"
_PODS = r"/v3/(?P<project>[^/]+)/edgemgr/pods"
_NODES = r"/v2/(?P<project>[^/]+)/edgemgr/nodes"
_GROUPS = r"/v2/(?P<project>[^/]+)/edgemgr/groups"
_ROUTES: tuple[tuple[str, re.Pattern[str], str, _Execute], ...] = (
    ("POST", re.compile(_JOBS), "CreateBatchJob", _create_batch_job),
    ("GET", re.compile(_JOBS), "ListBatchJob", _list_batch_job),
    ("GET", re.compile(_JOB), "ShowBatchJob", _show_batch_job),
    ("DELETE", re.compile(_JOB), "DeleteBatchJob", _delete_batch_job),
    ("POST", re.compile(_JOB + "/pause"), "StopBatchJob", _stop_batch_job),
    ("POST", re.compile(_JOB + "/restore"), "RestoreBatchJob", _restore_batch_job),
    ("POST", re.compile(_JOB + "/retry"), "RetryBatchJob", _retry_batch_job),
    ("GET", re.compile(_NODES), "ListEdgeNodes", fleet.list_edge_nodes),
    ("GET", re.compile(_NODES + "/(?P<id>[^/]+)"), "ShowEdgeNode", fleet.show_edge_node),
    ("GET", re.compile(_GROUPS), "ListEdgeGroups", fleet.list_edge_groups),
    ("GET", re.compile(_GROUPS + "/(?P<id>[^/]+)"), "ShowEdgeGroup", fleet.show_edge_group),
    ("GET", re.compile(_DEPLOYMENTS), "ListDeployments", fleet.list_deployments),
    ("GET", re.compile(_PODS), "ListPods", fleet.list_pods),
)

NAMES = frozenset(name for _, _, name, _ in _ROUTES)
"""The names of all operations."""
