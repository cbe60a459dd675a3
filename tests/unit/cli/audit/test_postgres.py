"""`nightdrop audit` on a log in PostgreSQL."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import psycopg
import pytest
from click.testing import CliRunner
from psycopg.rows import dict_row

from handler.audit.log import Decision
from handler.audit.open_log import open_log
from handler.audit.record import Draft
from handler.cli.audit.web.report_tables import write_page_copy
from handler.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

    from handler.audit.record import Part
    from tests.support.postgres_server import PostgresServer

DELIVERY = {"key": "d" * 52, "trigger": "object", "subject": "obs://b/k"}
JOB: Part = {"key": "j" * 52, "name": "nightly-ngkmzypw", "type": "app_upgrade", "document": 1}
DRAFTS = (
    Draft("delivery.planned", "pending", delivery=DELIVERY),
    Draft("job.planned", "pending", delivery={"key": "d" * 52}, job=JOB),
    Draft(
        "job.refused",
        "failure",
        delivery={"key": "d" * 52},
        job={"key": "j" * 52, "name": "nightly-ngkmzypw"},
        response={"status": 400},
        note="no",
    ),
)


def run(*arguments: str) -> Result:
    """Run a subcommand of `nightdrop audit`."""
    return CliRunner().invoke(main, ["audit", *arguments])


@pytest.fixture
def filled(postgres_address: str) -> str:
    """The address of a log with one refused job."""
    with closing(open_log(postgres_address)) as log:
        log.commit(lambda _view: Decision(None, DRAFTS))
    return postgres_address


def test_init_makes_a_log_that_the_function_can_use(postgres_server: PostgresServer) -> None:
    """It prints the grants."""
    name = postgres_server.create()
    address = postgres_server.address(name)
    done = run("init", "--audit", address, "--role", "nightdrop_function")
    assert done.exit_code == 0, done.output
    assert 'GRANT SELECT, INSERT ON nightdrop.records TO "nightdrop_function";' in done.output
    open_log(postgres_server.address(name, "nightdrop_function")).close()


def test_init_without_a_role_prints_the_grants(postgres_server: PostgresServer) -> None:
    """For a role that may grant."""
    done = run("init", "--audit", postgres_server.address(postgres_server.create()))
    assert done.exit_code == 0, done.output
    assert "GRANT USAGE ON SCHEMA nightdrop TO function_role;" in done.output


def test_init_of_a_file_says_that_it_is_automatic() -> None:
    """Nothing is created."""
    done = run("init", "--audit", "sqlite:///nowhere/audit.db")
    assert (done.exit_code, "created on first use" in done.output) == (0, True)


@pytest.mark.parametrize("command", [["init"], ["list"], ["show", "x"], ["verify"]])
def test_an_unreachable_server_is_a_short_message(command: list[str]) -> None:
    """No traceback, exit status 2, no password."""
    address = "postgresql://user:SECRET@127.0.0.1:1/nightdrop"
    done = run(command[0], "--audit", address, *command[1:])
    assert done.exit_code == 2
    assert "postgresql://127.0.0.1/nightdrop" in done.stderr
    assert "SECRET" not in done.output


def test_the_list_is_that_of_the_views_in_the_database(filled: str) -> None:
    """Whether read by the command or with psql."""
    done = run("list", "-ojson", "--audit", filled)
    rows = [json.loads(line) for line in done.output.splitlines()]
    with psycopg.connect(filled, row_factory=dict_row) as db:
        stored = db.execute("SELECT * FROM nightdrop.trail ORDER BY seq").fetchall()
        stories = db.execute("SELECT job_name, state, subject FROM nightdrop.job_story").fetchall()
    assert rows == stored
    assert stories == [{"job_name": JOB["name"], "state": "refused", "subject": "obs://b/k"}]


def test_a_name_that_jsonb_cannot_hold_hides_nothing(postgres_address: str) -> None:
    """A NUL is shown as U+FFFD; the record keeps it."""
    odd = Draft("delivery.ignored", "success", delivery={**DELIVERY, "subject": "obs://b/\0k"})
    with closing(open_log(postgres_address)) as log:
        text = log.commit(lambda _view: Decision(None, (odd,))).records[0].text
    with psycopg.connect(postgres_address) as db:
        shown = db.execute("SELECT subject FROM nightdrop.trail").fetchall()
    assert shown == [("obs://b/\ufffdk",)]
    assert "\\u0000" in text


def test_a_timeline_can_be_shown(filled: str) -> None:
    """By the job's name."""
    done = run("show", str(JOB["name"]), "--audit", filled)
    assert done.exit_code == 0, done.output
    assert "refused" in done.output


def test_counts_and_copies_are_the_same_as_from_a_file(filled: str, tmp_path: Path) -> None:
    """By way of a copy in memory; the page's copy has the records, too."""
    found = json.loads(run("stats", "-ojson", "--audit", filled).output)
    assert [row["reason"] for row in found["failures"]] == ["no"]
    write_page_copy(filled, tmp_path / "nightdrop.db")
    with closing(sqlite3.connect(tmp_path / "nightdrop.db")) as db:
        assert db.execute("SELECT count(*) FROM chain").fetchone() == (3,)
    lines = run("export", "--format", "jsonl", "--audit", filled).output.splitlines()
    assert len(lines) == 3


def test_the_chain_can_be_verified(filled: str) -> None:
    """From the database itself; only its end needs a head noted elsewhere."""
    done = run("verify", "--audit", filled)
    assert (done.exit_code, "completeness not proven: 3 records, head " in done.output) == (2, True)
    head = done.output.partition(", head ")[2].split()[0]
    done = run("verify", "--audit", filled, "--expect-head", head)
    assert (done.exit_code, done.output.startswith("valid: 3 records")) == (0, True)


def test_a_broken_chain_is_found(
    filled: str, postgres_server: PostgresServer, postgres_database: str
) -> None:
    """The change was made with the rights of the owner."""
    for statement in (
        "ALTER TABLE nightdrop.records DISABLE TRIGGER ALL",
        "UPDATE nightdrop.records SET record = replace(record, '400', '401') WHERE seq = 3",
    ):
        postgres_server.run(postgres_database, statement)
    done = run("verify", "--audit", filled)
    assert (done.exit_code, "record 3: was changed" in done.output) == (1, True)
