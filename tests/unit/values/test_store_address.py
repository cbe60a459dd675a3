"""The form of a PostgreSQL address."""

from __future__ import annotations

import pytest
from psycopg.conninfo import conninfo_to_dict

from handler.values.store_address import checked_postgres_address

GOOD = (
    "postgresql://user:SEC%40RET@host/db",
    "postgresql://user:SEC?RET#@host:5432/db",
    "postgresql://one:1,two:2/my%20db",
    "postgresql://[::1]:5432/db",
    "postgresql:///db?host=/tmp/socket&password=SECRET",
    "postgresql://user@/db?sslmode=require&",
    "postgresql://host/db?",
)


@pytest.mark.parametrize("address", GOOD)
def test_an_accepted_address_is_read_by_libpq(address: str) -> None:
    """As it is."""
    assert checked_postgres_address(address) == address
    assert conninfo_to_dict(address)


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://user:SEC@RET@host/db",
        "postgresql://user:SEC/RET@host/db",
        "postgresql://user:SEC%RET@host/db",
        "postgresql://user:SEC%00RET@host/db",
        "postgresql://host/db?SECRET",
        "postgresql://host/db?sslmode=a=b",
        "postgres://host/db",
    ],
)
def test_an_ambiguous_address_is_refused_and_not_quoted(address: str) -> None:
    """A password with a sign in it that is not escaped, say."""
    with pytest.raises(ValueError, match=r"but letters and digits$") as caught:
        checked_postgres_address(address)
    assert "SEC" not in str(caught.value)
