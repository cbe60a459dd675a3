"""The message about an unreachable database; no server is needed."""

from __future__ import annotations

import psycopg
import pytest

from handler.audit.open_log import open_log
from handler.audit.sql.postgres_connection import PostgresAddress, translate_errors
from handler.errors import LogUnreachableError

PLACE = PostgresAddress("postgresql://host/db", "postgresql://host/db")


@pytest.mark.parametrize("hosts", ["127.0.0.1:1", "127.0.0.1:1,127.0.0.1:2"])
def test_an_unreachable_database_is_reported_in_one_sentence(hosts: str) -> None:
    """However many lines libpq writes."""
    with pytest.raises(LogUnreachableError) as caught:
        open_log(f"postgresql://user:SECRET@{hosts}/db")
    where, _, why = str(caught.value).partition(" is unreachable: ")
    assert where.startswith("the audit log postgresql://127.0.0.1")
    assert why == "Connection refused"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            'connection to server at "h" failed: FATAL:  password authentication failed for "u"\n',
            'password authentication failed for "u"',
        ),
        (
            "server closed the connection unexpectedly\n\tThis probably means the server ended",
            "server closed the connection unexpectedly",
        ),
        ("failed to resolve host 'h': [Errno -2] unknown", None),
        ("", "OperationalError"),
    ],
)
def test_the_reason_is_a_line_of_libpq(text: str, expected: str | None) -> None:
    """The last reason that it gives, without its advice."""
    with pytest.raises(LogUnreachableError) as caught, translate_errors(PLACE):
        raise psycopg.OperationalError(text)
    assert str(caught.value).endswith(f" is unreachable: {expected or text}")
