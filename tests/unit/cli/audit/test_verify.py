"""`nightdrop audit verify`, `checkpoint` and `key`, as a person runs them."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from handler.audit.checkpoints.signed_note import signing_key, verify_key
from handler.audit.open_log import open_source
from handler.audit.sql.sqlite import SqliteLog
from handler.cli.main import main
from handler.cli.open_stores import open_any_log
from handler.jobs.hold import hold
from tests.conftest import BUCKET
from tests.support.long_log import KEY, LongLog, settle

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from click.testing import Result

    from handler.audit.record import Head

PUBLIC = str(KEY.public)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> LongLog:
    """A log of 200 records with its checkpoints. It is copied by the tests, never changed."""
    made = LongLog(tmp_path_factory.mktemp("template"))
    made.grow(200)
    settle(made.path)
    return made


@pytest.fixture
def log(template: LongLog, tmp_path: Path) -> LongLog:
    """Such a log that a test may change."""
    return template.copy(tmp_path)


def run(*arguments: str, environ: Mapping[str, str] | None = None) -> Result:
    """Run a subcommand of `nightdrop audit`."""
    return CliRunner().invoke(main, ["audit", *arguments], env=environ)


def head_of(log: LongLog) -> Head:
    """Return a log's last record."""
    with closing(open_source(log.address)) as stored:
        return stored.end()


def cut(log: LongLog) -> None:
    """Cut off the end of a log."""
    with closing(sqlite3.connect(log.path, isolation_level=None)) as db:
        (text,) = db.execute("SELECT sql FROM sqlite_master WHERE name LIKE '%_delete'").fetchone()
        db.execute("DROP TRIGGER records_append_only_delete")
        db.execute("DELETE FROM records WHERE seq > 150")
        db.execute(text)
    with closing(SqliteLog(log.path)) as opened:
        opened.rebuild()


def exported(log: LongLog, *, without: int = 0) -> str:
    """Export a log as JSON Lines, maybe without one record, and return where."""
    file = log.folder / "log.jsonl"
    with closing(sqlite3.connect(log.path)) as db:
        rows = db.execute("SELECT seq, hash, record FROM records ORDER BY seq").fetchall()
    lines = [json.dumps({"hash": h, "record": text}) for seq, h, text in rows if seq != without]
    file.write_text("\n".join(lines) + "\n")
    return str(file)


def test_an_unchanged_log_is_valid(log: LongLog) -> None:
    """Exit status 0, and the head to note down."""
    places = ("--checkpoints", str(log.checkpoints.path), "--key", PUBLIC)
    done = run("verify", "--audit", log.address, *places)
    head = head_of(log)
    assert done.exit_code == 0, done.output
    assert done.output.startswith(f"valid: 200 records, head 200:{head.hash}\n")
    assert "confirmed from outside up to record 199 of 200" in done.output
    again = run("verify", "--audit", log.address, "--expect-head", f"200:{head.hash}")
    assert again.exit_code == 0, again.output


def test_without_a_key_signatures_are_reported_as_unchecked(log: LongLog) -> None:
    """The checkpoints' content still counts; the address may come from the environment."""
    environ = {"NIGHTDROP_CHECKPOINTS": str(log.checkpoints.path)}
    done = run("verify", "--audit", log.address, environ=environ)
    assert (done.exit_code, "signatures were not checked" in done.output) == (0, True)


def test_without_outside_evidence_completeness_is_not_proven(log: LongLog) -> None:
    """Exit status 2, also where the end was in fact cut off."""
    done = run("verify", "--audit", log.address)
    assert (
        done.exit_code,
        done.output.startswith("chain valid, "),
    ) == (2, True)
    cut(log)
    assert run("verify", "--audit", log.address).exit_code == 2


def test_a_cut_tail_is_found(log: LongLog) -> None:
    """By a checkpoint, or by the head that was noted before."""
    before = head_of(log)
    cut(log)
    by_place = run("verify", "--audit", log.address, "--checkpoints", str(log.checkpoints.path))
    by_head = run("verify", "--audit", log.address, "--expect-head", f"200:{before.hash}")
    for done in (by_place, by_head):
        assert done.exit_code == 1
        assert "records, and here are 150: the end is cut off" in done.output
        assert "INVALID: 150 records" in done.output
        assert "cannot tell" not in done.output


def test_many_faults_are_counted(log: LongLog) -> None:
    """The first ones are printed."""
    with closing(sqlite3.connect(log.path, isolation_level=None)) as db:
        db.execute("DROP TRIGGER records_append_only_update")
        db.execute("UPDATE records SET hash = upper(hash)")
    done = run("verify", "--audit", log.address)
    assert done.exit_code == 1
    assert len(done.output.splitlines()) < 30
    assert "\n… and " in done.output


def test_an_exported_file_is_verified_by_itself(log: LongLog) -> None:
    """Against the checkpoints, or by its chain."""
    file = exported(log)
    assert run("verify", "--file", file).exit_code == 2
    places = ("--checkpoints", str(log.checkpoints.path), "--key", PUBLIC)
    done = run("verify", "--file", file, *places)
    assert done.exit_code == 0, done.output


def test_a_line_taken_out_of_an_exported_file_is_found(log: LongLog) -> None:
    """At the record behind it."""
    done = run("verify", "--file", exported(log, without=100))
    assert done.exit_code == 1
    assert "record 101: follows record 99; records between them are missing" in done.output


def test_an_export_with_filters_is_named_as_one(log: LongLog) -> None:
    """With the number of its own records; it has no gap to accuse the log of."""
    file = str(log.folder / "some.jsonl")
    filters = ("--action", "job.", "--output", file)
    run("export", "--audit", log.address, "--format", "jsonl", *filters)
    count = len((log.folder / "some.jsonl").read_text().splitlines())
    done = run("verify", "--file", file)
    assert (done.exit_code, 0 < count < 200) == (1, True)
    assert f"INVALID: {count} records, head " in done.output
    assert "an export with filters cannot be verified; export all records" in done.output


@pytest.mark.parametrize("line", ["", "{}", "[]", '{"hash": 1, "record": "{}"}', "\udcff", "{" * 9])
def test_a_line_that_is_no_record_is_found(log: LongLog, line: str, tmp_path: Path) -> None:
    """Whatever it is."""
    file = tmp_path / "other.jsonl"
    whole = (log.folder / exported(log)).read_bytes()
    file.write_bytes(whole + line.encode(errors="surrogateescape") + b"\n")
    done = run("verify", "--file", str(file))
    assert done.exit_code == 1, done.output
    assert "record 201: " in done.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "name the log with --audit"),
        (("--audit", "sqlite:///none.db"), "there is no audit log at none.db"),
        (("--file", "none.jsonl"), "there is no exported log at none.jsonl"),
        (("--audit", "ftp://x"), "no log can be kept in ftp"),
        (("--audit", "{log}", "--checkpoints", "none/"), "no folder of checkpoints at none/"),
        (("--audit", "{log}", "--checkpoints", "obs://b/"), "NIGHTDROP_REGION is missing"),
        (("--audit", "{log}", "--key", "k"), "not a public key"),
        (("--audit", "{log}", "--expect-head", "9"), "the number and the whole hash"),
    ],
)
def test_a_missing_file_is_reported(log: LongLog, arguments: tuple[str, ...], message: str) -> None:
    """Exit status 2: no result."""
    done = run("verify", *(one.format(log=log.address) for one in arguments))
    assert done.exit_code == 2
    assert message in " ".join(done.stderr.split())


def test_a_new_key_fits_its_public_half() -> None:
    """Both are printed once, each ready to be used."""
    first, second = (run("key", "example.org/log").output for _ in range(2))
    private, public = (line.split()[-1] for line in first.splitlines())
    key = signing_key(private.partition("=")[2])
    assert str(verify_key(public)) == str(key.public) == public
    assert first != second
    assert run("key", "two words").exit_code == 2


def record_something(address: str) -> None:
    """Leave a record in a log."""
    with closing(open_any_log(address)) as log:
        log.commit(hold("a test", actor={}))


def test_a_checkpoint_on_demand(environ: dict[str, str], tmp_path: Path) -> None:
    """It covers the log's records; an empty log and one without an address have none."""
    folder = tmp_path / "kept"
    assert "set NIGHTDROP_CHECKPOINTS to a folder" in run("checkpoint", environ=environ).stderr
    environ["NIGHTDROP_CHECKPOINTS"] = str(folder)
    assert "the log is empty" in run("checkpoint", environ=environ).stderr
    record_something(environ["NIGHTDROP_AUDIT"])
    done = run("checkpoint", environ=environ)
    assert done.exit_code == 0, done.stderr
    assert done.output.split()[0] == next(folder.iterdir()).name
    assert "unsigned" in done.output


def test_a_checkpoint_that_is_not_written_is_reported(environ: dict[str, str]) -> None:
    """Exit status 75: a retry may succeed."""
    environ["NIGHTDROP_CHECKPOINTS"] = f"obs://no-{BUCKET}/"
    record_something(environ["NIGHTDROP_AUDIT"])
    done = run("checkpoint", environ=environ)
    assert (done.exit_code, "no such bucket" in done.stderr) == (75, True)


@pytest.mark.parametrize("text", ["# A heading\n\nand text\n", '{"a": 1}\n' * 300, "\x00\xff"])
def test_a_file_that_is_no_exported_log_fails_with_one_sentence(tmp_path: Path, text: str) -> None:
    """Not a fault for each of its lines."""
    file = tmp_path / "README.md"
    file.write_text(text)
    done = run("verify", "--file", str(file))
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == "nightdrop: README.md is no log that was exported as JSON Lines\n"


def test_a_private_key_is_distinguished_from_a_public_one(log: LongLog) -> None:
    """And not repeated."""
    done = run("verify", "--audit", log.address, "--key", KEY.encoded())
    assert (done.exit_code, KEY.encoded() in done.output) == (2, False)
    assert "that is the private key; give the public one" in done.stderr


@pytest.mark.parametrize("command", ["list", "show", "stats", "export"])
def test_a_missing_address_says_how_to_name_one(command: str) -> None:
    """By option or environment."""
    more = {"show": ["x"], "export": ["--format", "csv"]}.get(command, [])
    done = run(command, *more, environ={"NIGHTDROP_AUDIT": ""})
    assert done.exit_code == 2
    assert "no log named: use --audit or set NIGHTDROP_AUDIT" in done.stderr
