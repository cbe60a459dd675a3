"""Answers a hostile event, by its name, as an instance of the function does."""

from __future__ import annotations

import json
import time
from contextlib import closing
from dataclasses import dataclass

from handler.audit.verification.verdict import verify
from handler.errors import NightdropError
from handler.function import handle
from handler.invocation.instance import open_instance
from handler.local.runtime.context import Context
from tests.hostile.event_case import BUCKET
from tests.hostile.events import EVENTS

CASES = {case.name: case for case in EVENTS}


@dataclass(frozen=True)
class Seen:
    """The function's result for an event.

    Attributes:
        outcome: The reply's outcome, or `raised`.
        text: The reply or the error as text.
        actions: Of the records, in their order.
        longest: The length of the longest record.
        lines: The log lines.
    """

    outcome: str
    text: str
    actions: tuple[str, ...]
    longest: int
    lines: tuple[str, ...]


def answered(name: str, folder: str) -> Seen:
    """Answer an event with a log of its own and no cloud to reach."""
    nowhere = "http://127.0.0.1:9"
    environ = {
        "NIGHTDROP_IEF_ENDPOINT": nowhere,
        "NIGHTDROP_OBS_ENDPOINT": nowhere,
        "NIGHTDROP_PROJECT_ID": "p-1",
        "NIGHTDROP_BUCKETS": BUCKET,
        "NIGHTDROP_PREFIX": "drop/",
        "NIGHTDROP_RESULTS": f"obs://{BUCKET}/results/",
        "NIGHTDROP_AUDIT": f"sqlite:///{folder}/audit.db",
        "HUAWEICLOUD_SDK_AK": "access",
        "HUAWEICLOUD_SDK_SK": "secret",
    }
    lines: list[str] = []
    context = Context.from_environment(environ, "request-1", time.monotonic)
    with closing(open_instance(context, environ, lines.append)) as instance:
        try:
            reply = handle(CASES[name].make(), context, instance)
            outcome, text = str(reply["outcome"]), json.dumps(reply)
        except NightdropError as error:
            assert error.retryable  # noqa: PT017 - the other way to answer
            outcome, text = "raised", str(error)
        records = list(instance.log.records())
    assert verify(records).whole
    actions = tuple(str(record.fields["action"]) for record in records)
    longest = max((len(record.text) for record in records), default=0)
    return Seen(outcome, text, actions, longest, tuple(lines))
