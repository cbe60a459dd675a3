"""The floor: the least that any function can do for one timer event.

It decodes the job, commits a row, signs and sends the request over a connection that it keeps,
and commits the job's id. It validates nothing, retries nothing and sends a second delivery again.
"""

from __future__ import annotations

import json
import os
import sqlite3
from threading import local
from types import SimpleNamespace
from urllib.parse import urlsplit

import urllib3
from huaweicloudsdkcore.sdk_request import SdkRequest
from huaweicloudsdkcore.signer.signer import Signer

_ENDPOINT = urlsplit(os.environ["NIGHTDROP_IEF_ENDPOINT"])
_PATH = f"/v2/{os.environ['NIGHTDROP_PROJECT_ID']}/productmgr/jobs"
_KEYS = SimpleNamespace(ak=os.environ["HUAWEICLOUD_SDK_AK"], sk=os.environ["HUAWEICLOUD_SDK_SK"])
_signer = Signer(_KEYS)
_pool = urllib3.HTTPConnectionPool(_ENDPOINT.hostname, _ENDPOINT.port, maxsize=32)
_thread = local()


def handler(event: dict[str, str], _context: object) -> dict[str, str]:
    """Create the job of one timer event and return the API's answer."""
    job = json.loads(event["user_event"])
    _append("sending", job["job_name"])
    created = send(event["user_event"])
    _append("created", created["job_id"])
    return created


def send(body: str) -> dict[str, str]:
    """Sign and send a creation, and return the API's answer."""
    request = SdkRequest(
        method="POST",
        schema=_ENDPOINT.scheme,
        host=_ENDPOINT.netloc,
        resource_path=_PATH,
        query_params=[],
        header_params={"Content-Type": "application/json"},
        body=body,
    )
    signed = _signer.sign(request)
    answer = _pool.urlopen("POST", signed.uri, body=signed.body, headers=signed.header_params)
    created: dict[str, str] = json.loads(answer.data)
    return created


def _append(state: str, what: str) -> None:
    if not hasattr(_thread, "database"):
        _thread.database = sqlite3.connect(os.environ["AUDIT_DB"], isolation_level=None, timeout=30)
        for statement in (
            "PRAGMA journal_mode=WAL",
            "PRAGMA synchronous=FULL",
            "CREATE TABLE IF NOT EXISTS audit (state TEXT, what TEXT)",
        ):
            _thread.database.execute(statement)
    _thread.database.execute("INSERT INTO audit VALUES (?, ?)", (state, what))
