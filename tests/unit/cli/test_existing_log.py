"""Opening a log that exists."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from handler.audit.format_version import VERSION
from handler.audit.sql.sqlite_migration import version_of
from handler.cli.existing_log import open_to_read
from tests.support.long_log import LongLog

if TYPE_CHECKING:
    from pathlib import Path


def test_a_log_of_another_version_is_migrated_before_it_is_read(tmp_path: Path) -> None:
    """As whenever it is opened to write."""
    made = LongLog(tmp_path)
    made.grow(60)
    with closing(sqlite3.connect(made.path)) as database:
        database.execute("PRAGMA user_version = 1005")
    with open_to_read(made.address) as log:
        assert log.read(lambda view: view.head).seq == 60
    with closing(sqlite3.connect(made.path)) as database:
        assert version_of(database) == VERSION
