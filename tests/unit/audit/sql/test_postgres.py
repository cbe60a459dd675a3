"""The log in PostgreSQL: what it refuses, which roles it accepts, and its messages."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from handler.audit.log import Decision
from handler.audit.open_log import init_log, open_log
from handler.audit.record import FIRST_PREV, Draft
from handler.audit.retry_policy import RetryPolicy
from handler.audit.sql.postgres import PostgresLog
from handler.audit.sql.postgres_connection import TAKE_LOCK, parse_address
from handler.audit.sql.sqlite import SqliteLog
from handler.audit.verification.verdict import verify
from handler.errors import LogBrokenError, LogBusyError, LogError, LogUnreachableError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from handler.audit.log import View
    from tests.support.postgres_server import PostgresServer

NOTED = Draft(action="log.noted", outcome="success")
CHANGES = {
    "update": "UPDATE nightdrop.records SET record = '{}' WHERE seq = 2",
    "update of nothing": "UPDATE nightdrop.records SET record = '{}' WHERE false",
    "delete": "DELETE FROM nightdrop.records WHERE seq = 3",
    "truncate": "TRUNCATE nightdrop.records",
    "upsert": "INSERT INTO nightdrop.records SELECT * FROM nightdrop.records WHERE seq = 3 "
    "ON CONFLICT (seq) DO UPDATE SET record = '{}'",
}
MISPLACED = {
    "gap": "INSERT INTO nightdrop.records VALUES (5, 'x', %(last)s, '{}')",
    "fork": "INSERT INTO nightdrop.records VALUES (4, 'x', %(first)s, '{}')",
    "fork from nothing": f"INSERT INTO nightdrop.records VALUES (4, 'x', '{FIRST_PREV}', '{{}}')",  # noqa: S608 - the attack
    "known hash": "INSERT INTO nightdrop.records VALUES (4, %(first)s, %(last)s, '{}')",
    "no number": "INSERT INTO nightdrop.records (hash, prev, record) VALUES ('x', %(last)s, '{}')",
    "no text": "INSERT INTO nightdrop.records VALUES (4, 'x', %(last)s, NULL)",
}
MIGHT = {
    "drop a trigger": "DROP TRIGGER records_append_only_change ON nightdrop.records",
    "disable the triggers": "ALTER TABLE nightdrop.records DISABLE TRIGGER ALL",
    "replace the guard": "CREATE OR REPLACE FUNCTION nightdrop.append_only() RETURNS trigger "
    "LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    "play a replica": "SET session_replication_role = replica",
    "drop the table": "DROP TABLE nightdrop.records CASCADE",
    "add a table": "CREATE TABLE nightdrop.mine (a int)",
}


@pytest.fixture
def log(postgres_address: str) -> Iterator[PostgresLog]:
    """An open log of three records, as the function's role has it."""
    opened = PostgresLog(postgres_address, policy=RetryPolicy(5))
    opened.commit(lambda _view: Decision(None, (NOTED, NOTED, NOTED)))
    yield opened
    opened.close()


@pytest.fixture
def owner(postgres_server: PostgresServer, postgres_database: str) -> str:
    """The database's address for the role that owns the tables, here a superuser."""
    return postgres_server.address(postgres_database)


def attack(address: str, statement: str, log: PostgresLog) -> None:
    """Run a statement that must fail, with the hashes of the first and the last record."""
    before = list(log.records())
    known = {"first": before[0].hash, "last": before[-1].hash}
    try:
        with psycopg.connect(address) as db:
            db.execute(statement.encode(), known)
    finally:
        assert list(log.records()) == before


@pytest.mark.parametrize("statement", (CHANGES | MISPLACED).values(), ids=CHANGES | MISPLACED)
def test_the_database_itself_refuses_to_change_the_past(
    log: PostgresLog, owner: str, statement: str
) -> None:
    """Even for the owner, as long as the triggers exist."""
    with pytest.raises(psycopg.IntegrityError):
        attack(owner, statement, log)


@pytest.mark.parametrize("statement", (CHANGES | MIGHT).values(), ids=CHANGES | MIGHT)
def test_the_role_of_the_function_may_only_append(
    log: PostgresLog, postgres_address: str, statement: str
) -> None:
    """It has INSERT and SELECT on the records, and owns nothing that guards them."""
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        attack(postgres_address, statement, log)


def test_the_guard_also_fires_in_a_replica_session(log: PostgresLog, owner: str) -> None:
    """Ordinary triggers do not fire then."""
    with pytest.raises(psycopg.IntegrityError):
        attack(owner, "SET session_replication_role = replica; " + CHANGES["truncate"], log)


def test_an_append_that_fits_is_taken(log: PostgresLog, owner: str) -> None:
    """The guards refuse the attacks above and not everything."""
    last = list(log.records())[-1].hash
    with psycopg.connect(owner) as db:
        db.execute("INSERT INTO nightdrop.records VALUES (4, 'x', %s, '{}')", (last,))
    assert [record.seq for record in log.records()] == [1, 2, 3, 4]


def test_a_broken_chain_is_reported_as_one(log: PostgresLog, owner: str) -> None:
    """A commit does not continue from it."""
    with psycopg.connect(owner) as db:
        db.execute("ALTER TABLE nightdrop.records DISABLE TRIGGER USER")
        db.execute(
            "UPDATE nightdrop.records SET prev = last.hash FROM nightdrop.records AS last "
            "WHERE records.seq = 2 AND last.seq = 3"
        )
        db.execute("ALTER TABLE nightdrop.records ENABLE ALWAYS TRIGGER records_append_only_insert")
    with pytest.raises(LogBrokenError, match="rejects"):
        log.commit(lambda _view: Decision(None, (NOTED,)))


def test_a_database_without_tables_names_the_command(postgres_server: PostgresServer) -> None:
    """That makes them."""
    address = postgres_server.address(postgres_server.create())
    with pytest.raises(LogError, match="nightdrop audit init") as caught:
        open_log(address)
    assert not caught.value.retryable


def test_a_role_without_grants_names_the_command(
    postgres_server: PostgresServer, postgres_database: str
) -> None:
    """The command grants the missing rights."""
    postgres_server.run("postgres", "CREATE ROLE stranger LOGIN")
    with pytest.raises(LogError, match="audit init --role NAME"):
        open_log(postgres_server.address(postgres_database, "stranger"))


def test_preparing_again_changes_nothing(log: PostgresLog, owner: str) -> None:
    """The records stay, and so do the grants."""
    before = list(log.records())
    grants = init_log(owner)
    assert list(log.records()) == before
    assert [grant.split()[0] for grant in grants] == ["GRANT"] * len(grants)


@pytest.mark.parametrize(
    ("role", "message"),
    [("unknown'; --", "role does not exist"), ("postgres", "for the function only")],
)
def test_an_unsuitable_role_is_refused(owner: str, role: str, message: str) -> None:
    """One that does not exist, and one that could change the records."""
    with pytest.raises(LogError, match=message):
        init_log(owner, role)


def test_a_database_in_another_encoding_is_refused(postgres_server: PostgresServer) -> None:
    """It could not hold every object's name."""
    postgres_server.run(
        "postgres",
        "CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0",
    )
    with pytest.raises(LogError, match="UTF8"):
        init_log(postgres_server.address("latin"))


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://user:SECRET@127.0.0.1:1/nightdrop",
        "postgresql://user:SECRET@127.0.0.1:1/nightdrop?sslmode=nonsense",
        "postgresql://user:SECRET%zz@127.0.0.1/nightdrop",
        "postgresql://127.0.0.1:1/nightdrop?password=SECRET&nonsense=1",
    ],
)
@pytest.mark.parametrize("use", [open_log, init_log])
def test_no_message_holds_the_password(use: Any, address: str) -> None:  # noqa: ANN401 - either
    """Neither the error's own nor that of its cause."""
    with pytest.raises(LogError) as caught:
        use(address)
    assert "SECRET" not in f"{caught.value!r} {caught.value.__cause__!r}"


def test_an_unreachable_server_is_a_temporary_error() -> None:
    """The platform's next delivery may reach it."""
    with pytest.raises(LogUnreachableError, match=r"127\.0\.0\.1/nightdrop") as caught:
        open_log("postgresql://127.0.0.1:1/nightdrop")
    assert caught.value.retryable


def test_a_place_shows_no_password() -> None:
    """In its repr neither."""
    place = parse_address("postgresql://user:SECRET@db.example.com/nightdrop")
    assert place.shown == "postgresql://db.example.com/nightdrop"
    assert "SECRET" not in repr(place)


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://user@SECRET@host/db",
        "postgresql://user:SEC@RET@host/db",
        "postgresql://user:SECRET/SECRET@host/db",
        "postgresql://user@/SECRET@host",
        "postgresql://user:SECRET/db",
        "postgresql://user:SECRET@host/db/SECRET@host",
        "postgresql://user:SECRET@host:SECRET/db",
        "postgresql://host/db:SECRET",
        "postgresql://host/db?SECRET",
        "postgresql://host/db?host=a@SECRET",
        "postgresql://host/db?SECRET=1",
    ],
)
def test_an_address_that_could_be_misread_is_refused_and_not_shown(address: str) -> None:
    """A password with a sign in it that is not escaped would be taken for a host or a database."""
    with pytest.raises(LogError, match="%-escapes") as caught:
        open_log(address)
    assert "SECRET" not in f"{caught.value!r} {caught.value.__cause__!r}"


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("postgresql://user:SEC%40RET@host/db", "postgresql://host/db"),
        ("postgresql://user:SEC?RET#@host:5432/db", "postgresql://host/db"),
        ("postgresql://one:1,two:2/my%20db", "postgresql://one,two/my%20db"),
        ("postgresql://[::1]:5432/db", "postgresql://::1/db"),
        ("postgresql:///db?host=/tmp/socket&password=SECRET", "postgresql:///tmp/socket/db"),
        ("postgresql://user@/db?host=db.example.com", "postgresql://db.example.com/db"),
    ],
)
def test_an_address_is_shown_as_what_was_parsed_from_it(address: str, shown: str) -> None:
    """Host and database alone, wherever they are in it."""
    assert parse_address(address).shown == shown


def test_waiting_for_other_writers_ends(log: PostgresLog, postgres_address: str) -> None:
    """Nothing was appended, and a later try may succeed."""
    with closing(PostgresLog(postgres_address, policy=RetryPolicy(0.2))) as hasty:
        with psycopg.connect(postgres_address) as other:
            other.execute(TAKE_LOCK.encode())
            with pytest.raises(LogBusyError, match="held by other writers"):
                hasty.commit(lambda _view: Decision(None, (NOTED,)))
        hasty.commit(lambda _view: Decision(None, (NOTED,)))
    assert verify(log.records()).head.seq == 4


def test_a_sender_frozen_in_its_commit_blocks_no_other(
    log: PostgresLog, postgres_address: str
) -> None:
    """The server rolls its transaction back; thawed, it decides again on the present state."""
    frozen, thawed = threading.Event(), threading.Event()
    seen: list[int] = []

    def freezing(view: View) -> Decision[None]:
        seen.append(view.head.seq)
        if not frozen.is_set():
            frozen.set()
            thawed.wait(30)
        return Decision(None, (NOTED,))

    with closing(PostgresLog(postgres_address, policy=RetryPolicy(0.9))) as slow:
        thread = threading.Thread(target=lambda: slow.commit(freezing))
        thread.start()
        frozen.wait()
        log.commit(lambda _view: Decision(None, (NOTED,)))
        thawed.set()
        thread.join()
    verdict = verify(log.records())
    assert (verdict.whole, verdict.head.seq, seen) == (True, 5, [3, 4])


def test_a_closed_log_raises_an_error(postgres_address: str) -> None:
    """It does not open itself again."""
    log = PostgresLog(postgres_address)
    log.close()
    with pytest.raises(LogError, match="is closed"):
        log.read(lambda view: view.head)


def test_an_answer_is_durable_whatever_the_default_is(
    postgres_server: PostgresServer, postgres_database: str, postgres_address: str
) -> None:
    """A database set to acknowledge early does not do so for the log."""
    setting = f"ALTER DATABASE {postgres_database} SET synchronous_commit = off"
    postgres_server.run(postgres_database, setting)
    with closing(PostgresLog(postgres_address)) as log:
        ask: Any = lambda view: view.execute("SHOW synchronous_commit")  # noqa: E731 - typed as any
        shown = log.read(ask)
    assert shown == [("on",)]


def test_both_stores_have_the_same_columns(owner: str, tmp_path: Path) -> None:
    """In the same order, in tables and views."""
    SqliteLog(tmp_path / "audit.db").close()
    names = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view')"
    with closing(sqlite3.connect(tmp_path / "audit.db")) as db:
        in_sqlite = {
            (name, number, column)
            for (name,) in db.execute(names)
            for number, column, *_ in db.execute(f"PRAGMA table_info({name})")
        }
    with psycopg.connect(owner) as other:
        in_postgres = other.execute(
            "SELECT table_name, ordinal_position - 1, column_name FROM information_schema.columns "
            "WHERE table_schema = 'nightdrop'"
        ).fetchall()
    assert set(in_postgres) == in_sqlite
