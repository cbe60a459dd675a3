"""The job spec's JSON Schema, for editors and for `nightdrop schema`."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import models_json_schema

from handler.specs.api_form import BatchJob
from handler.specs.short_form import Job

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of one document: the friendly or the API's form.

    Rules between fields, such as which kind needs a deployment, are checked but not written here.
    """
    references, shared = models_json_schema([(Job, "validation"), (BatchJob, "validation")])
    return {
        "$schema": DIALECT,
        "title": "Nightdrop job spec",
        "description": "One batch job: in Nightdrop's friendlier form, or as the API's own body.",
        "anyOf": [references[(model, "validation")] for model in (Job, BatchJob)],
        "$defs": shared["$defs"],
    }
