"""The state of the log in objects, in an SQLite database in memory, fed by the records read.

The statements are those of the other stores. What is closed is not in memory: a statement that
asks for one thing by its name first fetches it from the table that has it.
"""

from __future__ import annotations

import sqlite3
from itertools import groupby, takewhile
from typing import TYPE_CHECKING, Any, TypeAlias

from handler.audit.objects.archive import SHOWN, Directory, Run
from handler.audit.record import part
from handler.audit.search import MEANT
from handler.audit.sql import projection
from handler.audit.sql.sqlite import SCHEMA
from handler.audit.sql.value_list import rows_for

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from handler.audit.objects.archive import Kind, Row
    from handler.audit.record import Fields, Record

Fetch: TypeAlias = "Callable[[int], list[Run]]"
"""Reads the runs of a table."""

HELD = ("deliveries", "jobs", "outbox", "switches")
"""The tables that the state is made of. In `outbox` a body is named by the commit it came with."""

_WITH_BODY = {"job.planned": "job", "delivery.received": "delivery"}
"""The actions that may come with a body, and whose key it is kept under."""

_NAMED: dict[str, Kind] = {
    projection.DELIVERY: "delivery",
    projection.JOB: "job",
    projection.LATEST_READ: "subject",
    projection.LATEST_RUN: "subject",
}
"""The statements that ask for one thing by its name."""

_NOT_KEPT_ASIDE = "SELECT key, subject FROM deliveries WHERE key NOT IN (SELECT key FROM aside)"
_OPEN = """
SELECT key FROM deliveries
WHERE state = 'received'
   OR (trigger = 'object' AND changed > reported AND state IN ('planned', 'rejected')
       AND touched_at > ?)
   OR EXISTS (SELECT 1 FROM jobs WHERE delivery = deliveries.key AND todo <> 'nothing')"""
_HAS_ID = "SELECT 1 FROM jobs WHERE job_id = ? AND job_id <> ''"
_JOB_NAMES = "SELECT key, job_id, name FROM jobs WHERE delivery = ?"

_MEANT: tuple[Kind, ...] = ("delivery", "subject", "job", "job id", "job name")
_MOST_TABLES = 8
"""How many tables are read for one name: every run of a schedule may have the same."""


class CachedState:
    """The state, in one transaction at a time.

    Args:
        directory: Where to find what is closed.
        mentions: Which segments have records of a delivery that was not closed in them.
        fetch: Reads a table of it.
    """

    def __init__(self, directory: Directory, mentions: Directory, fetch: Fetch) -> None:
        self.directory = directory
        self.mentions = mentions
        self.settled: set[str] = set()
        """The commits whose bodies were let go of in the current transaction."""
        self.bodies: dict[str, str] = {}
        """The bodies that came up in the current transaction."""
        self.mentioned: dict[int, set[str]] = {}
        """The deliveries that records are about, by segment, since the last index."""
        self._commit = ""
        self._fetch = fetch
        self._db = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self._db.executescript(SCHEMA.read_text())
        # Only the ends stay here; that each record follows the one before is seen to on reading.
        for (name,) in self._all("SELECT name FROM sqlite_master WHERE type = 'trigger'"):
            self._all(f"DROP TRIGGER {name}")
        self._all("CREATE TABLE aside (key TEXT PRIMARY KEY) STRICT")

    def begin(self, commit: str = "") -> None:
        """Begin a transaction, for the records of a commit by its id."""
        self.settled, self.bodies, self._commit = set(), {}, commit
        self._all("BEGIN")

    def commit(self) -> None:
        """End the transaction; what was done in it stays."""
        self._all("DELETE FROM records WHERE seq > 1 AND seq < (SELECT max(seq) FROM records)")
        self._all("COMMIT")

    def rollback(self) -> None:
        """End the transaction; nothing of it stays."""
        if self._db.in_transaction:
            self._all("ROLLBACK")

    def close(self) -> None:
        """Forget everything."""
        self._db.close()

    def execute(self, statement: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Run one of the statements in `sql`, on all there is."""
        if statement in _NAMED and not self._is_at_hand(statement, values):
            self._fetch_named(statement, str(values[0]))
        if statement == projection.JOBS_BY_ID:
            self._fetch_ids(map(str, values))
        if statement == MEANT:
            self._fetch_meant(str(values[0]))
        if statement == projection.PUT_DELIVERY and self._all(projection.DELIVERY, values[:1]) != [
            tuple(values)
        ]:
            self._take_back(str(values[0]))
        if statement == projection.PUT_BODY:
            key, body = map(str, values)
            values = (key, self._commit)
            if not self._all(projection.BODY, (key,)):
                self.bodies[key] = body
        if statement == projection.DELETE_BODY:
            self.settled.update(row[0] for row in self._all(projection.BODY, values))
        return self._all(statement, values)

    def note(self, record: Record, fields: Fields) -> None:
        """Keep a record that was read as the last one, and what it says of the outbox."""
        self._all(projection.APPEND, (record.seq, record.hash, fields["prev"], record.text))
        self.refer(fields)

    def mention(self, segment: int, fields: Fields) -> None:
        """Keep that a record in a segment is about a delivery; one too many does no harm."""
        key = part(fields, "delivery").get("key")
        if key is not None:
            self.mentioned.setdefault(segment, set()).add(str(key))

    def segments_of(self, deliveries: Collection[str]) -> list[int]:
        """Return the segments in which records of some deliveries are, in order."""
        found = {n for n, keys in self.mentioned.items() if not keys.isdisjoint(deliveries)}
        for key in deliveries:
            found.update(self.directory.find("delivery", key))
            found.update(self.mentions.find("mentioned", key))
        return sorted(found)

    def refer(self, fields: Fields) -> None:
        """Keep with which commit the body of a record came, if it came with one."""
        about = fields.get(_WITH_BODY.get(str(fields["action"]), ""))
        if isinstance(about, dict):
            self._all(projection.PUT_BODY, (about["key"], fields["commit"]))

    def body_commits(self, keys: Sequence[str]) -> dict[str, str]:
        """Return the commits that the bodies of jobs or deliveries came with.

        What is settled is left out.
        """
        return dict(rows_for(self._all, projection.BODIES_OF, keys))

    def is_referred_to(self, commit: str) -> bool:
        """Return whether a body of a commit is still needed."""
        return bool(self._all("SELECT 1 FROM outbox WHERE body = ? LIMIT 1", (commit,)))

    def rows(self, without: frozenset[str]) -> dict[str, list[Row]]:
        """Return everything that is held, but for what is kept aside.

        Args:
            without: Keys of deliveries that are to be left out likewise.
        """
        aside = without | {row[0] for row in self._all("SELECT key FROM aside")}
        owner = {"deliveries": 0, "jobs": 1}
        return {
            table: [
                list(row)
                for row in self._all(f"SELECT * FROM {table} ORDER BY 1")  # noqa: S608 - our own names
                if table not in owner or row[owner[table]] not in aside
            ]
            for table in HELD
        }

    def take(self, rows: Mapping[str, Iterable[Sequence[object]]]) -> None:
        """Put rows into the empty state."""
        for table in HELD:
            for row in rows[table]:
                self._insert(table, row)

    def take_ends(self, first: Record, last: Record) -> None:
        """Put the ends of the chain, the first and the last record, into the empty state."""
        for one in (first, last):
            self._all(projection.APPEND, (one.seq, one.hash, "", one.text))

    def closed(self, since: str) -> list[Run]:
        """Return the runs that nothing more will happen to, for a table of their own.

        Of one subject they leave in the order they came, so that what is at hand of it is newer
        than what is in tables, and a newer table has what is newer.

        Args:
            since: A timestamp; a result file that could not be written by then is given up.
        """
        still_open = {row[0] for row in self._all(_OPEN, (since,))}
        every = self._all(f"{_NOT_KEPT_ASIDE} ORDER BY subject, seq")
        return [
            self._run(key)
            for _, one in groupby(every, key=lambda row: row[1])
            for key, _ in takewhile(lambda row: row[0] not in still_open, one)
        ]

    def _run(self, key: str) -> Run:
        [delivery] = self._all("SELECT * FROM deliveries WHERE key = ?", (key,))
        jobs = self._all("SELECT * FROM jobs WHERE delivery = ? ORDER BY key", (key,))
        named = self._all(_JOB_NAMES, (key,))
        names: set[tuple[Kind, str]] = {("delivery", key), ("subject", delivery[2])}
        for job, job_id, name in named:
            names |= {("job", job), ("job name", name)}
            names |= {("job id", job_id)} if job_id else set()
        return Run(list(delivery), [list(job) for job in jobs], frozenset(names))

    def _is_at_hand(self, statement: str, values: Sequence[object]) -> bool:
        found = self._all(statement, values)
        if not found or _NAMED[statement] != "subject":
            return bool(found)
        # Something fetched for another reason need not be the latest of its subject.
        return not self._is_aside(found[0][0])

    def _fetch_named(self, statement: str, value: str) -> None:
        """Fetch from the newest table on, until one has what the statement asks for."""
        kind, fetched = _NAMED[statement], set[str]()
        for table in self.directory.find(kind, value):
            fetched |= self._fetch_from(table, kind, value)
            rows = self._all(statement, (value,))
            if rows and (kind != "subject" or rows[0][0] in fetched):
                return

    def _fetch_ids(self, job_ids: Iterable[str]) -> None:
        """Fetch the jobs with these ids; most are other people's, and in no table."""
        for job_id in job_ids:
            for table in self.directory.find("job id", job_id):
                if self._all(_HAS_ID, (job_id,)):
                    break
                self._fetch_from(table, "job id", job_id)

    def _fetch_meant(self, what: str) -> None:
        """Fetch what has a name, an id, or a key that begins so, from the newest tables."""
        tables = {number for kind in _MEANT for number in self.directory.find(kind, what)}
        for number in sorted(tables, reverse=True)[:_MOST_TABLES]:
            for run in self._fetch(number):
                if any(_is_meant(kind, value, what) for kind, value in run.names):
                    self._hold(run)

    def _fetch_from(self, table: int, kind: Kind, value: str) -> set[str]:
        """Have the runs of a table at hand that have a name; answers their keys."""
        named = [run for run in self._fetch(table) if (kind, value) in run.names]
        for run in named:
            self._hold(run)
        return {run.key for run in named}

    def _hold(self, run: Run) -> None:
        """Have a closed run at hand, unless it is, perhaps in a newer state."""
        if self._all("SELECT 1 FROM deliveries WHERE key = ?", (run.key,)):
            return
        self._insert("deliveries", run.delivery)
        for job in run.jobs:
            self._insert("jobs", job)
        self._all("INSERT INTO aside VALUES (?)", (run.key,))

    def _take_back(self, key: str) -> None:
        """Let something happen to a closed run: what is newer of its subject is at hand as well."""
        if not self._is_aside(key):
            return
        [[subject]] = self._all("SELECT subject FROM deliveries WHERE key = ?", (key,))
        newest = [
            self.execute(one, (subject,)) for one in (projection.LATEST_READ, projection.LATEST_RUN)
        ]
        for one in {key, *(rows[0][0] for rows in newest if rows)}:
            self._all("DELETE FROM aside WHERE key = ?", (one,))

    def _is_aside(self, key: str) -> bool:
        return bool(self._all("SELECT 1 FROM aside WHERE key = ?", (key,)))

    def _insert(self, table: str, row: Sequence[object]) -> None:
        marks = ", ".join("?" * len(row))
        self._all(f"INSERT INTO {table} VALUES ({marks})", row)  # noqa: S608 - our own names

    def _all(self, statement: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        return self._db.execute(statement, tuple(values)).fetchall()


def _is_meant(kind: Kind, value: str, what: str) -> bool:
    if kind in {"delivery", "job"} and len(what) >= SHOWN:
        return value.startswith(what)
    return value == what
