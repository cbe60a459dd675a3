"""Falsified logs that only outside evidence reveals, falsified checkpoints and stores."""

from __future__ import annotations

from pathlib import Path

from tests.support.tampering.derived import refolded
from tests.support.tampering.falsify import (
    DROPPED,
    HARMLESS,
    LENGTH,
    STRANGE_KEY,
    Tampering,
    cut_with_checkpoints,
    damaged,
    dated_back,
    disguised_trigger,
    forged,
    forked,
    inserted,
    noted,
    one_of_another_log,
    one_without_signature,
    plain,
    replaced_by_another,
    rewritten,
    run,
    unsigned,
    with_edited_time,
    with_newest,
    with_the_oldest_content,
    without_checkpoints,
)

OUTSIDE: tuple[Tampering, ...] = (
    # Whole chains again: only outside evidence reveals them.
    Tampering(
        "a record is edited, all hashes recomputed",
        rewritten(500, noted("all is well")),
        "the log was rewritten after record",
    ),
    Tampering(
        "the first record is edited, all hashes recomputed",
        rewritten(1, noted("all is well")),
        "is of another log",
    ),
    Tampering(
        "a record is removed, all others renumbered and their hashes recomputed",
        rewritten(500, lambda _fields: None),
        "the log was rewritten after record",
    ),
    Tampering(
        "a record is inserted, all others renumbered and their hashes recomputed",
        inserted,
        "the log was rewritten after record",
    ),
    Tampering(
        "a record is dated back, all hashes recomputed",
        rewritten(500, dated_back),
        "the log was rewritten after record",
    ),
    Tampering(
        "the last 50 records are cut off",
        run("DELETE FROM records WHERE seq > 950"),
        "records, and here are 950: the end is cut off",
    ),
    Tampering(
        "the last 50 records are cut off; only the old head is known",
        run("DELETE FROM records WHERE seq > 950"),
        "--expect-head saw 1000 records, and here are 950: the end is cut off",
        places=False,
        expected=True,
    ),
    Tampering(
        "the last 49 records are cut off, the state rebuilt; nothing outside is known",
        refolded(run("DELETE FROM records WHERE seq > 951")),
        "cannot tell whether the end was cut off",
        2,
        places=False,
    ),
    Tampering(
        "the record of the last checkpoint itself is cut off",
        run("DELETE FROM records WHERE seq = 1000"),
        "the row of checkpoint in switches",
        1,
    ),
    Tampering(
        "the last 49 records are cut off, the state rebuilt, their checkpoints removed",
        refolded(cut_with_checkpoints, run("DELETE FROM records WHERE seq > 951")),
        "confirmed from outside up to record",
        0,
    ),
    Tampering(
        "the same, and the old head is known",
        cut_with_checkpoints,
        "--expect-head saw 1000 records, and here are 950",
        expected=True,
    ),
    Tampering(
        "all records are removed",
        run("DELETE FROM records"),
        "records, and here are 0: the end is cut off",
    ),
    Tampering(
        "an older backup is put back",
        run("DELETE FROM records WHERE seq > 500"),
        "records, and here are 500: the end is cut off",
    ),
    Tampering(
        "an older backup is put back, and the function continues from there (a fork)",
        forked,
        "the log was rewritten after record",
    ),
    Tampering(
        "another log's database is put in its place", replaced_by_another, "is of another log"
    ),
    # The checkpoints themselves.
    Tampering(
        "the newest checkpoint is signed by another key",
        with_newest(forged),
        "is signed by a key that was not given",
    ),
    Tampering(
        "the newest checkpoint's time is changed",
        with_newest(with_edited_time),
        "is forged: its signature is not valid",
    ),
    Tampering(
        "the newest checkpoint loses its signature", with_newest(unsigned), "has lost its signature"
    ),
    Tampering(
        "the newest checkpoint is cut short",
        with_newest(lambda path: path.write_bytes(path.read_bytes()[:80])),
        "cannot be read",
    ),
    Tampering("the newest checkpoint is removed", with_newest(Path.unlink), "not among those kept"),
    Tampering(
        "the newest checkpoint's content is an older one's",
        with_the_oldest_content,
        "it has another checkpoint's name",
    ),
    Tampering(
        "all checkpoints are removed",
        without_checkpoints,
        "cannot tell whether the end was cut off",
        2,
    ),
    Tampering("another log's checkpoint lies beside them", one_of_another_log, "is of another log"),
    Tampering(
        "an unsigned checkpoint of records that never were lies beside them",
        one_without_signature,
        "1 checkpoint is unsigned and was ignored",
        0,
    ),
    Tampering(
        "what has no end lies beside them, with a checkpoint's name",
        lambda log: (log.folder / "checkpoints" / "endless.checkpoint").symlink_to("/dev/zero"),
        "confirmed from outside up to record",
        0,
    ),
    Tampering(
        "the function's key is changed",
        lambda log: log.grow(LENGTH + 200, key=STRANGE_KEY),
        "is signed by a key that was not given",
    ),
    Tampering(
        "the function's key is taken away",
        lambda log: log.grow(LENGTH + 200, key=None),
        "are unsigned and were ignored",
        0,
    ),
    # The store.
    Tampering(
        "the triggers are dropped",
        plain(*DROPPED),
        "the trigger records_append_only_delete is missing",
    ),
    Tampering(
        "a trigger is replaced by one that lets pass",
        plain(DROPPED[0], HARMLESS),
        "the trigger records_append_only_delete differs from the schema",
    ),
    Tampering(
        "a trigger is added",
        plain("CREATE TRIGGER more AFTER INSERT ON records BEGIN DELETE FROM jobs; END"),
        "there is a trigger that the schema does not have, on records",
    ),
    Tampering(
        "a trigger is added under a name of SQLite's own",
        disguised_trigger,
        "there is a trigger that the schema does not have, on records",
    ),
    Tampering(
        "the view trail is replaced",
        plain(
            "DROP VIEW trail", "CREATE VIEW trail AS SELECT seq, 'success' AS outcome FROM records"
        ),
        "the view trail differs from the schema",
    ),
    Tampering(
        "a column is added to the records",
        plain("ALTER TABLE records ADD COLUMN approved TEXT"),
        "the table records differs from the schema",
    ),
    Tampering(
        "the table of records becomes a view",
        plain("ALTER TABLE records RENAME TO kept", "CREATE VIEW records AS SELECT * FROM kept"),
        "the table records is missing",
    ),
    Tampering("the file is damaged", damaged, "is not an audit log, or it is damaged"),
)
"""Each way, and the report."""
