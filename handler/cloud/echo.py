"""Whether a service's message repeats a secret: a key, or a value inside a deployment."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

    from handler.canonical import Json
    from handler.cloud.credentials import Credentials

LEFT_OUT = "(its message repeats a secret value and is left out)"


def without_echo(message: str, body: bytes, credentials: Credentials) -> str:
    """Return a service's message, or `LEFT_OUT` if it repeats a secret.

    Secrets are the credentials and the values of environment variables in the body's `task_data`.

    Args:
        message: What the service said.
        body: The request it answers.
        credentials: What the request was signed with.
    """
    secrets = {credentials.ak, credentials.sk, credentials.token, *_values(_task_data(body))}
    return LEFT_OUT if any(secret and secret in message for secret in secrets) else message


def _task_data(body: bytes) -> Json:
    try:
        content = cast("dict[str, dict[str, str]]", json.loads(body)).get("job_content", {})
        return cast("Json", json.loads(content.get("task_data", "null")))
    except (AttributeError, TypeError, ValueError):
        return None


def _values(value: Json) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _values(item)
    if isinstance(value, dict):
        for name, item in value.items():
            if name == "value" and isinstance(item, str):
                yield item
            yield from _values(item)
