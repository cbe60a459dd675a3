"""How fast a log is verified, chain and state, against a bare loop that hashes its rows.

`python -m tests.benchmarks.verify_speed [--records 1000000]` prints the times of the best of three
rounds, their ratios to the loop, and how much memory grew. The goal for the chain is a million
records in half a minute, in memory that does not grow with the log.
"""

from __future__ import annotations

import argparse
import resource
import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from handler.audit.open_log import open_source
from handler.audit.record import Head, seal
from handler.audit.sql.sqlite import SCHEMA, SqliteLog
from handler.audit.verification.chain_check import check_chain
from handler.audit.verification.verifier import Evidence, verify_log
from tests.support.long_log import moment, run_records

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

GOAL = 1_000_000 / 30
"""Records a second."""

_APPEND = "INSERT INTO records (seq, hash, prev, record) VALUES (?, ?, ?, ?)"
_ROWS = "SELECT seq, hash, prev, record FROM records ORDER BY seq"
_ROUNDS = 3
_STORY = 6


def rows(records: int) -> Iterator[tuple[int, str, str, str]]:
    """Yield the rows of a log of some length."""
    head = Head()
    while True:
        for draft in run_records(head.hash):
            if head.seq == records:
                return
            record = seal(draft, head, at=moment(head.seq), commit=head.hash[:32])
            yield record.seq, record.hash, head.hash, record.text
            head = Head(record.seq, record.hash)


def write(path: Path, records: int) -> None:
    """Write whole stories through the schema's own triggers; the state is folded at the opening."""
    with closing(sqlite3.connect(path)) as db, db:
        db.executescript(
            f"PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; {SCHEMA.read_text()}"
        )
        db.executemany(_APPEND, rows(records - records % _STORY))
    SqliteLog(path).close()


def bare(path: Path) -> None:
    """Read every row and hash its text."""
    with closing(sqlite3.connect(path)) as db:
        for _, _, _, text in db.execute(_ROWS):
            sha256(text.encode()).hexdigest()


def chain(path: Path) -> None:
    """Verify the chain alone."""
    address = f"sqlite:///{path}"
    with closing(open_source(address)) as stored:
        check_chain(stored, lambda _count: None)


def verify(path: Path) -> None:
    """Verify the log.

    Raises:
        SystemExit: It was found broken.
    """
    address = f"sqlite:///{path}"
    with closing(open_source(address)) as stored:
        verdict = verify_log(stored, Evidence())
    if not verdict.whole:
        raise SystemExit(f"a false alarm: {verdict.faults[0]}")


def timed(work: Callable[[], None]) -> float:
    """Return the seconds that something took."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--records", type=int, default=200_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "audit.db"
        write(path, given.records)
        before = _peak()
        times = [
            (
                timed(lambda: bare(path)),
                timed(lambda: chain(path)),
                timed(lambda: verify(path)),
            )
            for _ in range(_ROUNDS)
        ]
        slow, quick, whole = (min(column) for column in zip(*times, strict=True))
        size = path.stat().st_size / 2**20
    sys.stdout.write(
        f"verify {given.records:,} records, {size:,.0f} MiB: bare loop {slow:.2f} s; "
        f"chain {quick:.2f} s, {quick / slow:.1f} x, {given.records / quick:,.0f} records/s "
        f"(goal {GOAL:,.0f}); chain and state {whole:.2f} s, {whole / slow:.1f} x; "
        f"memory +{_peak() - before:.0f} MiB\n"
    )


def _peak() -> float:
    own, others = (
        resource.getrusage(who).ru_maxrss
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return (own + others) / 1024


if __name__ == "__main__":
    main()
