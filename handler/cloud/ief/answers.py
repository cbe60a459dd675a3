"""What stands in an answer of IEF: JSON of a bounded size, and ids, codes and words in it.

A field that is shown has a form: what has another one, or repeats a secret, is not passed on.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, cast

from handler.cloud.ief.redaction import UNREADABLE, redact
from handler.errors import NoAnswerError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from handler.cloud.http_transport import Answer
    from handler.values.canonical_json import Json

_MOST_VALUES = 250_000
_ID = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,62}[A-Za-z0-9])?")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_CODE = re.compile(r"[A-Z][A-Za-z]{1,9}\.[0-9]{3,6}")
_DOCUMENTED_CODE = re.compile(r"(?:IEF|APIGW)\.[0-9]{3,6}")
_STATUS = re.compile(r"[A-Za-z][A-Za-z_]{0,31}")


def object_of(answer: Answer) -> dict[str, Json]:
    """Return the JSON object that an answer holds.

    Raises:
        NoAnswerError: It holds none, or more than can be read with care.
    """
    body = answer.body
    marks = body.count(b",") + body.count(b"[") + body.count(b"{")
    try:
        value = None if answer.cut or marks > _MOST_VALUES else json.loads(body)
    except (ValueError, RecursionError) as error:
        raise NoAnswerError(f"IEF answered {answer.status} with something unreadable") from error
    if not isinstance(value, dict):
        raise NoAnswerError(f"IEF answered {answer.status} with something unreadable")
    return cast("dict[str, Json]", value)


def text_of(values: Mapping[str, Json], name: str) -> str:
    """Return a field's text, "" if there is none; it must not be shown as it is."""
    value = values.get(name)
    # JSON may hold halves of surrogate pairs, which no record can keep.
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""


def id_of(values: Mapping[str, Json], name: str, secrets: Sequence[str] = ()) -> str:
    """Return the id in a field; "" if there is none that could be one.

    IEF's ids are UUIDs by its examples; its documentation gives no form, so that others of at most
    64 characters are taken as well, if they repeat nothing of a secret.
    """
    text = text_of(values, name)
    if _UUID.fullmatch(text):
        return "" if any(text in secret.lower() for secret in secrets) else text
    return text if _ID.fullmatch(text) and redact(text, secrets) == text else ""


def code_of(values: Mapping[str, Json], name: str, secrets: Sequence[str] = ()) -> str:
    """Return the error code in a field, "" if there is none, else `UNREADABLE`.

    Source: "Error codes" of IEF, and of the API gateway (`APIGW.`); those of other services have
    the same form.
    """
    text = text_of(values, name)
    if not text or _DOCUMENTED_CODE.fullmatch(text):
        return text
    return text if _CODE.fullmatch(text) and redact(text, secrets) == text else UNREADABLE


def status_of(values: Mapping[str, Json], name: str, secrets: Sequence[str] = ()) -> str:
    """Return the word in a field that says how something stands, "" or `UNREADABLE`."""
    text = text_of(values, name)
    if not text:
        return ""
    return text if _STATUS.fullmatch(text) and redact(text, secrets) == text else UNREADABLE
