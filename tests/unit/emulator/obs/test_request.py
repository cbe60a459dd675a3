"""Where a request to OBS points."""

from __future__ import annotations

import pytest

from handler.emulator.http.messages import Request
from handler.emulator.obs.request import Address, host_bucket, is_bucket_name, locate
from handler.emulator.server import Emulator
from tests.unit.emulator.obs.test_operations import DROP, call


def to(host: str, target: str) -> Request:
    """Build a request to a host."""
    return Request("GET", target, (("Host", host),))


@pytest.mark.parametrize(
    ("host", "bucket"),
    [
        ("127.0.0.1:8080", ""),
        ("[::1]:8080", ""),
        ("localhost:8080", ""),
        ("obs.localhost", ""),
        ("obs.cn-north-4.myhuaweicloud.com", ""),
        ("drop.localhost:8080", "drop"),
        ("drop.obs.localhost", "drop"),
        ("drop.127.0.0.1", "drop"),
        ("", ""),
    ],
)
def test_the_first_label_of_a_host_is_the_bucket(host: str, bucket: str) -> None:
    """Addresses and the service's own names have none."""
    assert host_bucket(to(host, "/")) == bucket


def test_path_style_has_bucket_and_key_in_the_path() -> None:
    """The key is decoded once; a plus stays a plus."""
    address = locate(to("127.0.0.1", "/drop/a%20b+c%252F/%C3%BC.yaml?x=1"))
    assert address == Address("drop", "a b+c%2F/ü.yaml", "/drop/a%20b+c%252F/%C3%BC.yaml")


def test_virtual_host_style_has_the_whole_path_as_key() -> None:
    """What is signed is the same as in path style."""
    assert locate(to("drop.localhost", "/a/b")) == Address("drop", "a/b", "/drop/a/b")


def test_a_key_may_begin_with_a_slash() -> None:
    """It is not the same key as the one without."""
    assert locate(to("127.0.0.1", "/drop//a")).key == "/a"


def test_the_service_itself_has_neither() -> None:
    """The root lists buckets."""
    assert locate(to("127.0.0.1", "/")) == Address("", "", "/")


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
