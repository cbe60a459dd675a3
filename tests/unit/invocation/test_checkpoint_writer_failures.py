"""The handling of an event whose checkpoint fails."""

from __future__ import annotations

import json
import time
from contextlib import closing
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, TypeAlias

import pytest
from pydantic import SecretStr

from handler.audit.instance_log import InstanceLog
from handler.audit.sql.sqlite import SqliteLog
from handler.errors import CredentialsError, LogBusyError
from handler.function import handle
from handler.invocation.instance import open_instance
from handler.jobs.hold import hold
from handler.local.runtime.context import Context
from tests.conftest import BUCKET, timer_event

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from handler.audit.log import Committed, Decide, Decision, Log, View
    from handler.invocation.instance import Instance

Environ: TypeAlias = dict[str, str]

TICK = timer_event('{"action": "reconcile"}')
UPGRADE = '{"kind": "node_upgrade", "name": "now", "targets": {"nodes": [{"id": "n1"}]}}'
OBJECT_CREATED = {
    "eventName": "ObjectCreated:Put",
    "eventTime": "2026-11-23T14:05:31.482Z",
    "responseElements": {"x-obs-request-id": "7"},
    "obs": {"bucket": {"name": BUCKET}, "object": {"key": "drop/a.yaml", "size": 1}},
}


class BusyLater:
    """A log that other writers hold from the checkpoint on."""

    def __init__(self, log: Log) -> None:
        self._log = log

    def __getattr__(self, name: str) -> object:
        """Delegate every other call."""
        return getattr(self._log, name)

    def commit_all(self, decisions: Sequence[Decide[object]]) -> tuple[Committed[object], ...]:
        """Commit unless a checkpoint is recorded."""
        return self._log.commit_all([_unless_checkpointed(decide) for decide in decisions])


def _unless_checkpointed(decide: Decide[object]) -> Decide[object]:
    def checked(view: View) -> Decision[object]:
        decision = decide(view)
        if any(draft.action == "log.checkpointed" for draft in decision.drafts):
            raise LogBusyError("the audit log is held by other writers")
        return decision

    return checked


@pytest.fixture
def folder(environ: Environ, tmp_path: Path) -> Path:
    """Where the function under test writes its checkpoints."""
    environ["NIGHTDROP_CHECKPOINTS"] = str(tmp_path / "checkpoints")
    return tmp_path / "checkpoints"


@pytest.fixture
def failing(folder: Path, environ: Environ, lines: list[str]) -> Iterator[Instance]:
    """An instance whose checkpoints fail before they are written."""
    context = Context.from_environment(environ, "r", time.monotonic)
    with closing(open_instance(context, environ, lines.append)) as opened:
        settings = opened.settings.model_copy(update={"checkpoint_key": SecretStr("no key")})
        yield opened._replace(settings=settings)
    assert not folder.exists()


def test_an_event_is_answered_though_its_checkpoint_fails(
    failing: Instance, environ: Environ, lines: list[str]
) -> None:
    """Its records are in the log; an exception would only have it delivered again."""
    context = Context.from_environment(environ, "r", time.monotonic)
    assert handle(timer_event(UPGRADE), context, failing)["outcome"] == "submitted"
    [lines_found] = [json.loads(line) for line in lines if "attention.needed" in line]
    assert lines_found["of"] == "log.checkpoint_failed"
    assert "NIGHTDROP_CHECKPOINT_KEY" in lines_found["note"]
    assert "no key" not in lines_found["note"]


def test_a_checkpoint_that_fails_does_not_hide_the_first_error(
    failing: Instance, environ: Environ
) -> None:
    """The event's own error must be fixed first."""
    context = Context.from_environment({**environ, "HUAWEICLOUD_SDK_AK": ""}, "r", time.monotonic)
    event = {"Records": [OBJECT_CREATED]}
    without_keys = failing._replace(environ={**environ, "HUAWEICLOUD_SDK_AK": ""})
    with pytest.raises(CredentialsError):
        handle(event, context, without_keys)


def test_a_busy_log_postpones_the_checkpoint(
    folder: Path, environ: Environ, lines: list[str]
) -> None:
    """The event is answered, the next event writes the checkpoint, and a line says so."""
    context = Context.from_environment(environ, "r", time.monotonic)
    with closing(open_instance(context, environ, lines.append)) as opened:
        log = InstanceLog(BusyLater(opened.log.log))  # type: ignore[arg-type] # delegates
        busy = opened._replace(log=log)
        assert handle(timer_event(UPGRADE), context, busy)["outcome"] == "submitted"
    assert [json.loads(line)["action"] for line in lines][:1] == ["checkpoint.postponed"]
    assert len(list(folder.iterdir())) == 1


def test_an_address_that_stays_unwritable_is_reported_once_an_hour(
    folder: Path, environ: Environ, lines: list[str]
) -> None:
    """Each idle run retries it, and writes the checkpoint as soon as it can."""
    folder.write_text("a file where the folder should be")
    context = Context.from_environment(environ, "r", time.monotonic)
    now = [datetime(2026, 11, 24, 2, tzinfo=timezone.utc)]
    with closing(open_instance(context, environ, lines.append)) as opened:
        opened.log.close()
        path = environ["NIGHTDROP_AUDIT"].removeprefix("sqlite:///")
        with closing(SqliteLog(path, clock=lambda: now[0])) as log:
            log.commit(hold("by hand", actor={"kind": "operator"}))
            for _ in range(24):
                handle(TICK, context, opened._replace(log=InstanceLog(log)))
                now[0] += timedelta(minutes=5)
            lines_found = [one.fields["action"] for one in log.records()]
            assert lines_found[1:] == ["log.checkpoint_failed"] * 2
            folder.unlink()
            handle(TICK, context, opened._replace(log=InstanceLog(log)))
    assert len(list(folder.iterdir())) == 1
