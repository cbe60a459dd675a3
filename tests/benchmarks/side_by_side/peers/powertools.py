"""The Powertools peer: its parser and its idempotency utility, with a SQLite table to persist in.

A second delivery is answered from the table. When the request fails, whatever the reason, the
utility deletes its entry: an answer that was lost on the way leads to a second job.
"""

from __future__ import annotations

import os
import sqlite3
import time
from threading import local
from types import SimpleNamespace
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import urllib3
from aws_lambda_powertools.utilities.idempotency import (
    BasePersistenceLayer,
    IdempotencyConfig,
    idempotent,
)
from aws_lambda_powertools.utilities.idempotency.exceptions import (
    IdempotencyItemAlreadyExistsError,
    IdempotencyItemNotFoundError,
)
from aws_lambda_powertools.utilities.idempotency.persistence.datarecord import DataRecord
from aws_lambda_powertools.utilities.parser import BaseModel, event_parser
from huaweicloudsdkcore.sdk_request import SdkRequest
from huaweicloudsdkcore.signer.signer import Signer
from pydantic import Field, Json

_ENDPOINT = urlsplit(os.environ["NIGHTDROP_IEF_ENDPOINT"])
_PATH = f"/v2/{os.environ['NIGHTDROP_PROJECT_ID']}/productmgr/jobs"
_KEYS = SimpleNamespace(ak=os.environ["HUAWEICLOUD_SDK_AK"], sk=os.environ["HUAWEICLOUD_SDK_SK"])
_SCHEMA = """
CREATE TABLE IF NOT EXISTS entries (
    id TEXT PRIMARY KEY, status TEXT, expires INTEGER, in_progress_until INTEGER, answer TEXT
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS audit (at REAL, status TEXT, job TEXT, body TEXT);"""
_CLAIM = """
INSERT INTO entries VALUES (?, ?, ?, ?, '') ON CONFLICT (id) DO UPDATE
SET status = excluded.status, in_progress_until = excluded.in_progress_until
WHERE entries.expires < ? OR (entries.status = 'INPROGRESS' AND entries.in_progress_until < ?)"""


class _Target(BaseModel):
    target_id: Annotated[str, Field(min_length=1)]


class _Content(BaseModel):
    target_type: Literal["node", "node_group", "deployment"]
    targets: list[_Target]
    task_data: str | None = None


class _Job(BaseModel, extra="allow"):
    job_name: Annotated[str, Field(max_length=26, pattern="^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")]
    job_type: Literal["node_upgrade", "deployment_deploy", "deployment_upgrade"]
    job_content: _Content


class _TimerEvent(BaseModel):
    trigger_type: Literal["TIMER"]
    trigger_name: str
    time: str
    user_event: Json[_Job]


class _Table(BasePersistenceLayer):  # type: ignore[misc] # the library has no types here
    def _get_record(self, idempotency_key: str) -> DataRecord:
        found = _database().execute("SELECT * FROM entries WHERE id = ?", (idempotency_key,))
        row = found.fetchone()
        if row is None:
            raise IdempotencyItemNotFoundError
        return DataRecord(*row)

    def _put_record(self, data_record: DataRecord) -> None:
        now = time.time()
        values = (
            data_record.idempotency_key,
            data_record.status,
            data_record.expiry_timestamp,
            data_record.in_progress_expiry_timestamp,
            int(now),
            int(now * 1000),
        )
        if _database().execute(_CLAIM, values).rowcount != 1:
            raise IdempotencyItemAlreadyExistsError

    def _update_record(self, data_record: DataRecord) -> None:
        _database().execute(
            "UPDATE entries SET answer = ?, expires = ?, status = ? WHERE id = ?",
            (
                data_record.response_data,
                data_record.expiry_timestamp,
                data_record.status,
                data_record.idempotency_key,
            ),
        )

    def _delete_record(self, data_record: DataRecord) -> None:
        _database().execute("DELETE FROM entries WHERE id = ?", (data_record.idempotency_key,))


class _Adapter:
    """The one method that the utility asks a context for."""

    def __init__(self, context: Any) -> None:  # noqa: ANN401 - the platform's context
        self.get_remaining_time_in_millis = context.getRemainingTimeInMilliSeconds


_signer = Signer(_KEYS)
_pool = urllib3.HTTPConnectionPool(_ENDPOINT.hostname, _ENDPOINT.port, maxsize=32)
_thread = local()
_config = IdempotencyConfig(
    event_key_jmespath="[trigger_name, time]", expires_after_seconds=7 * 86400
)


def handler(event: dict[str, str], context: object) -> dict[str, str]:
    """Create the job of one timer event and return the API's answer."""
    answer: dict[str, str] = _handler(event, _Adapter(context))
    return answer


@event_parser(model=_TimerEvent)
@idempotent(config=_config, persistence_store=_Table())
def _handler(event: _TimerEvent, _context: object) -> dict[str, str]:
    body = event.user_event.model_dump_json(exclude_none=True)
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
    created: dict[str, str] = answer.json()
    row = (time.time(), "created", created["job_id"], body)
    _database().execute("INSERT INTO audit VALUES (?, ?, ?, ?)", row)
    return created


def _database() -> sqlite3.Connection:
    if not hasattr(_thread, "database"):
        database = sqlite3.connect(os.environ["AUDIT_DB"], isolation_level=None, timeout=30)
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=FULL")
        database.executescript(_SCHEMA)
        _thread.database = database
    return _thread.database
