"""`nightdrop schema`: the job spec's JSON Schema."""

from __future__ import annotations

import json

import click

from handler.specs.json_schema import schema as job_spec_schema


@click.command(short_help="Print the job spec's JSON Schema.")
def schema() -> None:
    """Print the JSON Schema of a job spec, for editors and other tools.

    \b
      nightdrop schema > nightdrop.schema.json
    """
    click.echo(json.dumps(job_spec_schema(), indent=2))
