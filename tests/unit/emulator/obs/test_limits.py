"""The limits of OBS on names, keys, sizes and metadata."""

from __future__ import annotations

import pytest

from handler.emulator.obs.limits import is_bucket_name
from handler.emulator.server import Emulator
from tests.unit.emulator.obs.test_operations import DROP, call


@pytest.mark.parametrize("name", ["abc", "a-b.c-1", "a" * 63, "1.2.3", "300.1.1.1"])
def test_a_good_name_of_a_bucket(name: str) -> None:
    """3 to 63 lower-case letters, digits, hyphens and periods."""
    assert is_bucket_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "ab",
        "a" * 64,
        "Abc",
        "a_b",
        "-ab",
        "ab-",
        ".ab",
        "ab.",
        "a..b",
        "a.-b",
        "a-.b",
        "1.2.3.4",
    ],
)
def test_a_bad_name_of_a_bucket(name: str) -> None:
    """Neither an address, nor periods beside one another or a hyphen."""
    assert not is_bucket_name(name)


def test_a_key_has_at_most_1024_bytes() -> None:
    """Counted in UTF-8, for writing and reading alike."""
    with Emulator() as emulator:
        assert call(emulator, "PUT", f"{DROP}/{'%C3%BC' * 512}", b"x")[0] == 200
        for method in ("PUT", "GET"):
            status, body, _ = call(emulator, method, f"{DROP}/{'%C3%BC' * 512}a", b"")
            assert (status, b"<Code>KeyTooLong</Code>" in body) == (400, True)
        assert len(emulator.state.buckets["nightdrop-drop"]) == 1


def test_an_object_has_a_largest_size_put_or_appended() -> None:
    """5 GB, unless a test says less."""
    with Emulator(largest_object=10) as emulator:
        assert call(emulator, "PUT", f"{DROP}/a", b"1234567890")[0] == 200
        status, body, _ = call(emulator, "PUT", f"{DROP}/a", b"12345678901")
        assert (status, b"EntityTooLarge" in body) == (400, True)
        assert call(emulator, "POST", f"{DROP}/b?append&position=0", b"123456")[0] == 200
        status, body, _ = call(emulator, "POST", f"{DROP}/b?append&position=6", b"78901")
        assert (status, b"EntityTooLarge" in body) == (400, True)
        assert emulator.state.buckets["nightdrop-drop"]["b"].data == b"123456"


def test_an_objects_own_metadata_has_at_most_8_kb() -> None:
    """Names and values together."""
    with Emulator() as emulator:
        fitting = {"x-obs-meta-note": "x" * (8 * 1024 - 4)}
        assert call(emulator, "PUT", f"{DROP}/a", b"x", fitting)[0] == 200
        status, body, _ = call(emulator, "PUT", f"{DROP}/b", b"x", {"x-obs-meta-note": "x" * 8200})
        assert (status, b"MetadataTooLarge" in body) == (400, True)
