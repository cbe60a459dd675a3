"""The start-up record of an instance."""

from __future__ import annotations

import json
import platform
import sqlite3
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from handler.audit.instance_log import InstanceLog
from handler.audit.sql.sqlite import SqliteLog
from handler.runtime.startup_record import MANIFEST, Startup, read_startup, record_start

if TYPE_CHECKING:
    from pathlib import Path

MANIFEST_CONTENT = {
    "code": "ab" * 32,
    "packages": [{"name": "urllib3", "version": "2.8.0", "modules": ["urllib3"]}],
}


def module(path: Path, version: str | None = None) -> ModuleType:
    """Return a module as it looks when it was imported from a file."""
    made = ModuleType("urllib3")
    made.__file__ = str(path)
    if version:
        made.__version__ = version  # type: ignore[attr-defined] # as packages do
    return made


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The folder of an unpacked zip."""
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / MANIFEST).write_text(json.dumps(MANIFEST_CONTENT))
    return folder


def test_a_start_records_code_and_versions(root: Path) -> None:
    """The digest is the manifest's."""
    startup = read_startup(root, {"urllib3": module(root / "urllib3" / "__init__.py")})
    assert startup == Startup("ab" * 32, platform.python_version(), sqlite3.sqlite_version, ())


def test_a_package_of_the_platform_is_a_conflict(root: Path, tmp_path: Path) -> None:
    """It was found before the zip's own."""
    startup = read_startup(root, {"urllib3": module(tmp_path / "urllib3.py", "1.25.11")})
    assert startup.note == "urllib3 is the platform's (1.25.11), not the zip's (2.8.0)"


def test_a_package_that_was_not_imported_is_no_conflict(root: Path) -> None:
    """It may never be imported."""
    assert read_startup(root, {}).conflicting_packages == ()


@pytest.mark.parametrize("text", [None, "", "[]", "{"])
def test_without_a_manifest_there_is_no_digest(tmp_path: Path, text: str | None) -> None:
    """In a local run; and a broken one does not prevent the start."""
    if text is not None:
        (tmp_path / MANIFEST).write_text(text)
    assert read_startup(tmp_path, {}).code == ""


def test_a_start_is_a_record(tmp_path: Path) -> None:
    """With its conflicts as the note."""
    log = SqliteLog(str(tmp_path / "audit.db"))
    bound = InstanceLog(log, function={"name": "f"})
    bound.commit(record_start(Startup("c0de", "3.10.13", "3.40.1", ("one", "two"))))
    (record,) = log.records()
    log.close()
    assert record.fields["action"] == "function.started"
    assert record.fields["note"] == "one; two"
    assert record.fields["function"] == {
        "name": "f", "code": "c0de", "python": "3.10.13", "sqlite": "3.40.1",
    }  # fmt: skip
