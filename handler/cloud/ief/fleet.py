"""The edge nodes, node groups and deployments of the project, read page by page.

IEF's nodes have fields for private keys and certificates, its deployments for values of variables,
so nothing of an answer leaves this module but what `EdgeNode`, `NodeGroup` and `EdgeDeployment`
name.

Source: support.huaweicloud.com/api-ief, "Edge node management" (`/v2/{project_id}/edgemgr/nodes`),
"Edge node group management" (`/v2/{project_id}/edgemgr/groups`, enterprise edition only) and
"Deployment management" (`/v3/{project_id}/edgemgr/deployments`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from handler.cloud.ief.answers import id_of, status_word_of, text_of
from handler.errors import NoAnswerError
from handler.values.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from handler.cloud.ief.client import Ief
    from handler.values.canonical_json import Json

_PAGE = 500
"""How many entries are asked for at once: the page's default, at most 1,000."""

_DEPLOYMENTS_PAGE = 100
"""The most deployments of one page."""

_MOST_PAGES = 400
"""After this many pages a list is given up."""


class EdgeNode(NamedTuple):
    """An edge node.

    Attributes:
        id: Its id, which a job's target names.
        name: Its name, unique in the account.
        state: RUNNING, FAIL, UPGRADING, STOPPED, UNCONNECTED, FREEZE, or another word.
        version: The version of its EdgeCore, or "".
        upgradable: Whether IEF has a newer EdgeCore for it.
        arch: Its processor architecture, or "".
        tags: Its tags as `key=value`.
        groups: The ids of its groups.
    """

    id: str
    name: str
    state: str
    version: str
    upgradable: bool
    arch: str
    tags: tuple[str, ...]
    groups: tuple[str, ...]


class NodeGroup(NamedTuple):
    """A group of nodes; `nodes` counts them, None where the answer does not list them."""

    id: str
    name: str
    description: str
    nodes: int | None


class EdgeDeployment(NamedTuple):
    """A deployment, with what is selected by; nothing is newer than it, and it is in no group."""

    id: str
    name: str
    state: str
    tags: tuple[str, ...]
    upgradable: bool = False
    groups: tuple[str, ...] = ()


LIST_NODES = "ief:node:list"
"""The right that listing nodes needs; IEF's page of rights does not name it."""


def list_nodes(ief: Ief) -> list[EdgeNode]:
    """Return all nodes of the project; complete or not at all.

    Raises:
        NoAnswerError: The list is incomplete, or holds a node without a usable id.
        CloudError: A call failed.
    """
    return [_node(one) for one in _pages(ief, "edgemgr/nodes", "nodes")]


def show_node(ief: Ief, node_id: str) -> EdgeNode:
    """Return one node by its id.

    Raises:
        CloudError: The call failed; IEF answers 404 if there is no such node.
    """
    answer = ief.get(f"edgemgr/nodes/{node_id}")
    found = answer.get("node")  # some versions of the page show the node without this envelope
    return _node(found if isinstance(found, dict) else answer)


def list_groups(ief: Ief) -> list[NodeGroup]:
    """Return all node groups of the project; complete or not at all.

    Raises:
        NoAnswerError: The list is incomplete, or holds a group without a usable id.
        CloudError: A call failed; only an enterprise instance has groups.
    """
    return [_group(one) for one in _pages(ief, "edgemgr/groups", "edge_groups")]


def list_deployments(ief: Ief) -> list[EdgeDeployment]:
    """Return all deployments of the project; complete or not at all.

    Raises:
        NoAnswerError: The list is incomplete, or holds a deployment without a usable id.
        CloudError: A call failed.
    """
    pages = _pages(ief, "edgemgr/deployments", "deployments", _DEPLOYMENTS_PAGE, version="v3")
    return [_deployment(one) for one in pages]


def _pages(
    ief: Ief, resource: str, field: str, size: int = _PAGE, version: str = "v2"
) -> Iterator[dict[str, Json]]:
    found = 0
    for page in range(_MOST_PAGES):
        query = [("limit", str(size)), ("offset", str(page * size))]
        answer = ief.get(resource, query, version=version)
        entries, count = answer.get(field), answer.get("count")
        if not isinstance(entries, list):
            raise NoAnswerError(f"IEF's answer holds no {field}")
        yield from (one if isinstance(one, dict) else {} for one in entries)
        found += len(entries)
        if len(entries) < size:
            if isinstance(count, int) and count > found:
                raise NoAnswerError(f"IEF listed {found} of {count} {field}; try again")
            return
    raise NoAnswerError(f"IEF's list of {field} does not end")


def _node(found: dict[str, Json]) -> EdgeNode:
    node_id = id_of(found, "id")
    if not node_id:
        raise NoAnswerError("IEF's answer holds a node without a usable id")
    groups = found.get("group_ids")
    return EdgeNode(
        id=node_id,
        name=text_of(found, "name"),
        state=status_word_of(found, "state"),
        version=text_of(found, "edged_version") or text_of(found, "ief_node_version"),
        upgradable=found.get("upgrade_flag") is True,
        arch=text_of(found, "arch"),
        tags=tuple(_tags(found.get("tags"))),
        groups=tuple(str(one) for one in groups) if isinstance(groups, list) else (),
    )


def _tags(listed: Json) -> Iterator[str]:
    for tag in listed if isinstance(listed, list) else ():
        if isinstance(tag, dict):
            yield f"{text_of(tag, 'key')}={text_of(tag, 'value')}"


def _group(found: dict[str, Json]) -> NodeGroup:
    group_id, nodes = id_of(found, "id"), found.get("nodes")
    if not group_id:
        raise NoAnswerError("IEF's answer holds a group without a usable id")
    return NodeGroup(
        id=group_id,
        name=text_of(found, "name"),
        description=text_of(found, "description"),
        nodes=len(nodes) if isinstance(nodes, list) else None,
    )


def _deployment(found: dict[str, Json]) -> EdgeDeployment:
    deployment_id = id_of(found, "id")
    if not deployment_id:
        raise NoAnswerError("IEF's answer holds a deployment without a usable id")
    return EdgeDeployment(
        id=deployment_id,
        name=text_of(found, "name"),
        state=status_word_of(found, "state"),
        tags=tuple(_tags(found.get("tags"))),
    )
