"""Nodes and groups, read page by page from the emulator and from services that fail."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from handler.cloud.credentials import Credentials
from handler.cloud.ief.client import Ief
from handler.cloud.ief.fleet import list_deployments, list_groups, list_nodes, show_node
from handler.emulator.ief.fleet import Fleet, Node
from handler.emulator.server import DEMO_ACCOUNT, Emulator
from handler.errors import ApiError, NoAnswerError

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator

    from handler.cloud.http_transport import Transport

    Server: TypeAlias = Callable[[Callable[[socket.socket, int], None]], str]

NORTH = "5a0f7c52-8e7b-4a57-9d43-1c1f0b8e2d11"


def client(url: str, transport: Transport) -> Ief:
    """Return a client with the emulator's keys."""
    keys = Credentials(DEMO_ACCOUNT.access_key, DEMO_ACCOUNT.secret_key)
    return Ief(url, DEMO_ACCOUNT.project_id, keys, transport, lambda: datetime.now(timezone.utc))


@pytest.fixture(scope="module")
def cloud() -> Iterator[Emulator]:
    """An emulator with the demo fleet."""
    with Emulator() as running:
        yield running


@pytest.fixture
def ief(cloud: Emulator, transport: Transport) -> Ief:
    """A client of the demo fleet."""
    return client(cloud.url, transport)


@pytest.fixture
def answered(transport: Transport, server: Server) -> Callable[[object], Ief]:
    """Make a client of a service that gives one answer."""

    def make(answer: object) -> Ief:
        body = json.dumps(answer).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode()

        def behave(connection: socket.socket, _number: int) -> None:
            connection.recv(65536)
            connection.sendall(head + body)

        return client(server(behave), transport)

    return make


def test_all_nodes_are_listed_with_allowed_fields(ief: Ief) -> None:
    """Name, state, version, tags: what a person looks for."""
    found = {node.name: node for node in list_nodes(ief)}
    north = found["gateway-north-1"]
    assert (north.id, north.state, north.version, north.upgradable) == (
        NORTH, "RUNNING", "2.53.0", True,
    )  # fmt: skip
    assert north.tags == ("site=north", "line=1")
    assert found["gateway-south-2"].state == "UNCONNECTED"


def test_a_long_list_is_read_to_its_end(transport: Transport) -> None:
    """Page after page, each node once."""
    nodes = tuple(Node(f"id-{number}", f"n{number}") for number in range(1_234))
    with Emulator(fleet=Fleet(nodes=nodes)) as emulator:
        found = list_nodes(client(emulator.url, transport))
        lists = [one for one in emulator.state.requests if one.operation == "ListEdgeNodes"]
    assert [node.id for node in found] == [node.node_id for node in nodes]
    assert len(lists) == 3


def test_a_list_that_is_shorter_than_its_count_is_no_list(
    answered: Callable[[object], Ief],
) -> None:
    """A name that is missing from it might be that of a node."""
    ief = answered({"count": 2, "nodes": [{"id": NORTH}]})
    with pytest.raises(NoAnswerError, match="1 of 2"):
        list_nodes(ief)


@pytest.mark.parametrize("answer", [{}, {"nodes": {}}, {"nodes": [{"name": "x"}]}, {"nodes": [7]}])
def test_an_answer_without_nodes_or_ids_is_no_list(
    answered: Callable[[object], Ief], answer: object
) -> None:
    """Nothing is guessed."""
    with pytest.raises(NoAnswerError):
        list_nodes(answered(answer))


def test_one_node_is_shown_with_or_without_an_envelope(
    ief: Ief, answered: Callable[[object], Ief]
) -> None:
    """The pages do not agree about it."""
    bare: dict[str, Any] = {"id": NORTH, "name": "n", "private_key": "secret"}
    assert show_node(ief, NORTH).name == "gateway-north-1"
    assert show_node(answered(bare), NORTH).name == "n"
    assert "secret" not in str(show_node(answered(bare), NORTH))


def test_an_unknown_node_is_an_error_of_ief(ief: Ief) -> None:
    """With the status 404."""
    with pytest.raises(ApiError) as raised:
        show_node(ief, "no-such-node")
    assert raised.value.status == 404


def test_groups_need_an_enterprise_instance(ief: Ief) -> None:
    """The professional edition answers with an error; an instance lists them."""
    with pytest.raises(ApiError):
        list_groups(ief)
    (docks,) = list_groups(ief._replace(instance="an-instance"))
    assert (docks.name, docks.nodes) == ("docks", 3)


def test_deployments_are_listed_without_their_variables(answered: Callable[[object], Ief]) -> None:
    """Id, name, state and tags; nothing of the template leaves the module."""
    deployment = {
        "id": "d-1",
        "name": "app",
        "state": "running",
        "tags": [{"key": "ring", "value": "1"}],
        "template": {"containers": [{"envs": [{"name": "KEY", "value": "CANARY"}]}]},
    }
    (found,) = list_deployments(answered({"count": 1, "deployments": [deployment]}))
    assert (found.id, found.name, found.tags) == ("d-1", "app", ("ring=1",))
    assert "CANARY" not in str(found)


def test_a_list_of_deployments_that_is_short_is_no_answer(
    answered: Callable[[object], Ief],
) -> None:
    """A rollout would leave some out."""
    with pytest.raises(NoAnswerError, match="listed 1 of 2 deployments"):
        list_deployments(answered({"count": 2, "deployments": [{"id": "d-1"}]}))
    with pytest.raises(NoAnswerError, match="without a usable id"):
        list_deployments(answered({"count": 1, "deployments": [{"name": "app"}]}))
