"""`nightdrop schema`: the JSON Schema of job specs."""

from __future__ import annotations

import json
from typing import Any

import click
from pydantic.json_schema import models_json_schema

from handler.specs.api_form import BatchJob
from handler.specs.short_form import full_model

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


@click.command()
def schema() -> None:
    """Print the JSON Schema of a job spec, for editors and other tools.

    \b
      nightdrop schema > nightdrop.schema.json
      nightdrop schema | jq '."$defs".Job.properties.valid_for'
    """
    click.echo(json.dumps(job_spec_schema(), indent=2))


def job_spec_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of one document: the short or the API's form.

    Rules between fields, such as which kind needs a deployment, are checked but not written here.
    """
    job = full_model()
    references, shared = models_json_schema([(job, "validation"), (BatchJob, "validation")])
    return {
        "$schema": _DIALECT,
        "title": "Nightdrop job spec",
        "description": "One batch job: in the short form, or as the API's own body.",
        "anyOf": [references[(model, "validation")] for model in (job, BatchJob)],
        "$defs": shared["$defs"],
    }
