"""The emulated topic: what it takes, what it refuses, and that it outlives a restart."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import pytest
import urllib3
from huaweicloudsdkcore.sdk_request import SdkRequest
from huaweicloudsdkcore.signer.signer import Signer

from handler.cloud.credentials import Credentials
from handler.emulator.server import Emulator

if TYPE_CHECKING:
    from pathlib import Path

PUBLISH = "/publish"


def ask(
    emulator: Emulator, body: object, rest: str = PUBLISH, method: str = "POST"
) -> tuple[int, str]:
    """Send a request that the SDK's own signer has signed; return status and error code."""
    account = emulator.account
    topic = f"urn%3Asmn%3Acn-north-4%3A{account.project_id}%3Anightdrop-notices"
    path = f"/v2/{account.project_id}/notifications/topics/{topic}{rest}"
    request = SdkRequest(
        method=method,
        schema="http",
        host=emulator.url.removeprefix("http://"),
        resource_path=path,
        query_params=[],
        header_params={
            "Content-Type": "application/json",
            "X-Sdk-Date": f"{datetime.now(timezone.utc):%Y%m%dT%H%M%SZ}",
        },
        body=body if isinstance(body, bytes) else json.dumps(body).encode(),
    )
    signed = Signer(Credentials(account.access_key, account.secret_key)).sign(request)
    url = f"{emulator.url}{signed.uri}"
    answer = urllib3.request(method, url, body=request.body, headers=dict(signed.header_params))
    return answer.status, str(answer.json().get("error_code", ""))


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"subject": "s", "message": "m"}, 200),
        ({"message": "m"}, 200),
        ({"subject": "s", "message": ""}, 400),
        ({"subject": "s"}, 400),
        ({"subject": "s" * 513, "message": "m"}, 400),
        ({"subject": "two\nlines", "message": "m"}, 400),
        ({"subject": "s", "message": "m" * 262_145}, 400),
        ({"subject": 7, "message": "m"}, 400),
        (b"no JSON", 400),
    ],
    ids=range(9),
)
def test_a_message_is_held_to_the_documented_limits(
    emulator: Emulator, body: object, status: int
) -> None:
    """512 bytes of subject, 256 KB of message."""
    assert ask(emulator, body)[0] == status
    assert len(emulator.state.messages) == (status == 200)


def test_only_two_operations_are_known(emulator: Emulator) -> None:
    """Others are refused and recorded as unregistered."""
    assert ask(emulator, b"", "", "GET") == (200, "")
    assert ask(emulator, {}, "/subscriptions")[0] == 404
    names = [one.operation for one in emulator.state.requests]
    assert names == ["ListTopicDetails", "Unregistered"]


def test_messages_outlive_a_restart(tmp_path: Path) -> None:
    """In the folder's journal, as jobs and objects do."""
    for _ in range(2):
        with Emulator(directory=tmp_path) as running:
            ask(running, {"subject": "s", "message": "m"})
            view = running.state.snapshot("messages")["messages"]
    assert isinstance(view, list)
    assert [one["subject"] for one in view if isinstance(one, dict)] == ["s", "s"]
    running.state.journal = None
    running.state.reset()
    assert running.state.messages == []


def test_notices_are_sent_to_it_only_if_asked_for() -> None:
    """The environment names the topic then."""
    for asked in (False, True):
        with Emulator(notices=asked) as running:
            environ = running.environment()
            assert ("NIGHTDROP_NOTIFY" in environ, "NIGHTDROP_SMN_ENDPOINT" in environ) == (
                asked,
                asked,
            )
