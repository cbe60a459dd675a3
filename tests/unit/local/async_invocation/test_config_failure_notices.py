"""Failure notices, and their folder."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path

from handler.local.async_invocation.async_request import AsyncRequest
from handler.local.async_invocation.config import (
    EXPIRED,
    INVOCATION_FAILED,
    failure_message,
    into_folder,
)
from handler.local.async_invocation.instance_client import InvocationOutcome

NOON = datetime(2026, 11, 23, 12, tzinfo=timezone.utc)
REQUEST = AsyncRequest("r-1", "timer", '{"a": "ü"}', NOON, attempt=2)


def test_a_message_has_the_platforms_form() -> None:
    """Payloads are text, whatever they hold."""
    outcome = InvocationOutcome(500, '{"errorMessage": "no"}', "no")
    assert failure_message(REQUEST, INVOCATION_FAILED, outcome, NOON) == {
        "timestamp": "2026-11-23T12:00:00.000000+00:00",
        "request_context": {
            "request_id": "r-1",
            "function_urn": "urn:fss:local:project:function:default:nightdrop:latest",
            "condition": "UnhandledInvocationError",
            "approximate_invoke_count": 2,
        },
        "request_payload": '{"a": "ü"}',
        "response_context": {"status_code": 500, "function_error": ""},
        "response_payload": '{"errorMessage": "no"}',
    }


def test_a_message_about_a_request_that_was_never_tried_has_no_response() -> None:
    """Status 0 and no payload."""
    message = failure_message(REQUEST, EXPIRED, None, NOON)
    assert message["response_context"] == {"status_code": 0, "function_error": ""}
    assert message["response_payload"] == ""


def test_a_message_is_for_its_owner_alone(tmp_path: Path) -> None:
    """It holds the event."""
    path = Path(into_folder(tmp_path / "failures")("1.json", {}))
    assert [one.stat().st_mode & 0o777 for one in (path.parent, path)] == [0o700, 0o600]


def test_the_folder_is_created_with_the_first_message(tmp_path: Path) -> None:
    """Its path is reported."""
    folder = tmp_path / "failed" / "events"
    write = into_folder(folder)
    assert not folder.exists()
    place = write("r-1.json", {"a": 1})
    assert place == str(folder / "r-1.json")
    assert json.loads((folder / "r-1.json").read_text()) == {"a": 1}
