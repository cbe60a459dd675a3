"""A duration as a field of a job spec."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from handler.specs.field_types import refusal
from handler.values.duration import PATTERN, seconds_of


def _check(text: str) -> str:
    try:
        seconds_of(text)
    except ValueError as error:
        raise refusal(str(error)) from None
    return text


Duration = Annotated[
    str, AfterValidator(_check), Field(json_schema_extra={"pattern": f"^{PATTERN}$"})
]
