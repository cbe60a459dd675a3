"""`nightdrop audit export`: the log, or a part of it, for other tools."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from handler.audit.export.formats import FORMATS
from handler.cli.audit.records.log_reader import open_reader
from handler.cli.audit.records.record_filter import RecordFilter, filter_options
from handler.cli.console import complain
from handler.cli.output_file import output_file
from handler.cli.shared_options import MALFORMED_RECORD_ERRORS, audit_option, exit_on_log_error
from handler.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterable


@click.command(short_help="The log as JSON Lines, CSV or OCSF events.")
@audit_option
@click.option("--format", "name", type=click.Choice(tuple(FORMATS)), required=True)
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
    jsonl     a record a line, as it was hashed; all of them can be verified without the database
    csv       a row per record, with nothing in it that a spreadsheet would run
    ocsf      OCSF 1.9 API Activity, attested by the profile record_integrity
    ocsf-1.8  the same for readers of OCSF 1.8, without the attestation
    \b
      nightdrop audit export --format jsonl --output log.jsonl --audit sqlite:///nightdrop.db
      nightdrop audit export --format csv --since 2026-11-01 --job nightly-ngkmzypw
    """
    path = None if output == Path("-") else output
    try:
        with (
            exit_on_log_error(),
            open_reader(address) as log,
            output_file(path, overwrite=overwrite) as file,
        ):
            _write(FORMATS[name](log.records(0), selection), file)
    except OutputError as error:
        complain(str(error))
        sys.exit(2)


def _write(lines: Iterable[str], file: IO[str]) -> None:
    try:
        file.writelines(lines)
    except MALFORMED_RECORD_ERRORS:
        complain(
            "a record is not what Nightdrop writes, see `nightdrop audit verify`; "
            "--format jsonl writes it anyway"
        )
        sys.exit(1)
