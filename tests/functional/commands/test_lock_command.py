"""`nightdrop audit lock`, against an emulator that enforces locks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from handler.cli.main import main
from handler.emulator.state.changes import VersioningSet

if TYPE_CHECKING:
    from handler.emulator.server import Emulator

BUCKET = "nightdrop-drop"


@pytest.fixture(autouse=True)
def operator_environment(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """An operator's environment, and a bucket that keeps versions."""
    for name, value in emulator.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("NIGHTDROP_AUDIT", f"obs://{BUCKET}-log/audit/")
    emulator.state.change(VersioningSet(BUCKET, "Enabled"))


def lock(*arguments: str, answer: str = "") -> Result:
    """Run the command."""
    return CliRunner().invoke(main, ["audit", "lock", *arguments], input=answer)


def days_of(emulator: Emulator) -> int:
    """Return for how many days the bucket is locked."""
    bucket = emulator.state.bucket(BUCKET)
    assert bucket
    return bucket.locked_days


def test_a_bucket_is_locked_for_some_days(emulator: Emulator) -> None:
    """It takes a yes, typed or given."""
    done = lock(f"obs://{BUCKET}", "--days", "365", answer="y\n")
    assert (done.exit_code, "locked for 365 days" in done.stdout) == (0, True)
    assert days_of(emulator) == 365
    assert lock(f"obs://{BUCKET}/heads/", "--days", "30", "--yes").exit_code == 0
    assert days_of(emulator) == 30


def test_without_confirmation_nothing_is_locked(emulator: Emulator) -> None:
    """It could not be undone."""
    assert lock(f"obs://{BUCKET}", "--days", "365", answer="n\n").exit_code == 1
    assert days_of(emulator) == 0


def test_no_log_is_accepted_in_a_locked_bucket() -> None:
    """The probe says so, since OBS refuses appends there."""
    lock(f"obs://{BUCKET}", "--days", "1", "--yes")
    probed = CliRunner().invoke(main, ["audit", "probe", f"obs://{BUCKET}/audit/"])
    assert (probed.exit_code, "Keep no log in" in probed.stdout) == (1, True)


def test_the_bucket_of_the_log_is_not_locked(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even by a typing error."""
    monkeypatch.setenv("NIGHTDROP_AUDIT", f"obs://{BUCKET}/audit/")
    done = lock(f"obs://{BUCKET}", "--days", "365", "--yes")
    assert (done.exit_code, "lock another" in done.stderr) == (2, True)
    assert days_of(emulator) == 0


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("sqlite:///a.db", "give obs://bucket"),
        ("obs://", "give obs://bucket"),
        ("obs://no-such-bucket", ": no such bucket"),
    ],
)
def test_a_bucket_that_cannot_be_locked_is_reported(address: str, message: str) -> None:
    """Exit status 2 and a sentence."""
    done = lock(address, "--days", "365", "--yes")
    assert (done.exit_code, message in done.stderr) == (2, True)


def test_a_bucket_without_versions_needs_them_first(emulator: Emulator) -> None:
    """OBS locks versions."""
    emulator.state.change(VersioningSet(BUCKET, "Suspended"))
    done = lock(f"obs://{BUCKET}", "--days", "365", "--yes")
    assert (done.exit_code, "keep versions first" in done.stderr) == (2, True)
