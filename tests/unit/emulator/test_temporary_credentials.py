"""Temporary keys: issued, rotated, and good until they expire."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from handler.cloud.credentials import Credentials
from handler.cloud.http_transport import Transport
from handler.cloud.ief.client import Ief
from handler.cloud.obs.client import Obs
from handler.emulator.credentials import DEMO_ACCOUNT, CredentialIssuer
from handler.emulator.server import Emulator
from handler.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Iterator

import pytest

BUCKET = "nightdrop-drop"
NOON = datetime(2026, 3, 4, 12, tzinfo=timezone.utc)


class ManualClock:
    """A clock that is set by hand; it shows noon at first."""

    def __init__(self) -> None:
        self.passed = 0.0

    def __call__(self) -> float:
        """Return the time in seconds since 1970."""
        return NOON.timestamp() + self.passed

    def date(self) -> datetime:
        """Return the time as a date."""
        return datetime.fromtimestamp(self(), timezone.utc)


@pytest.fixture
def clock() -> ManualClock:
    """The emulator's clock."""
    return ManualClock()


@pytest.fixture
def cloud(clock: ManualClock) -> Iterator[Emulator]:
    """An emulator with other temporary keys every minute."""
    with Emulator(clock=clock, rotation=60) as running:
        yield running


@pytest.fixture
def transport() -> Iterator[Transport]:
    """Connections to it."""
    opened = Transport(timeout=5)
    yield opened
    opened.close()


def issued(clock: ManualClock) -> Credentials:
    """Return the keys that an agency gets now."""
    keys = CredentialIssuer(DEMO_ACCOUNT, clock, 60).credentials()
    return Credentials(str(keys["ak"]), str(keys["sk"]), str(keys["token"]))


def ief(cloud: Emulator, keys: Credentials, transport: Transport, clock: ManualClock) -> Ief:
    """Return IEF with these keys."""
    return Ief(cloud.url, DEMO_ACCOUNT.project_id, keys, transport, clock.date)


def obs(cloud: Emulator, keys: Credentials, transport: Transport, clock: ManualClock) -> Obs:
    """Return OBS with these keys."""
    return Obs(cloud.url, keys, transport, clock.date)


def test_keys_change_when_their_period_is_over_and_not_before(clock: ManualClock) -> None:
    """All three at once."""
    first = issued(clock)
    clock.passed = 59.9
    assert issued(clock) == first
    clock.passed = 60.0
    second = issued(clock)
    assert len({first.ak, first.sk, first.token, second.ak, second.sk, second.token}) == 6


def test_keys_say_when_they_expire(clock: ManualClock) -> None:
    """Three periods after theirs began."""
    clock.passed = 59.0
    assert (
        CredentialIssuer(DEMO_ACCOUNT, clock, 60).credentials()["expires_at"]
        == "2026-03-04T12:03:00Z"
    )


@pytest.mark.parametrize("passed", [0.0, 60.0, 179.9])
def test_keys_are_accepted_until_they_expire(
    cloud: Emulator, transport: Transport, clock: ManualClock, passed: float
) -> None:
    """By IEF and OBS, also after a rotation; a job is created with them."""
    keys = issued(clock)
    clock.passed = passed
    fleet = ief(cloud, keys, transport, clock)
    body = (
        '{"job_name": "night", "job_type": "node_upgrade", "job_content": '
        '{"target_type": "node", "targets": [{"target_id": "n1"}]}}'
    )
    assert fleet.create(fleet.sign_create(body)) in cloud.state.jobs
    obs(cloud, keys, transport, clock).write(BUCKET, "k", b"data", content_type="text/plain")
    assert cloud.state.buckets[BUCKET]["k"].data == b"data"


def test_expired_keys_are_refused(
    cloud: Emulator, transport: Transport, clock: ManualClock
) -> None:
    """IEF fails the authentication, OBS knows no such access key."""
    keys = issued(clock)
    clock.passed = 180.0
    with pytest.raises(ApiError) as by_ief:
        ief(cloud, keys, transport, clock).list_jobs("node_upgrade", limit=1, offset=0)
    assert (by_ief.value.status, by_ief.value.code) == (400, "IEF.011005")
    with pytest.raises(ApiError) as by_obs:
        obs(cloud, keys, transport, clock).read(BUCKET, "k", max_bytes=9)
    assert (by_obs.value.status, by_obs.value.code) == (403, "InvalidAccessKeyId")


@pytest.mark.parametrize("token", ["", "another"])
def test_keys_without_their_token_are_refused(
    cloud: Emulator, transport: Transport, clock: ManualClock, token: str
) -> None:
    """The two keys alone are not enough."""
    keys = issued(clock)._replace(token=token)
    with pytest.raises(ApiError, match=r"IEF\.011005"):
        ief(cloud, keys, transport, clock).list_jobs("node_upgrade", limit=1, offset=0)
    with pytest.raises(ApiError, match="InvalidSecurityToken"):
        obs(cloud, keys, transport, clock).read(BUCKET, "k", max_bytes=9)


def test_keys_of_two_sets_do_not_mix(
    cloud: Emulator, transport: Transport, clock: ManualClock
) -> None:
    """Each token belongs to its own keys, though both sets are good."""
    first = issued(clock)
    clock.passed = 60.0
    mixed = issued(clock)._replace(token=first.token)
    with pytest.raises(ApiError, match="InvalidSecurityToken"):
        obs(cloud, mixed, transport, clock).read(BUCKET, "k", max_bytes=9)


def test_permanent_keys_stay_good(
    cloud: Emulator, transport: Transport, clock: ManualClock
) -> None:
    """Whatever is rotated."""
    clock.passed = 6000.0
    keys = Credentials(DEMO_ACCOUNT.access_key, DEMO_ACCOUNT.secret_key)
    assert ief(cloud, keys, transport, clock).list_jobs("node_upgrade", limit=1, offset=0) == ()


@given(st.text())
def test_any_other_access_key_is_no_temporary_one(access_key: str) -> None:
    """Nonsense finds the account, whose access key it is not."""
    assert CredentialIssuer(DEMO_ACCOUNT, ManualClock()).account_of(access_key) == DEMO_ACCOUNT
