"""The stores that the function is killed and frozen on."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TypeAlias
from uuid import uuid4

import pytest

from tests.support.object_server import BUCKET
from tests.support.postgres_server import ROLE, TEMPLATE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.postgres_server import PostgresServer

    NewAddress: TypeAlias = Callable[[], str]


def _sqlite(_request: pytest.FixtureRequest, folder: Path) -> str:
    return f"sqlite:///{folder}/{uuid4().hex}.db"


def _postgresql(request: pytest.FixtureRequest, _folder: Path) -> str:
    server: PostgresServer = request.getfixturevalue("postgres_server")
    name = server.create(TEMPLATE)
    request.addfinalizer(lambda: server.run("postgres", f"DROP DATABASE {name} WITH (FORCE)"))
    return server.address(name, ROLE)


def _obs(_request: pytest.FixtureRequest, _folder: Path) -> str:
    # In the bucket of the scene that is opened with it, beside what is dropped there.
    return f"obs://{BUCKET}/audit/{uuid4().hex}"


store_addresses: dict[str, Callable[[pytest.FixtureRequest, Path], str]] = {
    "sqlite": _sqlite,
    "postgresql": _postgresql,
    "obs": _obs,
}
"""By the name of a store, how to come by the address of an empty log in it."""


FULL = os.environ.get("STORM") == "full"
QUICK = list(store_addresses) if FULL else ["sqlite"]
"""The stores for tests that take long and tell little more on another one."""

SERVED = list(store_addresses) if FULL else ["sqlite", "obs"]
"""The stores for tests that take some time: the local one and one of the cloud."""


@pytest.fixture(scope="module", params=SERVED)
def new_address(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> NewAddress:
    """Make the address of an empty log, in each store there is."""
    return _maker(request, tmp_path_factory)


@pytest.fixture(scope="module", params=QUICK)
def quick_address(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> NewAddress:
    """Make the address of an empty log, in SQLite; in each store there is when `STORM=full`."""
    return _maker(request, tmp_path_factory)


def _maker(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> NewAddress:
    folder = tmp_path_factory.mktemp("logs")
    return lambda: store_addresses[request.param](request, folder)
