"""The operations of Intelligent EdgeFabric on nodes, groups, deployments and pods."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handler.emulator.http.messages import Response, json_response
from handler.emulator.ief.create_job_validation import BAD_FIELD
from handler.emulator.ief.service_call import (
    IefCall,
    Paging,
    existing,
    need_enterprise,
    page_of,
    refusal_error,
)

if TYPE_CHECKING:
    from handler.emulator.ief.deployments import Deployments
    from handler.values.canonical_json import Json

_DEPLOYMENT_PAGES = Paging(10, 100)
_SELECTING_PODS = ("node_id", "group_id", "deployment_id", "deployment_ids")


def list_edge_nodes(call: IefCall) -> Response:
    """Return a page of the nodes that a query selects."""
    parameters = call.request.parameters
    page = page_of(parameters)
    if "group_id" in parameters:
        need_enterprise(call)
    status = call.context.state.fleet_status()
    nodes = status.select(parameters)
    views: list[Json] = [status.view(node) for node in nodes[page]]
    return json_response(200, {"count": len(nodes), "nodes": views})


def show_edge_node(call: IefCall) -> Response:
    """Return one node."""
    status = call.context.state.fleet_status()
    node = existing("node", status.fleet.node(call.names["id"]))
    return json_response(200, {"node": status.view(node)})


def list_edge_groups(call: IefCall) -> Response:
    """Return a page of the groups that a query selects, each with its nodes."""
    need_enterprise(call)
    parameters = call.request.parameters
    page = page_of(parameters)
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


def show_edge_group(call: IefCall) -> Response:
    """Return one group with its nodes."""
    need_enterprise(call)
    status, project = (
        call.context.state.fleet_status(),
        call.context.credential_issuer.account.project_id,
    )
    group = existing("group", status.fleet.group(call.names["id"]))
    return json_response(200, status.group_view(group, project))


def list_deployments(call: IefCall) -> Response:
    """Return a page of the deployments that a query selects."""
    parameters = call.request.parameters
    page = page_of(parameters, _DEPLOYMENT_PAGES)
    if "node_id" in parameters and "group_id" in parameters:
        raise refusal_error(400, BAD_FIELD, "node_id and group_id exclude each other")
    if "group_id" in parameters:
        need_enterprise(call)
    deployments = _deployments(call)
    selected = deployments.select(parameters)
    views: list[Json] = [deployments.view(one) for one in selected[page]]
    return json_response(200, {"count": len(selected), "deployments": views})


def list_pods(call: IefCall) -> Response:
    """Return a page of the pods of deployments, or of those on a node or in a group."""
    parameters = call.request.parameters
    page = page_of(parameters)
    if sum(name in parameters for name in _SELECTING_PODS) > 1:
        raise refusal_error(400, BAD_FIELD, f"{', '.join(_SELECTING_PODS)} exclude one another")
    if "group_id" in parameters:
        need_enterprise(call)
    pods = _deployments(call).select_pods(parameters)
    return json_response(200, {"count": len(pods), "pods": [*pods[page]]})


def _deployments(call: IefCall) -> Deployments:
    project_id = call.context.credential_issuer.account.project_id
    return call.context.state.deployments(project_id)
