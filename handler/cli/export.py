"""`nightdrop audit export`: the log, or a part of it, for other tools."""

from __future__ import annotations

import sys
from typing import IO

import click

from handler.audit.export import FORMATS
from handler.cli.option import SPOILED, audit_option, complaining
from handler.cli.screen import complain
from handler.cli.selection import Selection, selecting
from handler.cli.stored import stored


@click.command(short_help="The log as JSON Lines, CSV or OCSF events.")
@audit_option
@click.option("--format", "name", type=click.Choice(tuple(FORMATS)), required=True)
@click.option(
    "--output",
    type=click.File("w", encoding="utf-8"),
    default="-",
    help="Where to write it; standard output otherwise.",
)
@selecting
def export(address: str, name: str, output: IO[str], selection: Selection) -> None:
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
    with complaining(), stored(address) as log:
        try:
            output.writelines(FORMATS[name](log.records(0), selection))
        except SPOILED:
            complain(
                "a record is not what Nightdrop writes, see `nightdrop audit verify`; "
                "--format jsonl writes it all the same"
            )
            sys.exit(1)
