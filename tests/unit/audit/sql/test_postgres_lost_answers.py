"""The connection is cut before, in and after a commit: it is recorded once, whatever happens."""

from __future__ import annotations

import select
import socket
import tempfile
import threading
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Literal, TypeAlias

import psycopg
import pytest

from handler.audit.log import Decision
from handler.audit.record import Draft
from handler.audit.retry_policy import RetryPolicy
from handler.audit.sql.postgres import PostgresLog
from handler.audit.verification.verdict import verify
from handler.errors import LogUnreachableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from handler.audit.log import View
    from tests.support.postgres_server import PostgresServer

Cut: TypeAlias = Literal["before", "after"]

NOTED = Draft(action="log.noted", outcome="success")
SOCKET = ".s.PGSQL.5432"
END = b"COMMIT\0"


class Line:
    """A Unix socket in front of the server's, cut at some of the statements.

    Attributes:
        folder: Where its socket is.
        at: The text that a statement is known by.
        cuts: What happens at the next such statements: the connection ends before the server has
            it, or once the server has answered it.
    """

    def __init__(self, server: str, folder: str) -> None:
        self.folder = folder
        self.at = END
        self.cuts: list[Cut] = []
        self._server = server
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(f"{folder}/{SOCKET}")
        self._listener.listen()
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()

    def close(self) -> None:
        """Take no more connections."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                # A connection that an end resets is over; the next one is served.
                with client, socket.socket(socket.AF_UNIX) as server, suppress(OSError):
                    server.connect(f"{self._server}/{SOCKET}")
                    self._serve(client, server)

    def _serve(self, client: socket.socket, server: socket.socket) -> None:
        while True:
            ready, _, _ = select.select([client, server], [], [], 10)
            for end in ready:
                data = end.recv(65536)
                cut = self.cuts.pop(0) if end is client and self.at in data and self.cuts else None
                if not data or cut == "before":
                    return
                (server if end is client else client).sendall(data)
                if cut == "after":
                    server.recv(65536)
                    return


@pytest.fixture
def line(postgres_server: PostgresServer) -> Iterator[Line]:
    """A line to the server that can be cut."""
    with tempfile.TemporaryDirectory(prefix="nd-") as folder:
        opened = Line(postgres_server.folder, folder)
        yield opened
        opened.close()


@pytest.fixture
def log(
    line: Line, postgres_address: str, postgres_server: PostgresServer
) -> Iterator[PostgresLog]:
    """A log at the other end of the line, which does not really wait."""
    address = postgres_address.replace(postgres_server.folder, line.folder)
    with closing(PostgresLog(address, policy=RetryPolicy(sleep=lambda _seconds: None))) as opened:
        yield opened


@pytest.mark.parametrize(
    ("at", "cut", "decided"),
    [
        (b"BEGIN", "before", 1),
        (b"pg_advisory", "before", 1),
        (b"pg_advisory", "after", 1),
        (b"INSERT INTO records", "before", 2),
        (b"INSERT INTO records", "after", 2),
        (END, "before", 2),
        (END, "after", 1),
    ],
)
def test_a_commit_that_loses_its_connection_is_recorded_once(
    line: Line, log: PostgresLog, at: bytes, cut: Cut, decided: int
) -> None:
    """Decided again only where the first attempt was not committed."""
    runs: list[int] = []

    def decide(view: View) -> Decision[int]:
        runs.append(view.head.seq)
        return Decision(len(runs), (NOTED, NOTED))

    line.at, line.cuts = at, [cut]
    done = log.commit(decide)
    assert line.cuts == []
    assert (done.value, len(runs)) == (decided, decided)
    assert list(done.records) == list(log.records())
    assert verify(log.records()).head.seq == 2


def test_several_lost_answers_in_a_row_are_survived(line: Line, log: PostgresLog) -> None:
    """The commit, and the query whether it was committed."""
    line.cuts = ["before", "after", "after"]
    done = log.commit(lambda _view: Decision(None, (NOTED,)))
    assert list(done.records) == list(log.records())


def test_another_senders_record_is_not_taken_for_ours(
    line: Line, postgres_address: str, postgres_server: PostgresServer
) -> None:
    """It has the number that ours would have."""
    address = postgres_address.replace(postgres_server.folder, line.folder)
    line.cuts = ["before"]
    with closing(PostgresLog(postgres_address)) as other:

        def meanwhile(_seconds: float) -> None:
            other.commit(lambda _view: Decision(None, (NOTED,)))

        with closing(PostgresLog(address, policy=RetryPolicy(sleep=meanwhile))) as log:
            done = log.commit(lambda view: Decision(view.head.seq, (NOTED,)))
        assert verify(other.records()).whole
    assert (done.value, done.records[0].seq) == (1, 2)


def test_a_decision_that_fails_on_a_lost_connection_keeps_its_own_error(
    log: PostgresLog, postgres_server: PostgresServer, postgres_database: str
) -> None:
    """And the log opens a new connection for the next one."""

    def failing(_view: View) -> Decision[None]:
        _end_connections(postgres_server, postgres_database)
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        log.commit(failing)
    assert log.commit(lambda _view: Decision(1, (NOTED,))).records[0].seq == 1


def test_an_idle_connection_that_was_ended_is_reopened(
    log: PostgresLog, postgres_server: PostgresServer, postgres_database: str
) -> None:
    """As after a restart of the server, or a freeze of the instance."""
    _end_connections(postgres_server, postgres_database)
    assert log.read(lambda view: view.head.seq) == 0
    _end_connections(postgres_server, postgres_database)
    assert list(log.records()) == []


def test_a_connection_that_stays_cut_is_given_up(line: Line, log: PostgresLog) -> None:
    """After a bounded number of attempts; the next delivery may find it repaired."""
    line.cuts = ["before"] * 50
    with pytest.raises(LogUnreachableError) as caught:
        log.commit(lambda _view: Decision(None, (NOTED,)))
    assert caught.value.retryable
    assert len(line.cuts) == 43
    line.cuts = []
    assert log.commit(lambda _view: Decision(None, (NOTED,))).records[0].seq == 1


def test_no_new_attempt_starts_when_the_time_is_up(
    line: Line, postgres_address: str, postgres_server: PostgresServer
) -> None:
    """The clock that was passed in decides."""
    address = postgres_address.replace(postgres_server.folder, line.folder)
    hours = iter(range(0, 10**9, 3600))
    with closing(PostgresLog(address, policy=RetryPolicy(clock=lambda: next(hours)))) as log:
        line.cuts = ["before"] * 50
        with pytest.raises(LogUnreachableError):
            log.commit(lambda _view: Decision(None, (NOTED,)))
    assert len(line.cuts) == 49


def _end_connections(server: PostgresServer, database: str) -> None:
    with psycopg.connect(server.address("postgres")) as db:
        db.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s",
            (database,),
        )
