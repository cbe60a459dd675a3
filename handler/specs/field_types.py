"""The types of fields: limits on texts from the API's tables, each with its error message."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError, core_schema

from handler.values.duration import PATTERN, seconds_of
from handler.values.named_tuple import NamedTuple

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler

STRICT = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)
OPEN = ConfigDict(frozen=True, extra="allow", strict=True, defer_build=True)

TEMPLATE = re.compile(r"\{\{|\{%|\$\{|<%")
NOT_RENDERED = "a template that was not rendered: its placeholder is left here; fill it in"

_MATCHED_LENGTH_FACTOR = 10  # times what is allowed

NAME_SUFFIX_LENGTH = 8
"""Characters of a job's key at the end of its name, after a hyphen, in the short form."""

MAX_NOTE_LENGTH = 225  # 255 characters of description, less the mark of 29 and a space


def rule_error(message: str) -> PydanticCustomError:
    """Return an error for a validator to raise; its message reaches people as it is."""
    return PydanticCustomError("rule", message)


def omitted() -> Any:  # noqa: ANN401 - stands for a field that may be left out but not null
    """Return the default of a field that is not sent if it is left out."""
    return None


class TextRule(NamedTuple):
    """A limit on a text, for an `Annotated` type.

    Attributes:
        most: Characters allowed; 0 for any number.
        pattern: What the whole text must match; "" for anything.
        wanted: The pattern in words.
        least: Characters needed.
        limit: What the message about a text that is too long says after its length; `{}` is `most`.
        nearly: A pattern of texts that miss the other one in one known way, and that in words.
    """

    most: int = 0
    pattern: str = ""
    wanted: str = ""
    least: int = 1
    limit: str = "the API allows {}"
    nearly: tuple[str, str] = ("", "")

    def check(self, text: str) -> str:
        """Return the text as it is.

        Raises:
            PydanticCustomError: It breaks the rule; the message says how, in full.
        """
        if len(text) < self.least:
            raise rule_error("is empty")
        errors = []
        if self.most and len(text) > self.most:
            errors.append(f"{len(text)} characters, {self.limit.format(self.most)}")
        if self.pattern and not self._matches(text):
            errors.append(NOT_RENDERED if TEMPLATE.search(text) else self._missed(text))
        if errors:
            raise rule_error("; ".join(errors))
        return text

    def _missed(self, text: str) -> str:
        pattern, words = self.nearly
        return words if pattern and re.fullmatch(pattern, text) else self.wanted

    def _matches(self, text: str) -> bool:
        """Return whether the pattern fits; to save memory, far too long a text is not matched."""
        if self.most and len(text) > _MATCHED_LENGTH_FACTOR * self.most:
            return True
        return re.fullmatch(self.pattern, text) is not None

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


def _no_number(value: object) -> object:
    """Refuse a number: in quotes, it would still have no unit."""
    return _checked_duration(str(value)) if isinstance(value, int | float) else value


def _checked_duration(text: str) -> str:
    try:
        seconds_of(text)
    except ValueError as error:
        raise rule_error(str(error)) from None
    return text


_NAME = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_NAME_IN_WORDS = "only lower-case letters, digits and hyphens, with no hyphen at either end"

_ID = r"[A-Za-z0-9][A-Za-z0-9._-]*"
_ID_IN_WORDS = (
    "only letters, digits, dots, underscores and hyphens, beginning with a letter or digit; "
    "one id in each entry, without blanks"
)
# The API's pages: Chinese characters, letters, digits, underscores and hyphens.
_NODE_NAME = r"[A-Za-z0-9_\-\u3400-\u9fff]+"
_NODE_NAME_IN_WORDS = "only Chinese characters, letters, digits, underscores and hyphens"

# Without control characters, invisible characters, and blanks at either end.
_LINE = (
    r"(?!\s)[^\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2069"
    r"\ufeff\ufff9-\ufffb]*(?<!\s)"
)
# A note may have line breaks and tabs, but no invisible characters.
_PROSE = (
    r"[^\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2069"
    r"\ufeff\ufff9-\ufffb]*"
)
_PROSE_IN_WORDS = "must not hold control characters or invisible characters"
_LINE_IN_WORDS = "must be one line, without invisible characters and without a blank at either end"

# The grammar of image references of the OCI distribution specification, as registries read it.
_DOMAIN_PART = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_DOMAIN = rf"(?:{_DOMAIN_PART}(?:\.{_DOMAIN_PART})*|\[[0-9a-fA-F:]+\])(?::[0-9]+)?"
_PATH_PART = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_TAG = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}"
_DIGEST = r"[A-Za-z][A-Za-z0-9]*(?:[+._-][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}"
_IMAGE_WITHOUT_DIGEST = rf"(?:{_DOMAIN}/)?{_PATH_PART}(?:/{_PATH_PART})*(?::{_TAG})?"
IMAGE_PATTERN = rf"{_IMAGE_WITHOUT_DIGEST}(?:@{_DIGEST})?"
LONGEST_IMAGE = 512
IMAGE_IN_WORDS = (
    "must be an image reference, [registry[:port]/]path[:tag][@digest]: the path in lower case, "
    "no blank, no https://"
)
_DIGEST_IN_WORDS = (
    "the digest after the @ is wrong: it must be an algorithm, a colon and at least 32 hexadecimal "
    "digits, such as sha256: and 64 of them"
)

Text = Annotated[str, TextRule()]
AnyText = Annotated[str, TextRule(0, r"[^\x00]*", "must not hold the character U+0000", least=0)]
Line = Annotated[str, TextRule(0, _LINE, _LINE_IN_WORDS)]
AnyLine = Annotated[str, TextRule(0, _LINE, _LINE_IN_WORDS, least=0)]
Id = Annotated[str, TextRule(64, _ID, _ID_IN_WORDS, limit="an id has at most {}")]
NodeName = Annotated[str, TextRule(64, _NODE_NAME, _NODE_NAME_IN_WORDS)]
Image = Annotated[
    str,
    TextRule(
        LONGEST_IMAGE,
        IMAGE_PATTERN,
        IMAGE_IN_WORDS,
        limit="a reference has at most {}",
        nearly=(rf"{_IMAGE_WITHOUT_DIGEST}@[^@]*", _DIGEST_IN_WORDS),
    ),
]
Name = Annotated[str, TextRule(26, _NAME, _NAME_IN_WORDS)]
ContainerName = Annotated[str, TextRule(32, _NAME, _NAME_IN_WORDS)]
VolumeName = Annotated[str, TextRule(63, _NAME, _NAME_IN_WORDS)]
EnvName = Annotated[
    str,
    TextRule(
        2048,
        r"[A-Za-z_][A-Za-z0-9_]*",
        "only letters, digits and underscores, not beginning with a digit",
    ),
]
ShortName = Annotated[
    str,
    TextRule(
        17,
        _NAME,
        _NAME_IN_WORDS,
        limit="at most {}: the API allows 26, and each run adds a hyphen and 8 characters",
    ),
]
Note = Annotated[
    str,
    TextRule(
        MAX_NOTE_LENGTH,
        _PROSE,
        _PROSE_IN_WORDS,
        least=0,
        limit="at most {} fit beside Nightdrop's mark",
    ),
]
TagKey = Annotated[
    str, TextRule(128, r"[A-Za-z0-9_-]*", "only letters, digits, underscores and hyphens")
]
TagValue = Annotated[str, TextRule(256, _LINE, _LINE_IN_WORDS)]
Duration = Annotated[
    str,
    BeforeValidator(_no_number),
    AfterValidator(_checked_duration),
    Field(json_schema_extra={"pattern": f"^{PATTERN}$"}),
]
