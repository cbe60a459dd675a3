"""`nightdrop audit export`: the log, or a part of it, for other tools."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from handler.audit.export.formats import EXPORT_FORMATS
from handler.cli.audit.records.log_reader import open_reader
from handler.cli.audit.records.record_filter import RecordFilter, filter_options
from handler.cli.console import exit_with_error
from handler.cli.entry import WRITE_ERRORS
from handler.cli.shared_options import MALFORMED_RECORD_ERRORS, audit_option, exit_on_log_error
from handler.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_SQLITE = b"SQLite format 3\x00"


@click.command()
@audit_option
@click.option("--format", "name", type=click.Choice(tuple(EXPORT_FORMATS)), required=True)
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    help="Where to write it; standard output otherwise.",
)
@click.option("--overwrite", is_flag=True, help="Replace a file that is there.")
@filter_options
def export(
    address: str, name: str, output: Path | None, selection: RecordFilter, *, overwrite: bool
) -> None:
    """Write the records as they are read, in the same memory for any number of them.

    \b
    jsonl     a record a line, as hashed; all of them together can be verified without the log
    csv       a row per record, with nothing in it that a spreadsheet would run
    ocsf      OCSF 1.9 API Activity, attested by the profile record_integrity
    ocsf-1.8  the same for readers of OCSF 1.8, without the attestation
    \b
      nightdrop audit export --format jsonl --output log.jsonl --audit sqlite:///nightdrop.db
      nightdrop audit export --format csv --since 2026-11-01 --job nightly-ngkmzypw
    """
    path = None if output == Path("-") else output
    with (
        exit_on_log_error(),
        open_reader(address) as log,
        output_file(path, overwrite=overwrite) as file,
    ):
        _write(EXPORT_FORMATS[name](log.records(0), selection), file)


def _write(lines: Iterable[str], file: IO[str]) -> None:
    try:
        file.writelines(lines)
    except MALFORMED_RECORD_ERRORS:
        exit_with_error(
            "a record is not what Nightdrop writes, see `nightdrop audit verify`; "
            "--format jsonl writes it anyway",
            1,
        )


@contextmanager
def output_file(path: Path | None, *, overwrite: bool) -> Iterator[IO[str]]:
    """Yield a text file; it replaces `path` when the block succeeds, and nothing is changed if not.

    Without a path it is standard output. A database is never replaced.

    Raises:
        OutputError: The file exists or cannot be written.
        OSError: The disk is full or fails.
    """
    if path is None:
        yield sys.stdout
        return
    try:
        if path.exists() and not path.is_file():  # a pipe or a device
            with path.open("w", encoding="utf-8") as file:
                yield file
            return
        _check(path, overwrite=overwrite)
        part = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            with part.open("x", encoding="utf-8") as file:
                yield file
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        if error.errno in WRITE_ERRORS:
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise OutputError(f"{path} cannot be written: {error.strerror}") from error


def _check(path: Path, *, overwrite: bool) -> None:
    if not path.exists():
        return
    with path.open("rb") as file:
        if file.read(len(_SQLITE)) == _SQLITE:
            raise OutputError(f"{path} is a database and is not replaced; name another file")
    if not overwrite:
        raise OutputError(f"{path} exists; name another file, or use --overwrite")
