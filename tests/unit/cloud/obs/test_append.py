"""Appending to objects, reading parts of them and removing them, against the emulator."""

from __future__ import annotations

from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from handler.cloud.credentials import Credentials
from handler.cloud.obs.client import Obs, ObsResult
from handler.emulator.server import DEMO_ACCOUNT, Emulator
from handler.errors import ApiError, NoAnswerError, ObjectError

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator

    from handler.cloud.http_transport import Answer, Request, Transport
    from handler.values.canonical_json import Json

    Server: TypeAlias = Callable[[Callable[[socket.socket, int], None]], str]

BUCKET = "nightdrop-drop"
KEYS = ("k", "with space", "a+b=c", "50%", "é/中文", "~!*'();:@&,?#[]")


def now() -> datetime:
    """Return the time."""
    return datetime.now(timezone.utc)


@pytest.fixture(scope="module")
def cloud() -> Iterator[Emulator]:
    """An emulator for all tests of this module, in which an object takes three appends."""
    with Emulator(most_appends=3) as running:
        yield running


@pytest.fixture
def obs(cloud: Emulator, transport: Transport) -> Obs:
    """A client of an empty bucket."""
    cloud.state.reset()
    cloud.faults.set([])
    keys = Credentials(DEMO_ACCOUNT.access_key, DEMO_ACCOUNT.secret_key)
    return Obs(cloud.url, keys, transport, now)


def part(result: ObsResult | None) -> bytes | None:
    """Return the bytes that were read, if there was an object."""
    return None if result is None else result.data


@pytest.mark.parametrize("key", KEYS)
def test_appends_follow_one_another(obs: Obs, key: str) -> None:
    """The first one, at position 0, creates the object; its key is signed as it is sent."""
    assert obs.append(BUCKET, key, 0, b"one").done
    assert obs.append(BUCKET, key, 3, b"two").done
    assert part(obs.read_from(BUCKET, key, 0, max_bytes=100)) == b"onetwo"


@pytest.mark.parametrize("position", [0, 1, 4])
def test_an_append_at_another_position_is_a_lost_race(obs: Obs, position: int) -> None:
    """No error: another writer was first, or the object did not exist yet."""
    obs.append(BUCKET, "k", 0, b"one")
    assert not obs.append(BUCKET, "k", position, b"x").done
    assert part(obs.read_from(BUCKET, "k", 0, max_bytes=100)) == b"one"


def test_an_object_that_was_put_is_no_lost_race(obs: Obs) -> None:
    """Nor is one that was appended to as often as can be."""
    obs.write(BUCKET, "put", b"one", content_type="text/plain")
    with pytest.raises(ObjectError, match="it was put, or appended to 10,000 times"):
        obs.append(BUCKET, "put", 3, b"x")
    for position in range(3):
        assert obs.append(BUCKET, "full", position, b"x").done
    with pytest.raises(ObjectError, match="cannot be appended to"):
        obs.append(BUCKET, "full", 3, b"x")


def test_an_append_whose_answer_is_lost_has_an_unknown_result(obs: Obs, cloud: Emulator) -> None:
    """A read shows whether it was applied."""
    once: dict[str, Json] = {"operation": "AppendObject", "times": 1}
    error: dict[str, Json] = {"fault": "status", "status": 503, "after": True}
    for key, fault in (("lost", {"fault": "lost_answer"}), ("error", error)):
        cloud.faults.set([{**once, **fault}])
        with pytest.raises(NoAnswerError):
            obs.append(BUCKET, key, 0, b"one")
        assert part(obs.read_from(BUCKET, key, 0, max_bytes=100)) == b"one"


def test_bytes_that_change_on_the_way_are_refused(obs: Obs, cloud: Emulator) -> None:
    """Their digest goes along."""
    transport = obs.transport

    class DamagingTransport:
        def send(self, request: Request, **limits: Any) -> Answer:  # noqa: ANN401 - passed on
            return transport.send(request._replace(body=b"xyz"), **limits)

    damaging = Obs(obs.endpoint, obs.credentials, DamagingTransport(), now)  # type: ignore[arg-type]
    with pytest.raises(ApiError, match="BadDigest"):
        damaging.append(BUCKET, "k", 0, b"abc")
    assert "k" not in cloud.state.buckets[BUCKET]


@pytest.mark.parametrize(
    ("first", "expected"),
    [(0, b"0123456789"), (4, b"456789"), (10, b""), (99, b""), (-3, b"789"), (-99, b"0123456789")],
)
def test_a_part_is_read(obs: Obs, first: int, expected: bytes) -> None:
    """From a byte on, or the last ones; beyond the end the result is empty."""
    obs.append(BUCKET, "k", 0, b"0123456789")
    assert part(obs.read_from(BUCKET, "k", first, max_bytes=100)) == expected


def test_a_missing_object_is_none(obs: Obs) -> None:
    """A missing bucket or right is an error."""
    assert obs.read_from(BUCKET, "none", 0, max_bytes=10) is None
    with pytest.raises(ObjectError, match="no such bucket"):
        obs.read_from("no-such-bucket", "k", 0, max_bytes=10)


def test_a_part_that_is_too_large_is_not_read(obs: Obs) -> None:
    """The error names the limit."""
    obs.append(BUCKET, "k", 0, b"0123456789")
    with pytest.raises(ObjectError, match="larger than 9 bytes"):
        obs.read_from(BUCKET, "k", 0, max_bytes=9)
    assert part(obs.read_from(BUCKET, "k", 1, max_bytes=9)) == b"123456789"


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("200 OK\nContent-Length: 4\n\n0123", b"23"),
        ("206 Partial Content\nContent-Length: 2\n\n23", b"23"),
        ("200 OK\nContent-Length: 1\n\n0", b""),
    ],
)
def test_a_service_that_ignores_the_range_is_understood(
    server: Server, transport: Transport, head: str, expected: bytes
) -> None:
    """It answers 200 with everything."""

    def behave(connection: socket.socket, _number: int) -> None:
        connection.recv(65536)
        connection.sendall(f"HTTP/1.1 {head}".replace("\n", "\r\n").encode())

    obs = Obs(server(behave), Credentials("a", "s"), transport, now)
    assert part(obs.read_from(BUCKET, "k", 2, max_bytes=10)) == expected


@pytest.mark.parametrize("head", ["200 OK\n", "206 X\nContent-Length: 9\n\nabc"])
def test_a_cut_answer_is_not_taken_for_a_part(
    server: Server, transport: Transport, head: str
) -> None:
    """It looks like the end of the log."""

    def behave(connection: socket.socket, _number: int) -> None:
        connection.recv(65536)
        connection.sendall(f"HTTP/1.1 {head}".replace("\n", "\r\n").encode())

    obs = Obs(server(behave), Credentials("a", "s"), transport, now)
    with pytest.raises(NoAnswerError):
        obs.read_from(BUCKET, "k", 2, max_bytes=10)


def test_answers_come_with_the_services_time(obs: Obs) -> None:
    """In whole seconds."""
    for result in (obs.append(BUCKET, "k", 0, b"1"), obs.read_from(BUCKET, "k", 0, max_bytes=9)):
        assert result
        assert abs(parsedate_to_datetime(result.date) - now()).total_seconds() < 5
