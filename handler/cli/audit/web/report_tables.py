"""The log as facts in tables: what `audit stats` counts and `audit serve` shows."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from handler.audit.job_end import shown_word
from handler.cli.audit.records.log_reader import open_database
from handler.cli.console import prose

if TYPE_CHECKING:
    import sqlite_utils

PAGE = Path(__file__).parent
"""The folder of all that makes the page, the SQL of its tables among it."""

_CHAIN = """
CREATE TABLE page.chain (
    seq    INTEGER PRIMARY KEY REFERENCES records (seq),
    hash   TEXT NOT NULL,
    prev   TEXT NOT NULL,
    record TEXT NOT NULL
);
INSERT INTO page.chain SELECT seq, hash, prev, record FROM main.records ORDER BY seq;
"""


def open_report_tables(address: str) -> sqlite_utils.Database:
    """Open the log at an address with its facts beside it, in tables of the schema `page`.

    They lie in a temporary file that ends with the connection.

    Raises:
        LookupError: There is no such log to read; the message says what to do.
    """
    database = open_database(address)
    try:
        _attach(database, "")
    except BaseException:
        database.close()
        raise
    return database


def write_page_copy(address: str, path: Path) -> None:
    """Write the facts and the records of a log into a new SQLite file.

    Nothing else gets in: what a job is sent with stays in the log's outbox.

    Raises:
        LookupError: There is no such log to read; the message says what to do.
    """
    with closing(open_database(address)) as database:
        _attach(database, str(path.resolve()))
        database.conn.executescript(_CHAIN)


def _attach(database: sqlite_utils.Database, file: str) -> None:
    database.conn.create_function("display", 1, prose, deterministic=True)
    database.conn.execute("ATTACH DATABASE ? AS page", (file,))
    database.conn.create_function("shown_word", 3, shown_word, deterministic=True)
    database.conn.executescript((PAGE / "report_tables.sql").read_text())
