"""Report tables of a log: what `audit stats` counts and `audit serve` shows."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from handler.audit.job_end import shown_word
from handler.cli.audit.records.log_reader import open_database
from handler.cli.console import prose

if TYPE_CHECKING:
    import sqlite_utils

WEB_FOLDER = Path(__file__).parent
"""The folder with everything that makes the page, and the SQL of its tables."""

_CHAIN = """
CREATE TABLE page.chain (
    seq    INTEGER PRIMARY KEY REFERENCES records (seq),
    hash   TEXT NOT NULL,
    prev   TEXT NOT NULL,
    record TEXT NOT NULL
);
INSERT INTO page.chain SELECT seq, hash, prev, record FROM main.records ORDER BY seq;
"""


def open_report_tables(address: str, file: str = "") -> sqlite_utils.Database:
    """Open the log at an address with its report tables in the schema `page`.

    The tables are written to a SQLite file; "" is one that closing removes.

    Raises:
        LogError: There is no log at the address, or it cannot be read.
    """
    database = open_database(address)
    try:
        database.register_function(prose, name="display", deterministic=True)
        database.register_function(shown_word, deterministic=True)
        database.execute("ATTACH DATABASE ? AS page", [file])
        database.executescript((WEB_FOLDER / "report_tables.sql").read_text(encoding="utf-8"))
        if database["rollouts"].exists():
            database.executescript((WEB_FOLDER / "rollout_rows.sql").read_text(encoding="utf-8"))
    except BaseException:
        database.close()
        raise
    return database


def write_page_copy(address: str, path: Path) -> None:
    """Write the report tables and the records of a log into a new SQLite file.

    The outbox is not copied: the requests in it may hold secrets.

    Raises:
        LogError: There is no log at the address, or it cannot be read.
    """
    with closing(open_report_tables(address, str(path.resolve()))) as database:
        database.executescript(_CHAIN)
