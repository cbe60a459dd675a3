"""Ways to falsify a log of 1,000 records with access to its files."""

from __future__ import annotations

import json
import re
import sqlite3
import tempfile
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timezone
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from handler.audit.checkpoints.checkpoint import Checkpoint, log_origin, written
from handler.audit.checkpoints.signed_note import new_key, signed
from handler.audit.open_log import open_source
from handler.audit.record import FIRST_PREV, Head
from handler.audit.verification.verifier import Evidence, verify_log
from handler.values.canonical_json import canonical
from tests.support.long_log import KEY, LongLog, settle

if TYPE_CHECKING:
    from collections.abc import Callable

    from handler.audit.verification.verdict import Verdict

LENGTH = 1_000
STRANGE_KEY = new_key(KEY.name, sha256(b"another key").digest())

Attack: TypeAlias = "Callable[[LongLog], object]"
Spell: TypeAlias = "Callable[[dict[str, Any]], str]"

_TRIGGERS = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
_ROWS = "SELECT seq, record FROM records ORDER BY seq"
EDIT = "SET record = replace(record, 'latest', 'newest')"
DROPPED = tuple(f"DROP TRIGGER records_append_only_{on}" for on in ("delete", "update", "insert"))
HARMLESS = "CREATE TRIGGER records_append_only_delete BEFORE DELETE ON records BEGIN SELECT 1; END"
_STORE = "INSERT INTO records (seq, hash, prev, record) VALUES (?, ?, ?, ?)"


@dataclass(frozen=True)
class Tampering:
    """One way to falsify a log.

    Attributes:
        what: What is done, for people.
        do: Does it to a log.
        says: What the verdict's first fault, or one of its remarks, holds.
        status: The exit status.
        places: Whether the checkpoints are named to the verifier.
        keys: Whether the public key is.
        expected: Whether the head from before is.
    """

    what: str
    do: Attack
    says: str
    status: int = 1
    places: bool = True
    keys: bool = True
    expected: bool = False


@dataclass
class Chain:
    """Records as they must be stored, each sealed after the one before it."""

    rows: list[tuple[int, str, str, str]] = field(default_factory=list)

    def add(self, fields: dict[str, Any], spell: Spell = canonical) -> None:
        """Append a record with these fields, as a text of the caller's choice."""
        prev = self.rows[-1][1] if self.rows else FIRST_PREV
        seq = len(self.rows) + 1
        text = spell({**fields, "seq": seq, "prev": prev})
        self.rows.append((seq, sha256(text.encode()).hexdigest(), prev, text))


def verdict_of(log: LongLog, tampering: Tampering, before: Head) -> Verdict:
    """Verify a falsified log as the row says."""
    evidence = Evidence(
        places=[log.checkpoints] if tampering.places else (),
        keys=[KEY.public] if tampering.keys else (),
        expected=before if tampering.expected else None,
    )
    with closing(open_source(log.address)) as stored:
        return verify_log(stored, evidence)


def run(*statements: str) -> Attack:
    """Run SQL as the owner of the file can: without its triggers, which are restored afterwards."""

    def attack(log: LongLog) -> None:
        with closing(sqlite3.connect(log.path, isolation_level=None)) as db:
            triggers = db.execute(_TRIGGERS).fetchall()
            for name, _ in triggers:
                db.execute(f"DROP TRIGGER {name}")
            for statement in statements:
                db.execute(statement)
            for _, sql in triggers:
                db.execute(sql)

    return attack


def plain(*statements: str) -> Attack:
    """Run SQL and leave everything else unchanged."""

    def attack(log: LongLog) -> None:
        with closing(sqlite3.connect(log.path, isolation_level=None)) as db:
            for statement in statements:
                db.execute(statement)

    return attack


def rewritten(
    seq: int, change: Callable[[dict[str, Any]], dict[str, Any] | None], spell: Spell = canonical
) -> Attack:
    """Change a record, or remove it, and recompute every hash: a valid chain again."""

    def attack(log: LongLog) -> None:
        chain = Chain()
        with closing(sqlite3.connect(log.path)) as db:
            rows = db.execute(_ROWS).fetchall()
        for number, text in rows:
            fields = json.loads(text)
            changed = change(fields) if number == seq else fields
            if changed is not None:
                chain.add(changed, spell if number == seq else canonical)
        _store(log, chain)

    return attack


def inserted(log: LongLog) -> None:
    """Insert a record, renumber those behind it and recompute their hashes."""
    chain = Chain()
    with closing(sqlite3.connect(log.path)) as db:
        rows = db.execute(_ROWS).fetchall()
    for number, text in rows:
        chain.add(json.loads(text))
        if number == LENGTH // 2:
            chain.add({**json.loads(text), "note": "slipped in"})
    _store(log, chain)


def appended_of_another(log: LongLog) -> None:
    """Append the last records of another log, numbered to follow."""
    with tempfile.TemporaryDirectory() as folder:
        other = LongLog(Path(folder))
        other.grow(300, salt="other")
        with closing(sqlite3.connect(other.path)) as db:
            rows = db.execute("SELECT seq + 800, hash, prev, record FROM records WHERE seq > 200")
            values = ", ".join(str(row) for row in rows)
    run(f"INSERT INTO records VALUES {values}")(log)  # noqa: S608 - the attack


def replaced_by_another(log: LongLog) -> None:
    """Put another log's database in the place of this one."""
    log.path.unlink()
    with tempfile.TemporaryDirectory() as folder:
        other = LongLog(Path(folder))
        other.grow(500, salt="other")
        settle(other.path)
        log.path.write_bytes(other.path.read_bytes())


def forked(log: LongLog) -> None:
    """Put back a backup of half the log, and let the function go on from there."""
    run(f"DELETE FROM records WHERE seq > {LENGTH // 2}")(log)  # noqa: S608 - the attack
    log.grow(LENGTH + 200, salt="fork")


def with_newest(change: Callable[[Path], object]) -> Attack:
    """Do something to the newest checkpoint."""
    return lambda log: change(log.folder / "checkpoints" / list(log.checkpoints.names())[-1])


def forged(path: Path) -> None:
    """Write another size and hash into a checkpoint and sign it again, with another key."""
    text = path.read_text().partition("\n\n")[0] + "\n"
    path.write_text(str(signed(text, STRANGE_KEY)))


def with_edited_time(path: Path) -> None:
    """Change what is signed, and name the file after it."""
    data = path.read_bytes().replace(b"T02:", b"T03:")
    path.unlink()
    path.with_name(path.name.replace("T02", "T03")).write_bytes(data)


def unsigned(path: Path) -> None:
    """Take the signature off."""
    path.write_text(path.read_text().partition("\n\n")[0] + "\n\n")


def one_of_another_log(log: LongLog) -> None:
    """Lay another log's checkpoint beside this one's."""
    with tempfile.TemporaryDirectory() as folder:
        other = LongLog(Path(folder))
        other.grow(300, salt="other")
        name = list(other.checkpoints.names())[-1]
        log.checkpoints.put(name, other.checkpoints.get(name))


def one_without_signature(log: LongLog) -> None:
    """Lay a checkpoint beside the others that nobody signed, of another record 5."""
    with closing(sqlite3.connect(log.path)) as db:
        origin = log_origin(db.execute("SELECT hash FROM records WHERE seq = 1").fetchone()[0])
    checkpoint = Checkpoint(origin, Head(5, "ab" * 32), datetime(2026, 11, 1, tzinfo=timezone.utc))
    log.checkpoints.put(checkpoint.name, written(checkpoint, None))


def disguised_trigger(log: LongLog) -> None:
    """Let new records vanish by a trigger that has the name of a part of SQLite itself."""
    sql = "CREATE TRIGGER sqlite_x BEFORE INSERT ON records BEGIN SELECT raise(IGNORE); END"
    with closing(sqlite3.connect(log.path)) as db, db:
        db.execute("PRAGMA writable_schema = ON")
        db.execute(
            "INSERT INTO sqlite_master VALUES ('trigger', 'sqlite_x', 'records', 0, ?)", (sql,)
        )


def without_checkpoints(log: LongLog) -> None:
    """Remove every checkpoint."""
    for name in log.checkpoints.names():
        (log.folder / "checkpoints" / name).unlink()


def with_the_oldest_content(log: LongLog) -> None:
    """Replace the newest checkpoint's content by the oldest one's."""
    names = list(log.checkpoints.names())
    (log.folder / "checkpoints" / names[-1]).write_bytes(log.checkpoints.get(names[0]))


def damaged(log: LongLog) -> None:
    """Write zeros over a part of the file."""
    settle(log.path)
    with log.path.open("r+b") as file:
        file.seek(log.path.stat().st_size // 2)
        file.write(bytes(100_000))


def noted(text: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Change a record's note."""
    return lambda fields: {**fields, "note": text}


def _store(log: LongLog, chain: Chain) -> None:
    def attack(log: LongLog) -> None:
        with closing(sqlite3.connect(log.path)) as db, db:
            db.executemany(_STORE, chain.rows)

    run("DELETE FROM records")(log)
    attack(log)


def spaced(fields: dict[str, Any]) -> str:
    """Spell a record with white space."""
    return canonical(fields).replace(",", ", ", 1)


def backwards(fields: dict[str, Any]) -> str:
    """Spell a record with its keys backwards."""
    return json.dumps(dict(sorted(fields.items(), reverse=True)), separators=(",", ":"))


def doubled(fields: dict[str, Any]) -> str:
    """Spell a record with one key twice."""
    return canonical(fields).replace('"outcome":', '"outcome":"failure","outcome":', 1)


def as_float(fields: dict[str, Any]) -> str:
    """Spell a record with a number that has a point."""
    return re.sub(r'"seq":(\d+)', r'"seq":\1.0', canonical(fields))


def escaped(fields: dict[str, Any]) -> str:
    """Spell a record with an escape that it does not need."""
    return canonical(fields).replace("nightdrop", "night\\u0064rop", 1)


def edited_with_hash(log: LongLog) -> None:
    """Edit a record and give it the hash that belongs to it."""
    with closing(sqlite3.connect(log.path)) as db:
        text = db.execute("SELECT record FROM records WHERE seq = 500").fetchone()[0]
    text = text.replace("latest", "newest")
    digest = sha256(text.encode()).hexdigest()
    run(f"UPDATE records {EDIT}, hash = '{digest}' WHERE seq = 500")(log)


def cut_with_checkpoints(log: LongLog) -> None:
    """Cut off the end with its checkpoints, which a bucket under WORM does not allow."""
    run("DELETE FROM records WHERE seq > 950")(log)
    for name in list(log.checkpoints.names()):
        if int(name[:12]) > 950:
            (log.folder / "checkpoints" / name).unlink()


def slipped_in(log: LongLog) -> None:
    """Make room for a record by renumbering those behind it, and put a copy there."""
    run(
        "UPDATE records SET seq = seq + 100000 WHERE seq > 500",
        "UPDATE records SET seq = seq - 99999 WHERE seq > 100000",
        "INSERT INTO records SELECT 501, 'x', prev, record FROM records WHERE seq = 500",
    )(log)


def without_commit(fields: dict[str, Any]) -> dict[str, Any]:
    """Take a field away that every record has."""
    return {name: value for name, value in fields.items() if name != "commit"}


def dated_back(fields: dict[str, Any]) -> dict[str, Any]:
    """Set a record's time back."""
    return {**fields, "at": "2025-01-01T00:00:00.000000Z"}
