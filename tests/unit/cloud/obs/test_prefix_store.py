"""A folder of a bucket, as the log sees it."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from handler.cloud.credentials import Credentials, CurrentCredentials
from handler.cloud.obs.client import Obs
from handler.cloud.obs.prefix_store import ObsFolder, ObsFolders
from handler.emulator.server import DEMO_ACCOUNT, Emulator
from handler.errors import ApiError, CredentialsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from handler.cloud.http_transport import Transport

BUCKET = "nightdrop-drop"
KEYS = Credentials(DEMO_ACCOUNT.access_key, DEMO_ACCOUNT.secret_key)
SLOW = timedelta(minutes=3)


def late() -> datetime:
    """Return the time by a clock that is slow."""
    return datetime.now(timezone.utc) - SLOW


@pytest.fixture(scope="module")
def cloud() -> Iterator[Emulator]:
    """An emulator for all tests of this module."""
    with Emulator() as running:
        yield running


@pytest.fixture
def ring() -> CurrentCredentials:
    """The keys of the latest call."""
    return CurrentCredentials(KEYS)


@pytest.fixture
def folder(cloud: Emulator, transport: Transport, ring: CurrentCredentials) -> ObsFolder:
    """A folder in an empty bucket, on a machine with a slow clock."""
    cloud.state.reset()
    none = Credentials("", "", missing="none")
    return ObsFolders(Obs(cloud.url, none, transport, late), ring)(BUCKET, "audit/one/")


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


def test_the_keys_are_those_of_the_latest_call(folder: ObsFolder, ring: CurrentCredentials) -> None:
    """Temporary ones end while an instance lives on."""
    ring.use(Credentials("old", "old"))
    with pytest.raises(ApiError):
        folder.read("k")
    ring.use(KEYS)
    assert folder.read("k") is None


def test_without_keys_nothing_is_sent() -> None:
    """Until a call brings some."""
    with pytest.raises(CredentialsError):
        CurrentCredentials().current().require()
