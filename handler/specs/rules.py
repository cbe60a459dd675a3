"""Rules: the limits on texts in the API's tables, each with a sentence for whoever breaks it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import ConfigDict
from pydantic_core import PydanticCustomError, core_schema

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler

STRICT = ConfigDict(frozen=True, extra="forbid", strict=True)
OPEN = ConfigDict(frozen=True, extra="allow", strict=True)

LONGEST_NOTE = 225  # 255 characters of description, less the mark of 29 and a space


def refusal(message: str) -> PydanticCustomError:
    """Return an error for a validator to raise; its message reaches people as it is."""
    return PydanticCustomError("rule", message)


@dataclass(frozen=True)
class TextRule:
    """A limit on a text, to stand in an `Annotated` type.

    Attributes:
        most: Characters allowed; 0 for any number.
        pattern: What the whole text must match; "" for anything.
        wanted: The pattern in words.
        least: Characters needed.
        limit: What stands before the number in the message about a text that is too long.
    """

    most: int = 0
    pattern: str = ""
    wanted: str = ""
    least: int = 1
    limit: str = "the API allows"

    def check(self, text: str) -> str:
        """Return the text as it is.

        Raises:
            PydanticCustomError: It breaks the rule; the message says how, in full.
        """
        if len(text) < self.least:
            raise refusal("is empty")
        faults = []
        if self.most and len(text) > self.most:
            faults.append(f"{len(text)} characters, {self.limit} {self.most}")
        if self.pattern and not re.fullmatch(self.pattern, text):
            faults.append(self.wanted)
        if faults:
            raise refusal("; ".join(faults))
        return text

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        limits: dict[str, Any] = {"minLength": self.least} if self.least else {}
        if self.most:
            limits["maxLength"] = self.most
        if self.pattern:
            limits["pattern"] = f"^(?:{self.pattern})$"
        return {**handler(schema), **limits}


_NAME = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_NAME_IN_WORDS = "only lower-case letters, digits and hyphens, with no hyphen at either end"

Text = Annotated[str, TextRule()]
AnyText = Annotated[str, TextRule(least=0)]
Name = Annotated[str, TextRule(26, _NAME, _NAME_IN_WORDS)]
ShortName = Annotated[
    str,
    TextRule(17, _NAME, _NAME_IN_WORDS, limit="with the 9 that every run adds there is room for"),
]
Note = Annotated[
    str, TextRule(LONGEST_NOTE, least=0, limit="beside Nightdrop's mark there is room for")
]
TagKey = Annotated[
    str, TextRule(128, r"[A-Za-z0-9_-]*", "only letters, digits, underscores and hyphens")
]
TagValue = Annotated[str, TextRule(256)]
