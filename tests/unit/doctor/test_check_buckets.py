"""The checks of the function's rights in its buckets."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

import pytest

from handler.cloud.credentials import credentials
from handler.cloud.http_transport import Transport
from handler.cloud.obs.client import Obs
from handler.doctor.check_buckets import (
    PROBE,
    BucketAccess,
    ResultsAccess,
    bucket_findings,
    check_bucket,
    check_results,
    results_finding,
)
from handler.errors import ApiError, CloudError, NoAnswerError, ObjectError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from handler.doctor.finding import Finding
    from handler.emulator.server import Emulator

BUCKET = "nightdrop-drop"
FORBIDDEN = ObjectError("no", code="AccessDenied")


@pytest.fixture
def obs(emulator: Emulator) -> Iterator[Obs]:
    """OBS with the emulator's keys."""
    transport = Transport(timeout=5)
    keys = credentials(None, emulator.environment())
    yield Obs(emulator.url, keys, transport, lambda: datetime.now(timezone.utc))
    transport.close()


def looked(obs: Obs, bucket: str = BUCKET) -> list[Finding]:
    """Return what looking into a bucket finds."""
    return list(bucket_findings("drop bucket", check_bucket(obs, bucket, "drop/")))


def test_an_empty_bucket_can_be_listed_and_read(obs: Obs) -> None:
    """An object that is missing, and said to be, may be read."""
    (found,) = looked(obs)
    assert (found.verdict, found.message) == (
        "ok",
        "obs://nightdrop-drop/drop/ can be listed and read",
    )


def test_a_missing_bucket_is_reported_once(obs: Obs) -> None:
    """With the settings that name it."""
    (found,) = looked(obs, "no-such-bucket")
    assert found.verdict == "fail"
    assert "NIGHTDROP_BUCKETS" in found.remedy


def test_objects_that_may_not_be_read_are_found(obs: Obs, emulator: Emulator) -> None:
    """Although the bucket can be listed; the action that is missing is named."""
    emulator.state.denied.add((BUCKET, f"drop/{PROBE}"))
    (found,) = looked(obs)
    assert "obs:object:GetObject" in found.remedy


def test_an_object_where_the_probe_would_be_is_no_fault(obs: Obs) -> None:
    """It is too large to be read, so it can be."""
    obs.write(BUCKET, f"drop/{PROBE}", b"something", content_type="text/plain")
    assert [one.verdict for one in looked(obs)] == ["ok"]


def test_a_bucket_that_may_not_be_listed_is_found() -> None:
    """The reconciler could not look for files whose event was lost."""
    (found,) = bucket_findings("drop bucket", BucketAccess("obs://b/", FORBIDDEN, FORBIDDEN))
    assert "obs:bucket:ListBucket" in found.remedy


def test_results_are_written_and_deleted(obs: Obs, emulator: Emulator) -> None:
    """Nothing is left behind."""
    found = results_finding(check_results(obs, BUCKET, "results/"))
    assert (found.verdict, found.message) == ("ok", "obs://nightdrop-drop/results/ can be written")
    assert [*obs.list_objects(BUCKET, "results/")] == []
    assert not emulator.state.denied


def test_results_need_not_be_deletable() -> None:
    """The function never deletes one."""
    assert results_finding(ResultsAccess("obs://b/", None, FORBIDDEN)).verdict == "ok"


def test_results_that_cannot_be_written_are_a_fault(obs: Obs, emulator: Emulator) -> None:
    """The person who drops a file would not see its errors."""
    emulator.state.denied.add((BUCKET, f"results/{PROBE}"))
    found = results_finding(check_results(obs, BUCKET, "results/"))
    assert found.verdict == "fail"
    assert "obs:object:PutObject" in found.remedy


def test_no_results_are_no_error() -> None:
    """The check reports it, though."""
    assert results_finding(None).verdict == "ok"


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (ApiError("no", status=307), "another region"),
        (ApiError("no", status=403, code="SignatureDoesNotMatch"), "keys belong"),
        (NoAnswerError("no"), "try again"),
    ],
)
def test_other_failures_have_their_remedy(error: CloudError, remedy: str) -> None:
    """If it is known."""
    assert remedy in results_finding(ResultsAccess("obs://b/", error, None)).remedy
