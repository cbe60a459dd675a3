"""The state derived from the records in PostgreSQL, falsified and rebuilt."""

from __future__ import annotations

from contextlib import closing
from itertools import islice
from typing import TYPE_CHECKING

import psycopg
import pytest

from handler.audit.open_log import open_log, open_source
from handler.audit.rebuild import rebuild
from handler.audit.verification.sources.postgres_parts import UNCOMPARED
from handler.audit.verification.verifier import Evidence, verify_log
from tests.support.long_log import recording, run_records
from tests.support.postgres_server import ROLE

if TYPE_CHECKING:
    from handler.audit.verification.verdict import Verdict
    from tests.support.postgres_server import PostgresServer

WAITING = "WHERE key IN (SELECT key FROM nightdrop.jobs)"
ROWS = {
    "a state": (
        "UPDATE nightdrop.jobs SET state = 'planned', todo = 'send' WHERE state = 'created'",
        "in jobs differs from its records: state, todo",
    ),
    "a lost delivery": (
        "SET session_replication_role = replica; DELETE FROM nightdrop.deliveries",
        "in deliveries is missing",
    ),
    "a hold": (
        "INSERT INTO nightdrop.switches VALUES ('hold', 'by no operator')",
        "the row of hold in switches is not derived from any record",
    ),
    "a hold without a name": (
        "INSERT INTO nightdrop.switches VALUES ('', 'by no operator')",
        "in switches is not derived from any record",
    ),
    "a record before all others": (
        (
            "SET session_replication_role = replica;"
            "ALTER TABLE nightdrop.records DISABLE TRIGGER ALL;"
            "INSERT INTO nightdrop.records VALUES (-9223372036854775808, 'x', 'y', '{}');"
            "ALTER TABLE nightdrop.records ENABLE ALWAYS TRIGGER records_append_only_insert,"
            "ENABLE ALWAYS TRIGGER records_append_only_change"
        ),
        "record -9223372036854775808: follows record 0",
    ),
    "a body": (
        f"UPDATE nightdrop.outbox SET body = '{{}}' {WAITING}",  # noqa: S608 - the attack
        "in the outbox does not match its recorded digest",
    ),
    "a body too many": (
        "INSERT INTO nightdrop.outbox VALUES ('mine', '{}')",
        "the outbox holds a body for mine",
    ),
}
PARTS = {
    "a lost index": ("DROP INDEX nightdrop.jobs_todo", "the index jobs_todo is missing"),
    "another index": (
        "DROP INDEX nightdrop.jobs_todo; CREATE INDEX jobs_todo ON nightdrop.jobs (todo)",
        "the index jobs_todo differs from the schema",
    ),
    "a table": (
        "CREATE TABLE nightdrop.approvals (who text)",
        "there is a table that the schema does not have, approvals; drop it",
    ),
    "a column": (
        "ALTER TABLE nightdrop.jobs ADD COLUMN approved text",
        "there is a column that the schema does not have, jobs.approved",
    ),
    "a view": (
        "ALTER VIEW nightdrop.job_story RENAME COLUMN note TO remark",
        "the view job_story differs from the schema",
    ),
    "a trigger": (
        "CREATE TRIGGER z BEFORE DELETE ON nightdrop.jobs EXECUTE FUNCTION nightdrop.append_only()",
        "there is a trigger that the schema does not have, jobs.z",
    ),
    "a policy that hides rows": (
        (
            "ALTER TABLE nightdrop.deliveries ENABLE ROW LEVEL SECURITY;"
            "CREATE POLICY p ON nightdrop.deliveries USING (key <> 'kkkk') WITH CHECK (true)"
        ),
        "there is a policy that the schema does not have, deliveries.p; drop it",
    ),
    "rows that can be hidden": (
        "ALTER TABLE nightdrop.deliveries ENABLE ROW LEVEL SECURITY",
        "the table deliveries differs from the schema",
    ),
    "a function that looks elsewhere": (
        "ALTER FUNCTION nightdrop.version() SET search_path = evil, pg_catalog",
        "the function version() differs from the schema",
    ),
    "a version": (
        "CREATE OR REPLACE FUNCTION nightdrop.other() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "there is a function that the schema does not have, other()",
    ),
}


@pytest.fixture
def address(postgres_address: str) -> str:
    """A log of runs that ended, and of one that waits."""
    with closing(open_log(postgres_address)) as log:
        for salt in ("one", "two\0", "三"):
            log.commit(recording(list(run_records(salt))))
        log.commit(recording(list(islice(run_records("waits"), 3))))
        log.commit(recording(list(islice(run_records("came"), 1))))
    return postgres_address


def examined(address: str) -> Verdict:
    """Verify the log."""
    with closing(open_source(address)) as stored:
        return verify_log(stored, Evidence())


@pytest.mark.parametrize(("statement", "message"), (ROWS | PARTS).values(), ids=ROWS | PARTS)
def test_a_falsified_row_is_found(
    postgres_server: PostgresServer,
    postgres_database: str,
    address: str,
    statement: str,
    message: str,
) -> None:
    """By a role that may only read and make temporary tables."""
    assert (examined(address).faults, examined(address).status) == ((), 2)
    postgres_server.run(postgres_database, statement)
    verdict = examined(address)
    assert verdict.status == 1
    assert message in "\n".join(map(str, verdict.faults))


def test_a_role_without_temporary_tables_gets_a_list_of_unchecked_tables(
    postgres_server: PostgresServer, postgres_database: str, address: str
) -> None:
    """The rows are compared nevertheless."""
    postgres_server.run(
        postgres_database, f"REVOKE TEMPORARY ON DATABASE {postgres_database} FROM PUBLIC"
    )
    verdict = examined(address)
    assert (verdict.faults, UNCOMPARED in verdict.remarks) == ((), True)


@pytest.mark.parametrize("owner", [True, False])
def test_everything_is_rebuilt_from_the_records(
    *, postgres_server: PostgresServer, postgres_database: str, address: str, owner: bool
) -> None:
    """By the owner tables and all, by the function's role what is in them; grants stay."""
    damage = [ROWS["a state"], ROWS["a hold"], ROWS["a body too many"]]
    damage += [PARTS["a lost index"], PARTS["a column"]] if owner else []
    for statement, _ in damage:
        postgres_server.run(postgres_database, statement)
    as_owner = postgres_server.address(postgres_database)
    done = rebuild(as_owner if owner else address, actor={"name": "me"}, evidence=Evidence())
    assert done.fields["action"] == "log.rebuilt"
    assert examined(address).faults == ()
    with closing(open_log(address)) as log:
        assert [job.name for job in log.read(lambda view: view.open(9).jobs)] != []
        assert log.commit(recording(list(run_records("more")))).records
    with psycopg.connect(as_owner) as db:
        granted = db.execute(
            "SELECT count(*) FROM information_schema.table_privileges "
            "WHERE grantee = %s AND table_name = 'jobs'",
            (ROLE,),
        ).fetchone()
    assert granted == (4,)
