"""The connections that an instance opens, and those left open when its start fails."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING, TypeAlias

import pytest

from handler import function
from handler.audit.record import part
from handler.audit.sql.sqlite import SqliteLog
from handler.cloud.http_transport import Transport
from handler.errors import LogBusyError, LogError, LogUnreachableError
from handler.function import handle
from handler.invocation.instance import open_instance, record_started
from handler.local.runtime.context import Context

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from handler.audit.record import Part
    from handler.invocation.instance import Instance

    Environ: TypeAlias = dict[str, str]


class Opened:
    """The opened connections, and which of them were closed."""

    def __init__(self) -> None:
        self.closed: list[str] = []


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Opened:
    """Record which connections to the cloud are closed."""
    seen, close = Opened(), Transport.close

    def recorded(transport: Transport) -> None:
        seen.closed.append("connections")
        close(transport)

    monkeypatch.setattr(Transport, "close", recorded)
    return seen


@pytest.fixture
def no_instance(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Begin with a process in which nothing is open yet."""
    monkeypatch.setattr(function, "_instance", None)
    yield
    instance: Instance | None = function._instance  # noqa: SLF001 - the cache that is under test
    assert instance is None


def context(environ: Environ) -> Context:
    """Return the context of an invocation that begins now."""
    return Context.from_environment(environ, "r-1", time.monotonic)


def test_a_log_that_cannot_be_opened_leaves_no_connection_open(
    environ: Environ, tmp_path: Path, opened: Opened
) -> None:
    """The platform tries again in the same process."""
    environ["NIGHTDROP_AUDIT"] = f"sqlite:///{tmp_path}/no/such/folder/audit.db"
    with pytest.raises(LogError):
        open_instance(context(environ), environ, print)
    assert opened.closed == ["connections"]


def test_a_start_waits_for_other_writers_no_longer_than_its_invocation_has_time(
    environ: Environ, tmp_path: Path
) -> None:
    """The platform gets an error, and delivers the event again, before it ends the function."""
    path = tmp_path / "held.db"
    SqliteLog(path).close()
    environ |= {"NIGHTDROP_AUDIT": f"sqlite:///{path}", "RUNTIME_TIMEOUT": "3"}
    with closing(sqlite3.connect(path)) as db:
        db.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        with pytest.raises(LogBusyError, match="other writers"):
            open_instance(context(environ), environ, print)
        assert time.monotonic() - began < 3


def test_a_line_that_cannot_be_written_does_not_prevent_a_start(
    environ: Environ, opened: Opened
) -> None:
    """Neither a warning about a setting, nor the line of the start."""
    environ["NIGHTDROP_SETTLE_AFTER"] = "1"

    def write(_line: str) -> None:
        raise OSError("standard output is closed")

    with closing(open_instance(context(environ), environ, write)) as instance:
        record_started(context(environ), instance)
        assert [one.fields["action"] for one in instance.log.records()] == ["function.started"]
    assert opened.closed == ["connections"]


def test_a_request_id_that_no_record_can_hold_prevents_no_record(environ: Environ) -> None:
    """Its lone surrogate is a question mark there; the start is recorded with the next commit."""
    odd = Context.from_environment(environ, "r-\ud800", time.monotonic)
    for at in (context(environ), odd):
        with closing(open_instance(at, environ, print)) as instance:
            record_started(at, instance)
            handle({"action": "reconcle"}, at, instance)
            ids = [part(one.fields, "function")["request_id"] for one in instance.log.records()]
    assert ids == ["r-1", "r-1", "r-?", "r-?"]


@pytest.mark.usefixtures("no_instance")
@pytest.mark.parametrize(
    "error", [LogUnreachableError("gone"), OSError("full"), KeyboardInterrupt()]
)
def test_a_start_that_cannot_be_recorded_closes_all(
    environ: Environ,
    opened: Opened,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
) -> None:
    """The next event opens everything again."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value)

    def fails(_context: object, _instance: Instance) -> Part:
        raise error

    monkeypatch.setattr(function, "record_started", fails)
    with pytest.raises(type(error)):
        function.initializer(context(environ))
    assert opened.closed == ["connections"]


class Stuck:
    """A log that cannot be closed."""

    def close(self) -> None:
        """Fail."""
        raise LogError("cannot be closed")


def test_a_log_that_cannot_be_closed_leaves_no_connection_open(
    environ: Environ, opened: Opened
) -> None:
    """Each is closed for itself."""
    with closing(open_instance(context(environ), environ, print)) as instance:
        stuck = instance._replace(log=Stuck())  # type: ignore[arg-type] # what closing needs of it
        with pytest.raises(LogError, match="cannot be closed"):
            stuck.close()
        assert opened.closed == ["connections"]


def test_an_instance_that_records_nothing_else_does_not_record_its_start(
    environ: Environ,
) -> None:
    """Idle runs without a checkpoint that is due leave the log as it is, but for an empty one."""
    for _ in range(3):
        with closing(open_instance(context(environ), environ, print)) as instance:
            record_started(context(environ), instance)
            handle({"action": "reconcile"}, context(environ), instance)
            assert [one.fields["action"] for one in instance.log.records()] == ["function.started"]
