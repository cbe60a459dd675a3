"""Whether the function may do in its buckets what it has to: list, read, and write results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from handler.doctor.finding import fail, ok
from handler.errors import ApiError, CloudError, ObjectError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from handler.cloud.obs.client import Obs
    from handler.doctor.finding import Finding

PROBE = "nightdrop-doctor-probe"
"""The last part of the key of an object that is written and deleted; or read, and not there."""

_NAMED_BY = {
    "drop bucket": "NIGHTDROP_BUCKETS",
    "results": "NIGHTDROP_RESULTS",
    "checkpoints": "NIGHTDROP_CHECKPOINTS",
}
_FORBIDDEN, _NO_OBJECT, _NO_BUCKET = "AccessDenied", "NoSuchKey", "NoSuchBucket"
_ELSEWHERE = frozenset({301, 302, 307})


@dataclass(frozen=True)
class BucketAccess:
    """What came of looking into a bucket; None is success.

    Attributes:
        place: The bucket and prefix, as an address.
        listing: Why it could not be listed.
        reading: Why an object in it could not be read; its absence is no reason.
    """

    place: str
    listing: CloudError | None
    reading: CloudError | None


@dataclass(frozen=True)
class ResultsAccess:
    """What came of writing a result file, and of deleting it; None is success."""

    place: str
    writing: CloudError | None
    deleting: CloudError | None


def check_bucket(obs: Obs, bucket: str, prefix: str) -> BucketAccess:
    """List a bucket's prefix and read an object there that does not exist.

    OBS says that an object is missing only to those who may read it and list the bucket.
    """
    listing = _failure(lambda: next(obs.list_objects(bucket, prefix), None))
    reading = _failure(lambda: obs.read(bucket, f"{prefix}{PROBE}", max_bytes=1))
    absent = isinstance(reading, ObjectError) and reading.code in {_NO_OBJECT, ""}
    return BucketAccess(f"obs://{bucket}/{prefix}", listing, None if absent else reading)


def check_results(obs: Obs, bucket: str, prefix: str) -> ResultsAccess:
    """Write a small object where results go, and delete it."""
    key = f"{prefix}{PROBE}"
    writing = _failure(lambda: obs.write(bucket, key, b"{}", content_type="application/json"))
    deleting = None if writing else _failure(lambda: obs.delete(bucket, key))
    return ResultsAccess(f"obs://{bucket}/{prefix}", writing, deleting)


def bucket_findings(check: str, seen: BucketAccess) -> Iterator[Finding]:
    """Yield what looking into a bucket showed.

    Args:
        check: What the bucket is for: `drop bucket` or `checkpoints`.
        seen: What was seen.
    """
    if seen.listing:
        # Without it OBS says of no object whether it is missing or forbidden.
        action = "obs:bucket:ListBucket and obs:object:GetObject"
        yield fail(check, str(seen.listing), _remedy(check, seen.listing, action))
    if seen.reading and _code(seen.reading) != _code(seen.listing):
        yield fail(check, str(seen.reading), _remedy(check, seen.reading, "obs:object:GetObject"))
    if not seen.listing and not seen.reading:
        yield ok(check, f"{seen.place} can be listed and read")


def results_finding(seen: ResultsAccess | None) -> Finding:
    """Return what writing a result file showed; None is where none are written."""
    if seen is None:
        return ok("results", "no result files are written (NIGHTDROP_RESULTS is empty)")
    if seen.writing:
        return fail(
            "results", str(seen.writing), _remedy("results", seen.writing, "obs:object:PutObject")
        )
    if seen.deleting:
        return ok("results", f"{seen.place} can be written, not deleted from; nothing needs that")
    return ok("results", f"{seen.place} can be written")


def _failure(call: Callable[[], object]) -> CloudError | None:
    try:
        call()
    except CloudError as error:
        return error
    return None


def _code(error: CloudError | None) -> str:
    return str(getattr(error, "code", "")) or type(error).__name__


def _remedy(check: str, error: CloudError, action: str) -> str:
    code = _code(error)
    if code == _FORBIDDEN:
        return f"allow {action} there in the agency's role"
    if code == _NO_BUCKET:
        return f"create the bucket, or correct {_NAMED_BY[check]}"
    if isinstance(error, ApiError) and error.status in _ELSEWHERE:
        return "the bucket lies in another region; function and bucket belong in the same"
    if isinstance(error, ApiError):
        return "check that the keys belong to this account, and that the clock is right"
    return "try again; if it stays so, ask for OBS's status"
