"""Checks access to buckets: list, read, and write results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from handler.doctor.finding import fail, ok
from handler.errors import ApiError, CloudError, ObjectError, cloud_error_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from handler.cloud.obs.client import Obs
    from handler.doctor.finding import Finding

PROBE = "nightdrop-doctor-probe"
"""The key below a prefix that is written and deleted, or read and expected to be missing."""

_NAMED_BY = {
    "drop bucket": "NIGHTDROP_BUCKETS",
    "results": "NIGHTDROP_RESULTS",
    "checkpoints": "NIGHTDROP_CHECKPOINTS",
}
_FORBIDDEN, _NO_OBJECT, _NO_BUCKET = "AccessDenied", "NoSuchKey", "NoSuchBucket"
_ELSEWHERE = frozenset({301, 302, 307})


@dataclass(frozen=True)
class BucketAccess:
    """The errors of listing a prefix and of reading a missing object in it; None is success."""

    place: str
    listing: CloudError | None
    reading: CloudError | None


@dataclass(frozen=True)
class ResultsAccess:
    """The errors of writing and deleting a result file; None is success."""

    place: str
    writing: CloudError | None
    deleting: CloudError | None


def check_bucket(obs: Obs, bucket: str, prefix: str) -> BucketAccess:
    """List a prefix and read an object there that does not exist.

    OBS reports an object as missing only to a caller that may read it and list the bucket.
    """
    listing = cloud_error_of(lambda: next(obs.list_objects(bucket, prefix), None))
    reading = cloud_error_of(lambda: obs.read(bucket, f"{prefix}{PROBE}", max_bytes=1))
    absent = isinstance(reading, ObjectError) and reading.code in {_NO_OBJECT, ""}
    return BucketAccess(f"obs://{bucket}/{prefix}", listing, None if absent else reading)


def check_results(obs: Obs, bucket: str, prefix: str) -> ResultsAccess:
    """Write a small object under the prefix of result files, and delete it."""
    key = f"{prefix}{PROBE}"
    writing = cloud_error_of(lambda: obs.write(bucket, key, b"{}", content_type="application/json"))
    deleting = None if writing else cloud_error_of(lambda: obs.delete(bucket, key))
    return ResultsAccess(f"obs://{bucket}/{prefix}", writing, deleting)


def bucket_findings(check: str, seen: BucketAccess) -> Iterator[Finding]:
    """Yield findings about access to a bucket, for the check `drop bucket` or `checkpoints`."""
    if seen.listing:
        # Without ListBucket, OBS does not say whether an object is missing or forbidden.
        action = "obs:bucket:ListBucket and obs:object:GetObject"
        yield fail(check, str(seen.listing), _remedy(check, seen.listing, action))
    if seen.reading and _code(seen.reading) != _code(seen.listing):
        yield fail(check, str(seen.reading), _remedy(check, seen.reading, "obs:object:GetObject"))
    if not seen.listing and not seen.reading:
        yield ok(check, f"{seen.place} can be listed and read")


def results_finding(seen: ResultsAccess | None) -> Finding:
    """Return the finding about result files; None if none are written."""
    if seen is None:
        return ok("results", "no result files are written (NIGHTDROP_RESULTS is empty)")
    if seen.writing:
        return fail(
            "results", str(seen.writing), _remedy("results", seen.writing, "obs:object:PutObject")
        )
    if seen.deleting:
        return ok("results", f"{seen.place} can be written, but not deleted from (not needed)")
    return ok("results", f"{seen.place} can be written")


def _code(error: CloudError | None) -> str:
    return str(getattr(error, "code", "")) or type(error).__name__


def _remedy(check: str, error: CloudError, action: str) -> str:
    code = _code(error)
    if code == _FORBIDDEN:
        return f"allow {action} there in the agency's role"
    if code == _NO_BUCKET:
        return f"create the bucket, or correct {_NAMED_BY[check]}"
    if isinstance(error, ApiError) and error.status in _ELSEWHERE:
        return "the bucket is in another region; use one in the function's region"
    if isinstance(error, ApiError):
        return "check that the keys belong to this account, and that the clock is right"
    return "try again; if it persists, check the status of OBS"
