"""Parses responses of IEF: JSON of a limited size, and the ids, codes and words in it.

A field that is shown must match a pattern and must not repeat a secret.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, cast

from handler.cloud.redaction import UNREADABLE, redact
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

NODE_STATES = frozenset({"RUNNING", "UNCONNECTED", "UPGRADING", "STOPPED", "FAIL", "FREEZE"})
"""The states of nodes that the API page of ListEdgeNodes names."""

JOB_STATUSES = frozenset(
    {"Running", "Waiting", "Successful", "Failed", "Partially_successful", "Timed_out"}
    | {"Stopping", "Stopped"}
)
"""The statuses of jobs that the API page of ListBatchJob names."""


def object_of(answer: Answer) -> dict[str, Json]:
    """Return the JSON object in a response.

    Raises:
        NoAnswerError: The response is not a JSON object, or is too large.
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
    """Return the text of a field, or ""; it must be redacted before it is shown."""
    value = values.get(name)
    # JSON may contain lone surrogates, which no record can store.
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""


def id_of(values: Mapping[str, Json], name: str, secrets: Sequence[str] = ()) -> str:
    """Return the id in a field; "" if the field has no valid one.

    In IEF's examples ids are UUIDs, but its documentation does not say so: other ids of at most 64
    characters are accepted if they repeat nothing of a secret.
    """
    text = text_of(values, name)
    if _UUID.fullmatch(text):
        return "" if any(text in secret.lower() for secret in secrets) else text
    return text if _ID.fullmatch(text) and redact(text, secrets) == text else ""


def code_of(values: Mapping[str, Json], secrets: Sequence[str]) -> str:
    """Return the error code of an answer, "" for none, `UNREADABLE` for an invalid one.

    Source: "Error codes" of IEF and of the API gateway (`APIGW.`); other services use the same
    pattern.
    """
    text = text_of(values, "error_code")
    if not text or _DOCUMENTED_CODE.fullmatch(text):
        return text
    return text if _CODE.fullmatch(text) and redact(text, secrets) == text else UNREADABLE


def status_word_of(values: Mapping[str, Json], name: str, secrets: Sequence[str] = ()) -> str:
    """Return the status word in a field, "" for none, `UNREADABLE` for an invalid one.

    A word that the API pages name is no secret, whatever a deployment holds.
    """
    text = text_of(values, name)
    if not text or text in JOB_STATUSES or text in NODE_STATES:
        return text
    return text if _STATUS.fullmatch(text) and redact(text, secrets) == text else UNREADABLE
