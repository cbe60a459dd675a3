"""`nightdrop nodes` and `groups`: what is on the fleet, to be named in a spec."""

from __future__ import annotations

from contextlib import contextmanager
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import click

from handler.cli.console import exit_with_error, printable
from handler.cli.listing import Listing, print_rows, print_value
from handler.cli.open_cloud import open_cloud
from handler.cli.shared_options import format_choice, format_option
from handler.cloud.http_transport import NOT_FOUND
from handler.cloud.ief.answers import NODE_STATES
from handler.cloud.ief.fleet import (
    LIST_NODES,
    EdgeNode,
    NodeGroup,
    list_groups,
    list_nodes,
    show_node,
)
from handler.errors import ApiError
from handler.jobs.submission import AUTHENTICATION_FAILED
from handler.specs.node_names import ambiguous_node, similar_names, unknown_node
from handler.specs.targets import is_node_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from handler.cloud.ief.client import Ief

_NOT_FOUND = 1
"""Exit status: no node, or several, have that name or id."""

_NO_RIGHT = frozenset({401, 403})

_NODES = Listing(
    ("name", "state", "version", "upgradable", "id", "tags"),
    name="name",
    empty="No node matches.",
    optional=("version", "upgradable", "id"),
)
_GROUPS = Listing(
    ("name", "nodes", "id", "description"),
    name="name",
    empty="No group matches.",
    optional=("nodes", "id"),
)
_STYLES = {"RUNNING": "", "FAIL": "red", "UNCONNECTED": "yellow", "STOPPED": "yellow"}


def _checked_tags(
    _context: click.Context, _parameter: click.Parameter, tags: tuple[str, ...]
) -> tuple[str, ...]:
    for tag in tags:
        if "=" not in tag:
            raise click.BadParameter(f"{printable(tag)} has no value; write KEY=VALUE")
    return tags


@click.group()
def nodes() -> None:
    """List the edge nodes of the fleet, whose names and ids a job spec may have as targets.

    \b
      nightdrop nodes list --upgradable --state running
      nightdrop nodes show gateway-north-1
    """


@nodes.command("list", short_help="All nodes, or those that match.")
@click.option("--name", metavar="PATTERN", default="*", help="A name; * and ? stand for others.")
@click.option("--state", default="", help="Such as running, fail, unconnected.")
@click.option(
    "--tag",
    "tags",
    metavar="KEY=VALUE",
    multiple=True,
    callback=_checked_tags,
    help="A tag; all must be there.",
)
@click.option("--group", metavar="GROUP", default="", help="The name or id of a node group.")
@click.option("--upgradable", is_flag=True, help="Only nodes that IEF has a newer EdgeCore for.")
@format_option
def list_nodes_(  # noqa: PLR0913 - one for each option
    *, name: str, state: str, tags: tuple[str, ...], group: str, upgradable: bool, output: str
) -> None:
    """Print the edge nodes, the whole list or none of it. All options must match.

    Exit status: 0 printed, 2 IEF cannot be asked.

    \b
      nightdrop nodes list --name 'gateway-*' --upgradable
      nightdrop nodes list --tag site=north --state running -o name
    """
    with _open_fleet() as ief:
        found = list_nodes(ief)
        groups = _ids_of_group(group, list_groups(ief)) if group else ()
    states = NODE_STATES | {node.state.upper() for node in found}
    if state and state.upper() not in states:
        known = ", ".join(sorted(map(str.lower, states)))
        raise click.BadParameter(
            f"no node is ever {printable(state)}; give one of {known}", param_hint="--state"
        )
    chosen = [
        node
        for node in found
        if fnmatchcase(node.name, name)
        and state.upper() in {"", node.state.upper()}
        and set(tags) <= set(node.tags)
        and (not group or set(groups) & set(node.groups))
        and (node.upgradable or not upgradable)
    ]
    print_rows(
        [_row(node) for node in sorted(chosen, key=lambda node: node.name)],
        _NODES,
        output,
        shown=_shown,
        style=lambda row: _STYLES.get(str(row["state"]), "red"),
    )


@nodes.command(short_help="One node.")
@click.argument("node")
@format_choice("table", "json", "yaml")
def show(node: str, *, output: str) -> None:
    """Print what is known of NODE: its name or its id.

    Exit status: 0 printed, 1 there is no such node, 2 IEF cannot be asked.

    \b
      nightdrop nodes show gateway-north-1
      nightdrop nodes show 5a0f7c52-8e7b-4a57-9d43-1c1f0b8e2d11 -o yaml
    """
    with _open_fleet() as ief:
        row = _row(_by_id(ief, node) or _one(node, list_nodes(ief)))
    if output != "table":
        print_value(row, output)
        return
    for field, value in _shown(row).items():
        click.echo(f"{field:<10}  {value}".rstrip())


@click.group()
def groups() -> None:
    """List the node groups of the fleet; only an enterprise instance has them.

    \b
      nightdrop groups list
      nightdrop groups list -o name
    """


@groups.command("list", short_help="All groups.")
@format_option
def list_groups_(*, output: str) -> None:
    """Print the node groups, the whole list or none of it.

    Exit status: 0 printed, 2 IEF cannot be asked.

    \b
      nightdrop groups list
      nightdrop groups list -o json
    """
    with _open_fleet() as ief:
        found = list_groups(ief)
    rows: list[dict[str, Any]] = [group._asdict() for group in found]
    print_rows(sorted(rows, key=lambda row: str(row["name"])), _GROUPS, output)


@contextmanager
def _open_fleet() -> Iterator[Ief]:
    """Open IEF; an answer that the keys may not ask exits with what to do."""
    try:
        with open_cloud() as cloud:
            yield cloud.ief
    except ApiError as error:
        if error.code == AUTHENTICATION_FAILED:
            exit_with_error(f"{error}; check the keys and this machine's clock")
        if error.status in _NO_RIGHT:
            exit_with_error(f"{error}; the keys need the right to list nodes, `{LIST_NODES}`")
        raise


def _row(node: EdgeNode) -> dict[str, Any]:
    return {**node._asdict(), "tags": list(node.tags), "groups": list(node.groups)}


def _shown(row: Any) -> dict[str, Any]:  # noqa: ANN401 - a row of the list
    lists = {field: ", ".join(row[field]) for field in ("tags", "groups")}
    return {**row, "upgradable": "yes" if row["upgradable"] else "", **lists}


def _by_id(ief: Ief, what: str) -> EdgeNode | None:
    """Return the node with an id, by one request; None if it is not the id of a node."""
    if not is_node_id(what):
        return None
    try:
        return show_node(ief, what)
    except ApiError as error:
        if error.status != NOT_FOUND:
            raise
        return None


def _one(what: str, found: Sequence[EdgeNode]) -> EdgeNode:
    chosen = [node for node in found if what in {node.name, node.id}]
    if not chosen:
        exit_with_error(unknown_node(what, [node.name for node in found]), _NOT_FOUND)
    if len(chosen) > 1:
        exit_with_error(ambiguous_node(what, [node.id for node in chosen]), _NOT_FOUND)
    return chosen[0]


def _ids_of_group(what: str, found: Sequence[NodeGroup]) -> Sequence[str]:
    ids = [group.id for group in found if what in {group.name, group.id}]
    if not ids:
        names = [group.name for group in found]
        hint = similar_names(what, names) or "; see `nightdrop groups list`"
        exit_with_error(f"no group has the name or id {what}{hint}", _NOT_FOUND)
    return ids
