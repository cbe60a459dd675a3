"""The result file of a spec file, for its author."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from handler.runtime.response import jobs_json
from handler.values.canonical_json import shown

if TYPE_CHECKING:
    from handler.runtime.response import Result

CONTENT_TYPE = "application/json"


def result_key(spec_key: str, *, watched: str, results: str) -> str:
    """Return the key of a spec's result file: the spec's own path under the results prefix.

    Args:
        spec_key: The spec's key.
        watched: The prefix that specs are dropped under; it is not repeated.
        results: The prefix that results are written under.
    """
    return f"{results}{spec_key.removeprefix(watched)}.result.json"


def result_data(spec: str, digest: str, result: Result) -> bytes:
    """Return a result file's content: the jobs and their ids, or every error.

    Args:
        spec: The spec's address, `obs://bucket/key`.
        digest: SHA-256 of its bytes, which tells whose result this is; "" if it was not read.
        result: Its result.
    """
    content = {
        "spec": spec,
        "digest": digest,
        "delivery": shown(result.delivery),
        "outcome": result.outcome,
        "jobs": jobs_json(result.jobs),
        "errors": list(result.errors),
        "warnings": list(result.warnings),
    }
    return json.dumps(content, indent=2, ensure_ascii=False).encode() + b"\n"
