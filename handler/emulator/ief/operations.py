"""The operations of Intelligent EdgeFabric: batch jobs and edge nodes.

Paths, fields and codes as on the API pages; a comment marks what they leave open.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeVar

from handler.emulator.http.messages import RefusedError, Request, Response, json_response
from handler.emulator.ief import signature
from handler.emulator.ief.create_job_validation import BAD_FIELD, BAD_NAME, read_job
from handler.emulator.ief.job import Job, StatusConflictError, paused, restored, retried
from handler.emulator.ief.responses import created_view, listed_view, shown_view
from handler.emulator.operation import Deviations, EmulatorContext, Execute, Operation
from handler.emulator.state.state import DuplicateNameError

if TYPE_CHECKING:
    from handler.values.canonical_json import Json

T = TypeVar("T")

# Documented for ListEdgeNodes; ListBatchJob documents no limits and uses the same.
_DEFAULT_LIMIT = 500
_LARGEST_LIMIT = 1000
_LARGEST_OFFSET = 2**31 - 1
# The code for an unknown id is not documented,
_NOT_FOUND = "IEF.100404"
# nor are those for a status that forbids the operation, or for what an edition lacks.
_NOT_NOW = "IEF.100409"
_NOT_HERE = "IEF.100403"
# Codes and words that no page names, for deviations.
_OTHER_AUTH = "APIGW.0301"
_NEW_STATUS = "Archived"
_SMALL_PAGE = 5


@dataclass(frozen=True)
class _IefCall:
    context: EmulatorContext
    request: Request
    names: dict[str, str]
    deviations: Deviations


_Execute = Callable[[_IefCall], Response]


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
    return _error(status, code, "the service cannot answer now")


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
            raise _refused(400, _OTHER_AUTH, "the signature is not accepted") from error
        raise
    stated = request.header("X-Project-Id") or account.project_id
    if {names["project"], stated} != {account.project_id}:
        raise _refused(400, "IEF.100001", "the project does not exist")
    if execute is _create_batch_job:
        _check_new_job(request)
    return partial(execute, _IefCall(context, request, names, deviations))


def _check_new_job(request: Request) -> None:
    if request.header("Content-Type").partition(";")[0] != "application/json":
        raise _refused(400, BAD_FIELD, "the Content-Type is not application/json")
    read_job(request.body)


def _unregistered(_deviations: Deviations) -> Execute:
    raise _refused(400, "IEF.011002", "the URL is not registered")


def _create_batch_job(call: _IefCall) -> Response:
    body: dict[str, Json] = json.loads(call.request.body)
    try:
        job = call.context.state.create_job(body, unique_name=call.deviations.unique_names)
    except DuplicateNameError as error:
        raise _refused(400, BAD_NAME, "the job name exists") from error
    return json_response(201, created_view(job))


def _list_batch_job(call: _IefCall) -> Response:
    parameters, now = call.request.parameters, call.context.clock()
    page = _deviating(_page(parameters), call.deviations)
    sort = parameters.get("sort", "created_at:desc")
    if sort not in {"created_at:desc", "created_at:asc"}:
        raise _refused(400, BAD_FIELD, "sort is created_at:desc or created_at:asc")
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


def _show_batch_job(call: _IefCall) -> Response:
    job = _existing("job", call.context.state.jobs.get(call.names["id"]))
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


def _delete_batch_job(call: _IefCall) -> Response:
    _existing("job", call.context.state.delete_job(call.names["id"]))
    return Response(204)


def _stop_batch_job(call: _IefCall) -> Response:
    return _change_job(call, lambda job: paused(job, call.context.clock()))


def _restore_batch_job(call: _IefCall) -> Response:
    state = call.context.state
    return _change_job(call, lambda job: restored(job, state.clock(), state.simulation))


def _retry_batch_job(call: _IefCall) -> Response:
    state = call.context.state
    return _change_job(
        call, lambda job: retried(job, state.clock(), state.simulation, state.failing_targets)
    )


def _change_job(call: _IefCall, change: Callable[[Job], Job]) -> Response:
    try:
        _existing("job", call.context.state.change_job(call.names["id"], change))
    except StatusConflictError as error:
        raise _refused(400, _NOT_NOW, str(error)) from error
    return Response(200)


def _list_edge_nodes(call: _IefCall) -> Response:
    parameters = call.request.parameters
    page = _page(parameters)
    if "group_id" in parameters:
        _need_enterprise(call)
    status = call.context.state.fleet_status()
    nodes = status.select(parameters)
    views: list[Json] = [status.view(node) for node in nodes[page]]
    return json_response(200, {"count": len(nodes), "nodes": views})


def _show_edge_node(call: _IefCall) -> Response:
    status = call.context.state.fleet_status()
    node = _existing("node", status.fleet.node(call.names["id"]))
    return json_response(200, {"node": status.view(node)})


def _list_edge_groups(call: _IefCall) -> Response:
    _need_enterprise(call)
    parameters = call.request.parameters
    page = _page(parameters)
    status, project = (
        call.context.state.fleet_status(),
        call.context.credential_issuer.account.project_id,
    )
    groups = [
        status.group_view(group, project)
        for group in status.fleet.groups
        if parameters.get("name", "") in group.name
    ]
    return json_response(200, {"count": len(groups), "edge_groups": [*groups[page]]})


def _show_edge_group(call: _IefCall) -> Response:
    _need_enterprise(call)
    status, project = (
        call.context.state.fleet_status(),
        call.context.credential_issuer.account.project_id,
    )
    group = _existing("group", status.fleet.group(call.names["id"]))
    return json_response(200, status.group_view(group, project))


def _need_enterprise(call: _IefCall) -> None:
    """Refuse a request without an instance of the enterprise edition, which the header names."""
    if not call.request.header("ief-instance-id"):
        raise _refused(400, _NOT_HERE, "the professional edition has no groups")


def _existing(kind: str, found: T | None) -> T:
    if found is None:
        raise _refused(404, _NOT_FOUND, f"the {kind} does not exist")
    return found


def _page(parameters: dict[str, str]) -> slice:
    """Return the part of a list that a query requests."""
    offset = _number(parameters.get("offset", "0"))
    limit = _number(parameters.get("limit", str(_DEFAULT_LIMIT)))
    if offset is None or offset > _LARGEST_OFFSET:
        raise _refused(400, "IEF.100004", "offset is not a number from 0")
    if limit is None or not 1 <= limit <= _LARGEST_LIMIT:
        raise _refused(400, "IEF.100005", f"limit is not a number from 1 to {_LARGEST_LIMIT}")
    return slice(offset, offset + limit)


def _number(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[0-9]{1,10}", text) else None


def _refused(status: int, code: str, message: str) -> RefusedError:
    return RefusedError(_error(status, code, message))


def _error(status: int, code: str, message: str) -> Response:
    return json_response(status, {"error_code": code, "error_msg": message})


_JOBS = r"/v2/(?P<project>[^/]+)/productmgr/jobs"
_JOB = _JOBS + "/(?P<id>[^/]+)"
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
    ("GET", re.compile(_NODES), "ListEdgeNodes", _list_edge_nodes),
    ("GET", re.compile(_NODES + "/(?P<id>[^/]+)"), "ShowEdgeNode", _show_edge_node),
    ("GET", re.compile(_GROUPS), "ListEdgeGroups", _list_edge_groups),
    ("GET", re.compile(_GROUPS + "/(?P<id>[^/]+)"), "ShowEdgeGroup", _show_edge_group),
)

NAMES = frozenset(name for _, _, name, _ in _ROUTES)
"""The names of all operations."""
