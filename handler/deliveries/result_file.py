"""The files beside each other that tell a spec file's author the result: its jobs, its rollouts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from handler.runtime.response import jobs_json, result_of
from handler.values.canonical_json import short_key
from handler.values.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from handler.audit.state import DeliveryState
    from handler.invocation.invocation import Invocation
    from handler.runtime.response import Result
    from handler.values.canonical_json import Json

RESULT = ".result.json"
"""The ending of a result file's name, after the spec's own."""


class File(NamedTuple):
    """A file to write: the ending of its name, its type, its content."""

    ending: str
    content_type: str
    data: bytes


def result_key(
    spec_key: str, ending: str = RESULT, *, watched: str, results: str, bucket: str = ""
) -> str:
    """Return the key of a spec's result file: the spec's own path under the results prefix.

    Args:
        spec_key: The spec's key.
        ending: The ending that is added to it.
        bucket: The spec's bucket, unless that is the first of those that are watched.
        watched: The prefix that specs are dropped under; it is not repeated.
        results: The prefix that results are written under.
    """
    folder = f"{bucket}/" if bucket else ""
    return f"{results}{folder}{spec_key.removeprefix(watched)}{ending}"


def result_files(run: DeliveryState, invocation: Invocation) -> Iterator[File]:
    """Yield the files of a run: the reports of rollouts that have ended, then the result file.

    Raises:
        LogError: The log could not be read.
        CloudError: The same, in a bucket.
    """
    result = result_of(run.key, run, repeated=False)
    if run.rollouts:
        # Loaded where it is needed: most deliveries have no rollout.
        from handler.rollouts.continuation import look
        from handler.rollouts.standing import with_rollouts

        rollouts = invocation.log.read(lambda view: view.rollouts.of_delivery(run.key), fresh=False)
        result = with_rollouts(result, [look(one.key, invocation) for one in rollouts])
        if any(one.ended for one in rollouts):
            yield from _reports(run, invocation)
    yield File(RESULT, "application/json", result_data(run.subject, run.digest, result))


def result_data(spec: str, digest: str, result: Result) -> bytes:
    """Return a result file's content: the jobs and their ids, or every error.

    Args:
        spec: The spec's address, `obs://bucket/key`.
        digest: SHA-256 of its bytes, which tells whose result this is; "" if it was not read.
        result: Its result.
    """
    return _json(
        {
            "spec": spec,
            "digest": digest,
            "delivery": short_key(result.delivery),
            "outcome": result.outcome,
            "jobs": jobs_json(result.jobs),
            **({"rollouts": list(result.rollouts)} if result.rollouts else {}),
            "errors": list(result.errors),
            "warnings": list(result.warnings),
        }
    )


def _reports(run: DeliveryState, invocation: Invocation) -> Iterator[File]:
    from handler.rollouts.report import report_json, rollout_reports
    from handler.rollouts.report_page import report_page

    reports = rollout_reports(run.key, invocation.log)
    listed: dict[str, Json] = {
        "spec": run.subject,
        "digest": run.digest,
        "delivery": short_key(run.key),
        "rollouts": [report_json(one) for one in reports],
    }
    page = report_page(run.subject, reports)
    yield File(".report.json", "application/json", _json(listed))
    yield File(".report.md", "text/markdown; charset=utf-8", page.encode())


def _json(content: dict[str, Json]) -> bytes:
    return json.dumps(content, indent=2, ensure_ascii=False).encode() + b"\n"
