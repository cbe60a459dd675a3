"""A log in PostgreSQL that an older or a newer version of this code has initialised."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from handler.audit import format_version
from handler.audit.open_log import init_log, open_log
from handler.audit.verification.verdict import verify
from handler.errors import LogError, LogOutdatedError
from tests.support.postgres_server import ROLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from handler.audit.log import Decide
    from tests.support.postgres_server import PostgresServer

    Noted = Callable[..., Decide[str]]

LOGS = Path(__file__).parents[1] / "logs"
PUT = "INSERT INTO nightdrop.records (seq, hash, prev, record) VALUES (%s, %s, %s, %s)"
LATER = "CREATE OR REPLACE FUNCTION nightdrop.version() RETURNS integer LANGUAGE sql AS 'SELECT {}'"


@pytest.fixture
def records() -> list[tuple[Any, ...]]:
    """The records that the first version of all left, and a body of one of its jobs."""
    with closing(sqlite3.connect(":memory:")) as db:
        db.executescript((LOGS / "first.sql").read_text())
        return db.execute("SELECT seq, hash, prev, record FROM records ORDER BY seq").fetchall()


@pytest.fixture
def old(postgres_server: PostgresServer, records: list[tuple[Any, ...]]) -> str:
    """The name of a database with these records in the tables of the first schema."""
    name = postgres_server.create()
    with psycopg.connect(postgres_server.address(name), autocommit=True) as db:
        db.execute((LOGS / "first_postgres.sql").read_bytes())
        db.execute(f"GRANT USAGE ON SCHEMA nightdrop TO {ROLE}".encode())
        db.execute(f"GRANT INSERT, SELECT ON nightdrop.records TO {ROLE}".encode())
        tables = "nightdrop.deliveries, nightdrop.jobs, nightdrop.outbox, nightdrop.switches"
        db.execute(f"GRANT INSERT, SELECT, UPDATE, DELETE ON {tables} TO {ROLE}".encode())
        db.execute(b"GRANT SELECT ON nightdrop.trail TO PUBLIC")
        for record in records:
            db.execute(PUT, record)
        key = key_of_the_job_that_waits(records)
        db.execute("INSERT INTO nightdrop.outbox VALUES (%s, 'its body')", (key,))
    return name


def key_of_the_job_that_waits(records: list[tuple[Any, ...]]) -> str:
    """Return the key of the job whose last record is `job.deferred`."""
    text = next(text for *_, text in records if '"action":"job.deferred"' in text)
    return str(text.partition('"job":{')[2].partition('"key":"')[2][:52])


def test_a_function_reports_that_an_old_log_needs_init(
    old: str, postgres_server: PostgresServer
) -> None:
    """It may not change the tables itself."""
    with pytest.raises(LogError, match=r"of an earlier version; run `nightdrop audit init`"):
        open_log(postgres_server.address(old, ROLE))


def test_init_migrates_an_old_log(
    old: str, postgres_server: PostgresServer, records: list[tuple[Any, ...]], noted: Noted
) -> None:
    """The records stay, the state is folded from them, and the function's role may continue."""
    init_log(postgres_server.address(old))
    with closing(open_log(postgres_server.address(old, ROLE))) as log:
        assert [record.text for record in log.records()] == [text for *_, text in records]
        waiting = log.read(lambda view: view.open(10).jobs)
        assert {job.state for job in waiting} == {"deferred", "unknown"}
        assert (
            log.bodies([key_of_the_job_that_waits(records)]).get(key_of_the_job_that_waits(records))
            == "its body"
        )
        log.commit(noted("a"))
        assert verify(log.records()).whole


def test_grants_on_old_tables_are_granted_on_new_ones(
    old: str, postgres_server: PostgresServer
) -> None:
    """To every role, and to all of them."""
    granted = """SELECT grantee, table_name, privilege_type FROM information_schema.table_privileges
        WHERE table_schema = 'nightdrop' AND grantee <> grantor ORDER BY 1, 2, 3"""
    with psycopg.connect(postgres_server.address(old), autocommit=True) as db:
        before = db.execute(granted).fetchall()
        init_log(postgres_server.address(old))
        after = db.execute(granted).fetchall()
    assert [one for one in after if one[1] not in {"rollouts", "rollout_nodes"}] == before
    on_jobs = [(role, privilege) for role, table, privilege in after if table == "jobs"]
    on_new = [(role, privilege) for role, table, privilege in after if table == "rollout_nodes"]
    assert on_new == on_jobs
    assert ("PUBLIC", "trail", "SELECT") in before


def test_init_of_an_older_version_rolls_the_tables_back(
    postgres_server: PostgresServer, postgres_database: str, noted: Noted
) -> None:
    """With its own tables, from the same records."""
    owner = postgres_server.address(postgres_database)
    with closing(open_log(owner)) as log:
        log.commit(noted("a"))
    set_version(owner, format_version.VERSION + 1)
    with pytest.raises(LogError, match="of a later version"):
        open_log(owner)
    init_log(owner)
    with closing(open_log(owner)) as log:
        assert log.read(lambda view: view.head).seq == 1


def test_records_with_a_new_meaning_are_refused(
    postgres_server: PostgresServer, postgres_database: str
) -> None:
    """By the function and by init alike."""
    owner = postgres_server.address(postgres_database)
    set_version(owner, format_version.VERSION + 1000)
    for use in (open_log, init_log):
        with pytest.raises(LogError, match="later Nightdrop"):
            use(owner)


def test_an_instance_that_was_open_meanwhile_writes_no_more(
    postgres_server: PostgresServer, postgres_database: str, noted: Noted
) -> None:
    """The platform delivers its event again, to an instance of the version that is deployed."""
    owner = postgres_server.address(postgres_database)
    with closing(open_log(owner)) as log:
        set_version(owner, format_version.VERSION + 1)
        with pytest.raises(LogOutdatedError, match="migrated"):
            log.commit(noted("a"))


def test_init_may_be_repeated(
    postgres_server: PostgresServer, postgres_database: str, noted: Noted
) -> None:
    """Nothing is rebuilt where the version is the same."""
    owner = postgres_server.address(postgres_database)
    with closing(open_log(owner)) as log:
        init_log(owner)
        log.commit(noted("a"))
        assert log.read(lambda view: view.head.seq) == 1


def set_version(address: str, number: int) -> None:
    """Make a database of some version."""
    with psycopg.connect(address, autocommit=True) as db:
        db.execute(LATER.format(number).encode())
