"""No false alarm on a log of any store, also while it is written to."""

from __future__ import annotations

import os
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from handler.audit.checkpoints.checkpoint import Checkpoint, checkpointed, log_origin, written
from handler.audit.checkpoints.folder_store import CheckpointFolder
from handler.audit.open_log import open_source
from handler.audit.verification.chain_check import check_chain
from handler.audit.verification.checkpoint_evidence import CheckpointEvidence
from handler.audit.verification.verifier import Evidence, verify_log
from handler.cli.open_stores import open_any_log, open_any_source
from handler.values.canonical_json import utc_now
from tests.support.long_log import KEY, LongLog, moment, recording, run_records
from tests.support.tampering.falsify import run

if TYPE_CHECKING:
    from pathlib import Path

    from handler.audit.log import Log
    from handler.audit.verification.verdict import Verdict
    from tests.support.postgres_server import PostgresServer


def record_run(log: Log, salt: str, place: CheckpointFolder) -> None:
    """Record one run and write a checkpoint of it."""
    log.commit(recording(list(run_records(salt))))
    head = log.read(lambda view: view.head)
    made = Checkpoint(log_origin(next(log.records()).hash), head, moment(head.seq))
    place.put(made.name, written(made, KEY))
    log.commit(checkpointed(made, KEY.name, ""))


def test_an_unchanged_log_of_every_store_raises_no_alarm(
    store_address: str, tmp_path: Path
) -> None:
    """Nor do texts that need escapes, or none of ASCII."""
    place = CheckpointFolder(tmp_path / "kept")
    with closing(open_any_log(store_address)) as log:
        for salt in ("one", 'two "\\\n\x01\x7f', "三🌙\u2028"):
            record_run(log, salt, place)
    with closing(open_any_source(store_address)) as stored:
        verdict = verify_log(stored, Evidence([place], [KEY.public]))
    assert (verdict.status, verdict.faults, verdict.head.seq) == (0, (), 21)


def test_a_log_that_is_being_written_to_raises_no_alarm(store_address: str, tmp_path: Path) -> None:
    """Whatever appears between one look and the next."""
    place = CheckpointFolder(tmp_path / "kept")
    with closing(open_any_log(store_address)) as log:
        record_run(log, "first", place)

    def write() -> None:
        with closing(open_any_log(store_address)) as log:
            for number in range(60):
                record_run(log, f"{number}", place)

    writer = threading.Thread(target=write)
    writer.start()
    verdicts: list[Verdict] = []
    while writer.is_alive() or not verdicts:
        with closing(open_any_source(store_address)) as stored:
            verdicts.append(verify_log(stored, Evidence([place], [KEY.public])))
    writer.join()
    assert [verdict.faults for verdict in verdicts] == [()] * len(verdicts)
    assert {verdict.status for verdict in verdicts} == {0}


def test_the_check_continues_after_a_fault(tmp_path: Path) -> None:
    """Each fault is found where it is, and progress counts each record."""
    log = LongLog(tmp_path)
    log.grow(400)
    edit = "SET record = replace(record, 'latest', 'newest')"
    run(f"UPDATE records {edit} WHERE seq IN (150, 300, 301)")(log)
    advanced: list[int] = []
    with closing(open_source(log.address)) as source:
        checker = check_chain(source, advanced.append)
    assert sum(advanced) == checker.head.seq
    assert [fault.seq for fault in checker.faults.listed] == [150, 300, 301]


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("ALTER TABLE nightdrop.records DISABLE TRIGGER ALL", "is not always enabled"),
        ("ALTER TABLE nightdrop.records ENABLE TRIGGER ALL", "is not always enabled"),
        ("DROP TRIGGER records_append_only_change ON nightdrop.records", "_change is missing"),
        (
            (
                "CREATE OR REPLACE FUNCTION nightdrop.append_only() RETURNS trigger "
                "LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$"
            ),
            "the function append_only differs from the schema",
        ),
        (
            (
                "CREATE TRIGGER more AFTER INSERT ON nightdrop.records "
                "FOR EACH ROW EXECUTE FUNCTION nightdrop.append_only()"
            ),
            "a trigger that the schema does not have",
        ),
        ("GRANT UPDATE ON nightdrop.records TO nightdrop_function", "has UPDATE on records"),
        ("GRANT DELETE ON nightdrop.records TO PUBLIC", "everybody has DELETE on records"),
        ("GRANT UPDATE (record) ON nightdrop.records TO nightdrop_function", "has UPDATE"),
        ("GRANT TRUNCATE ON nightdrop.records TO nightdrop_function", "has TRUNCATE"),
        (
            "ALTER FUNCTION nightdrop.append_only() SET search_path = evil, pg_catalog",
            "the function append_only differs from the schema",
        ),
        (
            "ALTER FUNCTION nightdrop.append_only() SECURITY DEFINER",
            "the function append_only differs from the schema",
        ),
        ("ALTER TABLE nightdrop.records SET UNLOGGED", "the table records differs"),
        (
            (
                "CREATE ROLE the_owner; GRANT CREATE ON SCHEMA nightdrop TO the_owner;"
                "ALTER TABLE nightdrop.records OWNER TO the_owner;"
                "GRANT the_owner TO nightdrop_function"
            ),
            "the role nightdrop_function writes records and is a member of their owner",
        ),
        ("ALTER TABLE nightdrop.records ADD COLUMN approved TEXT", "the table records differs"),
        ("ALTER TABLE nightdrop.records ENABLE ROW LEVEL SECURITY", "the table records differs"),
        (
            "CREATE RULE lost AS ON INSERT TO nightdrop.records DO INSTEAD NOTHING",
            "the table records differs",
        ),
    ],
)
def test_a_weakened_protection_is_reported(
    postgres_server: PostgresServer,
    postgres_database: str,
    postgres_address: str,
    statement: str,
    message: str,
) -> None:
    """Of the database, by any user."""
    with closing(open_source(postgres_address)) as stored:
        assert list(stored.protections()) == []
    postgres_server.run(postgres_database, statement)
    with closing(open_source(postgres_address)) as stored:
        assert message in "\n".join(map(str, stored.protections()))


@pytest.mark.parametrize("size", [f"-{10**30}", "0", str(2**63)])
def test_a_checkpoint_of_an_impossible_size_cannot_be_read(size: str) -> None:
    """No store has a record of that number."""
    outside = CheckpointEvidence()
    text = f"nightdrop.log/x\n{size}\n{'A' * 43}=\nat 2026-11-27T00:00:00.000000Z\n\n"
    outside.add_checkpoint("z.checkpoint", text.encode())
    assert "its size is not that of any log" in str(outside.faults.listed[0])


def test_a_directory_with_a_checkpoints_name_hides_no_verdict(tmp_path: Path) -> None:
    """Nor does anything else that is no file."""
    place = CheckpointFolder(tmp_path)
    (tmp_path / "a.checkpoint").mkdir()
    os.mkfifo(tmp_path / "b.checkpoint")
    assert list(place.names()) == []
    with pytest.raises(FileNotFoundError):
        place.get("b.checkpoint")


def test_a_checkpoint_without_a_signature_confirms_nothing_once_a_key_is_given(
    tmp_path: Path,
) -> None:
    """Whoever may write the log could have written it."""
    made = LongLog(tmp_path)
    made.grow(10)
    with closing(open_source(made.address)) as stored:
        head = stored.end()
        checkpoint = Checkpoint(log_origin(stored.hash_at(1)), head, utc_now())
        evidence = CheckpointEvidence((KEY.public,))
        evidence.add_checkpoint(checkpoint.name, written(checkpoint, None))
        assert list(evidence.conflicts(stored, head)) == []
    assert evidence.confirmed.seq == 0
