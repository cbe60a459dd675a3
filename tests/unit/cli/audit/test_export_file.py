"""The file that a command writes to."""

from __future__ import annotations

import resource
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from handler.cli.audit.export import output_file
from handler.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def small_files() -> Iterator[None]:
    """No file of this process can have more than 8 KiB, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_an_existing_file_is_replaced_only_on_request(tmp_path: Path) -> None:
    """Without being asked, not a byte of it changes."""
    path = tmp_path / "log.csv"
    path.write_text("old")
    with (
        pytest.raises(OutputError, match="exists; name another file, or use --overw"),
        output_file(path, overwrite=False),
    ):
        pass
    assert path.read_text() == "old"
    with output_file(path, overwrite=True) as file:
        file.write("new")
        assert path.read_text() == "old", "it appears when it is whole"
    assert path.read_text() == "new"


def test_a_database_is_never_replaced(tmp_path: Path) -> None:
    """Least of all the log itself."""
    path = tmp_path / "audit.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE t (c)")
    with (
        pytest.raises(OutputError, match="is a database and is not replaced"),
        output_file(path, overwrite=True),
    ):
        pass


def test_a_failed_export_leaves_the_old_file(tmp_path: Path) -> None:
    """And no other file beside it."""
    path = tmp_path / "log.csv"
    path.write_text("old")

    def write() -> None:
        with output_file(path, overwrite=True) as file:
            file.write("half")
            raise KeyError

    with pytest.raises(KeyError):
        write()
    assert [one.name for one in tmp_path.iterdir()] == ["log.csv"]
    assert path.read_text() == "old"


@pytest.mark.usefixtures("small_files")
def test_a_full_disk_fails_with_one_sentence(tmp_path: Path) -> None:
    """That of the entry point, with its status; no partial file is left."""
    with (
        pytest.raises(OSError, match=r"File too large: '.*log\.csv'"),
        output_file(tmp_path / "log.csv", overwrite=False) as file,
    ):
        file.write("x" * 100_000)
    assert [*tmp_path.iterdir()] == []


def test_a_device_is_written_to_directly() -> None:
    """Nothing is put in its place."""
    with output_file(Path("/dev/null"), overwrite=False) as file:
        file.write("x")
    assert not Path("/dev/null").is_file()
