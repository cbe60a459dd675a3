"""The operations of Intelligent EdgeFabric: batch jobs and edge nodes.

Paths, fields and codes as on the API's pages; where they say nothing, a comment does.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

from handler.emulator.http.messages import RefusedError, Request, Response, json_response
from handler.emulator.ief import signature
from handler.emulator.ief.create_job_validation import BAD_FIELD, BAD_NAME, read_job
from handler.emulator.ief.job import Job, NotNowError, paused, restored, retried
from handler.emulator.ief.job_responses import created_view, listed_view, shown_view
from handler.emulator.operation import Commit, Operation, Quirks, Site
from handler.emulator.state.state import DuplicateNameError

if TYPE_CHECKING:
    from handler.values.canonical_json import Json

# ListEdgeNodes documents both numbers; ListBatchJob documents none and is given the same.
_DEFAULT_LIMIT = 500
_LARGEST_LIMIT = 1000
_LARGEST_OFFSET = 2**31 - 1
# No code for an id that does not exist is documented.
_NOT_FOUND = "IEF.100404"
# Nor is one for a job whose status is in the way, or for what an edition does not have.
_NOT_NOW = "IEF.100409"
_NOT_HERE = "IEF.100403"


@dataclass(frozen=True)
class _Call:
    site: Site
    request: Request
    names: dict[str, str]
    quirks: Quirks


_Prepare = Callable[[_Call], Commit]


def find(request: Request, site: Site) -> Operation:
    """Return the operation that a request's method and path name."""
    for method, path, name, prepare in _ROUTES:
        match = path.fullmatch(request.path)
        if match and method == request.method:
            return Operation(
                name, partial(_checked, prepare, site, request, match.groupdict()), failure
            )
    return Operation("Unregistered", _unregistered, failure)


def failure(status: int) -> Response:
    """Return an answer in place of a real one, as the gateway gives it."""
    # APIGW.0308 is the gateway's throttling; for its other failures any code of its own will do.
    code = "APIGW.0308" if status == HTTPStatus.TOO_MANY_REQUESTS else "APIGW.0999"
    return _error(status, code, "the service cannot answer now")


def _checked(
    prepare: _Prepare, site: Site, request: Request, names: dict[str, str], quirks: Quirks
) -> Commit:
    account = site.agency.account_of(signature.access_key(request))
    signature.check(request, account, site.clock(), site.signature_seconds)
    stated = request.header("X-Project-Id") or site.account.project_id
    if {names["project"], stated} != {site.account.project_id}:
        raise _refused(400, "IEF.100001", "the project does not exist")
    return prepare(_Call(site, request, names, quirks))


def _unregistered(_quirks: Quirks) -> Commit:
    raise _refused(400, "IEF.011002", "the URL is not registered")


def _create_batch_job(call: _Call) -> Commit:
    if call.request.header("Content-Type").partition(";")[0] != "application/json":
        raise _refused(400, BAD_FIELD, "the Content-Type is not application/json")
    body = read_job(call.request.body)

    def commit() -> Response:
        try:
            job = call.site.state.create_job(body, unique_name=call.quirks.unique_names)
        except DuplicateNameError as error:
            raise _refused(400, BAD_NAME, "the job name exists") from error
        return json_response(201, created_view(job))

    return commit


def _list_batch_job(call: _Call) -> Commit:
    parameters = call.request.parameters
    offset, limit = _page(parameters)
    sort = parameters.get("sort", "created_at:desc")
    if sort not in {"created_at:desc", "created_at:asc"}:
        raise _refused(400, BAD_FIELD, "sort is created_at:desc or created_at:asc")
    kind, lag = parameters.get("job_type", ""), call.quirks.list_lag

    def commit() -> Response:
        state, now = call.site.state, call.site.clock()
        jobs = [
            job
            for job in state.all_jobs()
            if kind in {"", job.kind} and not (lag and job.created > now - lag)
        ]
        jobs.sort(key=lambda job: (job.created, job.number), reverse=sort.endswith("desc"))
        page = jobs[offset : offset + limit]
        listed: list[Json] = [listed_view(job, now) for job in page]
        return json_response(200, {"job_count": len(jobs), "jobs": listed})

    return commit


def _show_batch_job(call: _Call) -> Commit:
    def commit() -> Response:
        state = call.site.state
        job = state.jobs.get(call.names["id"])
        if job is None:
            raise _refused(404, _NOT_FOUND, "the job does not exist")
        return json_response(200, shown_view(job, call.site.clock()))

    return commit


def _delete_batch_job(call: _Call) -> Commit:
    def commit() -> Response:
        if not call.site.state.delete_job(call.names["id"]):
            raise _refused(404, _NOT_FOUND, "the job does not exist")
        return Response(204)

    return commit


def _stop_batch_job(call: _Call) -> Commit:
    return _changing(call, lambda job: paused(job, call.site.clock()))


def _restore_batch_job(call: _Call) -> Commit:
    return _changing(call, lambda job: restored(job, call.site.clock(), call.site.state.pace))


def _retry_batch_job(call: _Call) -> Commit:
    state = call.site.state
    return _changing(
        call, lambda job: retried(job, call.site.clock(), state.pace, state.failing_targets)
    )


def _changing(call: _Call, change: Callable[[Job], Job]) -> Commit:
    def commit() -> Response:
        try:
            if not call.site.state.change_job(call.names["id"], change):
                raise _refused(404, _NOT_FOUND, "the job does not exist")
        except NotNowError as error:
            raise _refused(400, _NOT_NOW, str(error)) from error
        return Response(200)

    return commit


def _list_edge_nodes(call: _Call) -> Commit:
    parameters = call.request.parameters
    offset, limit = _page(parameters)
    if "group_id" in parameters:
        _need_enterprise(call)

    def commit() -> Response:
        nodes = call.site.state.condition().select(parameters)
        return json_response(200, {"count": len(nodes), "nodes": [*nodes[offset : offset + limit]]})

    return commit


def _show_edge_node(call: _Call) -> Commit:
    def commit() -> Response:
        condition = call.site.state.condition()
        node = condition.fleet.node(call.names["id"])
        if node is None:
            raise _refused(404, _NOT_FOUND, "the node does not exist")
        return json_response(200, {"node": condition.view(node)})

    return commit


def _list_edge_groups(call: _Call) -> Commit:
    _need_enterprise(call)
    parameters = call.request.parameters
    offset, limit = _page(parameters)

    def commit() -> Response:
        condition, project = call.site.state.condition(), call.site.account.project_id
        groups = [
            condition.group_view(group, project)
            for group in condition.fleet.groups
            if parameters.get("name", "") in group.name
        ]
        page: list[Json] = [*groups[offset : offset + limit]]
        return json_response(200, {"count": len(groups), "edge_groups": page})

    return commit


def _show_edge_group(call: _Call) -> Commit:
    _need_enterprise(call)

    def commit() -> Response:
        condition, project = call.site.state.condition(), call.site.account.project_id
        group = condition.fleet.group(call.names["id"])
        if group is None:
            raise _refused(404, _NOT_FOUND, "the group does not exist")
        return json_response(200, condition.group_view(group, project))

    return commit


def _need_enterprise(call: _Call) -> None:
    """Refuse what only an instance of the enterprise edition has; the header names one."""
    if not call.request.header("ief-instance-id"):
        raise _refused(400, _NOT_HERE, "the professional edition has no groups")


def _page(parameters: dict[str, str]) -> tuple[int, int]:
    offset = _number(parameters.get("offset", "0"))
    limit = _number(parameters.get("limit", str(_DEFAULT_LIMIT)))
    if offset is None or offset > _LARGEST_OFFSET:
        raise _refused(400, "IEF.100004", "offset is not a number from 0")
    if limit is None or not 1 <= limit <= _LARGEST_LIMIT:
        raise _refused(400, "IEF.100005", f"limit is not a number from 1 to {_LARGEST_LIMIT}")
    return offset, limit


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
_ROUTES: tuple[tuple[str, re.Pattern[str], str, _Prepare], ...] = (
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
"""The operations there are."""
