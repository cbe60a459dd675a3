"""Which store an address names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from handler.audit.stores import open_log
from handler.errors import LogError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("absolute", [True, False])
def test_an_address_names_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, absolute: bool
) -> None:
    """Four slashes for an absolute path, three for one from here."""
    monkeypatch.chdir(tmp_path)
    open_log(f"sqlite:///{tmp_path}/a.db" if absolute else "sqlite:///a.db").close()
    assert (tmp_path / "a.db").is_file()


@pytest.mark.parametrize(
    "address", ["", "sqlite:///", "sqlite://a.db", "audit.db", "mysql://user:SECRET@host/db"]
)
def test_an_address_that_names_no_store_is_refused(address: str) -> None:
    """The message says what would do, and repeats no password."""
    with pytest.raises(LogError, match="use sqlite:///file") as caught:
        open_log(address)
    assert "SECRET" not in str(caught.value)
