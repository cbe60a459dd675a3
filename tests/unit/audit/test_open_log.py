"""Which store an address names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from handler.audit.open_log import open_log
from handler.errors import LogError
from tests.support.memory_objects import MemoryObjects

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


@pytest.mark.parametrize("address", ["obs://", "obs:///prefix"])
def test_an_address_in_obs_names_a_bucket(address: str) -> None:
    """With or without a prefix."""
    with pytest.raises(LogError, match="needs a bucket"):
        open_log(address, lambda _bucket, _prefix: MemoryObjects())


@pytest.mark.parametrize(
    ("address", "place"),
    [("obs://b", ("b", "")), ("obs://b/p/q", ("b", "p/q/")), ("obs://b/p/", ("b", "p/"))],
)
def test_an_address_in_obs_names_a_folder(address: str, place: tuple[str, str]) -> None:
    """Its prefix ends with a slash; it is opened with the given client."""
    asked: list[tuple[str, str]] = []

    def folders(bucket: str, prefix: str) -> MemoryObjects:
        asked.append((bucket, prefix))
        return MemoryObjects()

    open_log(address, folders).close()
    assert asked == [place]
    with pytest.raises(LogError, match="OBS"):
        open_log(address)


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("", "use sqlite:///file"),
        ("sqlite", "needs three slashes"),
        ("sqlite:///", "needs three slashes"),
        ("sqlite://a.db", "needs three slashes"),
        ("audit.db", "did you mean sqlite:///audit.db"),
        ("/var/log/my.sqlite3", "did you mean sqlite:////var/log/my.sqlite3"),
        ("mysql://user:SECRET@host/db", "kept in mysql; use sqlite:///file"),
        ("mysql\x1b[2J://x", "kept in what is named; use"),
    ],
)
def test_an_address_that_names_no_store_is_refused(address: str, message: str) -> None:
    """The message says what would do, and repeats no password."""
    with pytest.raises(LogError, match=message) as caught:
        open_log(address)
    assert "SECRET" not in str(caught.value)
