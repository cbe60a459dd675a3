"""A folder of a bucket, as the log sees it."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handler.cloud.credentials import Credentials, CurrentCredentials
from handler.cloud.obs.client import Obs
from handler.cloud.obs.prefix_store import ObsFolder, ObsFolders, ServerClock
from handler.emulator.server import DEMO_ACCOUNT, Emulator
from handler.errors import ApiError, CredentialsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from handler.cloud.http_transport import Transport

BUCKET = "nightdrop-drop"
KEYS = Credentials(DEMO_ACCOUNT.access_key, DEMO_ACCOUNT.secret_key)
SLOW = timedelta(minutes=3)

START = datetime(2026, 11, 23, 2, 0, 0, 500_000, tzinfo=timezone.utc)
SECOND = timedelta(seconds=1)


def late() -> datetime:
    """Return the time by a clock that is slow."""
    return datetime.now(timezone.utc) - SLOW


@pytest.fixture(scope="module")
def cloud() -> Iterator[Emulator]:
    """An emulator for all tests of this module."""
    with Emulator() as running:
        yield running


@pytest.fixture
def current_keys() -> CurrentCredentials:
    """The keys of the latest call."""
    return CurrentCredentials(KEYS)


@pytest.fixture
def folder(cloud: Emulator, transport: Transport, current_keys: CurrentCredentials) -> ObsFolder:
    """A folder in an empty bucket, on a machine with a slow clock."""
    cloud.state.reset()
    none = Credentials("", "", missing="none")
    return ObsFolders(Obs(cloud.url, none, transport, late), current_keys)(BUCKET, "audit/one/")


def test_names_are_relative_to_the_folder(folder: ObsFolder, cloud: Emulator) -> None:
    """Everything goes there and comes from there."""
    assert folder.append("records/1", 0, b"one")
    assert not folder.append("records/1", 0, b"two")
    folder.write("latest", b"x")
    assert (folder.read("records/1", 1), folder.read("none")) == (b"ne", None)
    assert set(cloud.state.buckets[BUCKET]) == {"audit/one/records/1", "audit/one/latest"}
    folder.delete("latest")
    assert folder.read("latest") is None
    assert folder.place == "obs://nightdrop-drop/audit/one/"


def test_the_clock_is_the_services(folder: ObsFolder) -> None:
    """As soon as it has answered."""
    folder.append("k", 0, b"one")
    assert abs(folder.now() - datetime.now(timezone.utc)) < timedelta(seconds=5)


def test_the_keys_are_those_of_the_latest_call(
    folder: ObsFolder, current_keys: CurrentCredentials
) -> None:
    """Temporary ones end while an instance lives on."""
    current_keys.use(Credentials("old", "old"))
    with pytest.raises(ApiError):
        folder.read("k")
    current_keys.use(KEYS)
    assert folder.read("k") is None


def test_without_keys_nothing_is_sent() -> None:
    """Until a call brings some."""
    with pytest.raises(CredentialsError):
        CurrentCredentials().current().require()


class LocalClock:
    """This machine's clock, some seconds wrong."""

    def __init__(self, wrong: float = 0.0) -> None:
        self.true = START
        self.wrong = timedelta(seconds=wrong)

    def now(self) -> datetime:
        """Return the time it shows."""
        return self.true + self.wrong


def ask(clock: ServerClock, local_now: LocalClock, there: float, back: float) -> None:
    """Let a request take some seconds there and back."""
    asked = clock.local_now()
    local_now.true += timedelta(seconds=there)
    date = format_datetime(local_now.true, usegmt=True)
    local_now.true += timedelta(seconds=back)
    clock.observe(date, asked)


@pytest.mark.parametrize("wrong", [0.0, 0.3, -0.3])
def test_a_plausible_clock_is_not_changed(wrong: float) -> None:
    """With its microseconds."""
    local_now = LocalClock(wrong)
    clock = ServerClock(local_now.now)
    ask(clock, local_now, 0.1, 0.1)
    assert clock.now() == local_now.now()


@given(
    wrong=st.floats(-(10**6), 10**6),
    trips=st.lists(st.tuples(st.floats(0, 2), st.floats(0, 2)), min_size=1, max_size=5),
)
def test_a_wrong_clock_is_corrected(wrong: float, trips: list[tuple[float, float]]) -> None:
    """To within a second and the time that the request took."""
    local_now = LocalClock(wrong)
    clock = ServerClock(local_now.now)
    for there, back in trips:
        ask(clock, local_now, there, back)
    longest = max(timedelta(seconds=there + back) for there, back in trips)
    assert abs(clock.now() - local_now.true) <= SECOND + longest


@pytest.mark.parametrize(
    "date",
    [
        "",
        "yesterday",
        "Mon, 99 Nov 2026 02:00:00 GMT",
        "Mon, 01 Jan 0001 00:00:00 GMT",
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "Fri, 31 Dec 9999 23:59:59 -2359",
        "Mon, 23 Nov 2026 02:00:00 +999999999",
        "Mon, 23 Nov 2027 02:00:00 GMT",
    ],
)
def test_a_date_that_cannot_be_read_is_ignored(date: str) -> None:
    """Nor one that no accepted request could have got; the clock stays as it was."""
    local_now = LocalClock(5)
    clock = ServerClock(local_now.now)
    clock.observe(date, clock.local_now())
    assert clock.now() == local_now.now()


def test_a_date_without_a_zone_is_of_greenwich() -> None:
    """As HTTP has it."""
    local_now = LocalClock()
    clock = ServerClock(local_now.now)
    clock.observe("Mon, 23 Nov 2026 03:00:00 -0000", clock.local_now())
    assert abs(clock.now() - START - timedelta(hours=1)) <= SECOND


@given(st.text() | st.from_regex(r"[A-Z][a-z]{2}, [0-9]{1,3} [A-Z][a-z]{2} [0-9]{1,6} .{0,20}"))
def test_any_date_can_be_observed(date: str) -> None:
    """It changes nothing but the time."""
    local_now = LocalClock()
    clock = ServerClock(local_now.now)
    clock.observe(date, clock.local_now())
    assert abs(clock.now() - local_now.now()) <= timedelta(days=31)
