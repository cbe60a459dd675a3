"""Where a request to OBS points."""

from __future__ import annotations

import pytest

from handler.emulator.http.messages import Request
from handler.emulator.obs.addressing import Address, host_bucket, locate


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
