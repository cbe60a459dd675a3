"""OBS behind its HTTP interface: buckets with objects, read, written and listed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

from handler.cloud.http_transport import Answer
from handler.values.canonical_json import moment
from tests.faults.simulation.services.simulated_api import FENCE

if TYPE_CHECKING:
    from datetime import datetime

    from handler.cloud.http_transport import Request
    from tests.faults.simulation.simulated_time import Schedule

HOST = "obs.example.com"
_PAGE = 2
"""Few objects a page, so that a scan has more than one."""


class SimulatedObject(NamedTuple):
    """An object: its bytes, its entity tag, and when it was written."""

    data: bytes
    etag: str
    written_at: datetime


@dataclass
class SimulatedObs:
    """All buckets.

    Attributes:
        schedule: The invented time.
        trouble: How often a request is answered with an error that passes.
        objects: The objects by their buckets and keys.
    """

    schedule: Schedule
    trouble: float
    objects: dict[tuple[str, str], SimulatedObject] = field(default_factory=dict)

    def put(self, bucket: str, key: str, data: bytes) -> SimulatedObject:
        """Write an object, and return it."""
        etag = hashlib.sha256(data).hexdigest()[:32]
        self.objects[bucket, key] = SimulatedObject(data, etag, self.schedule.true_time())
        return self.objects[bucket, key]

    def arrived(self, request: Request) -> Answer | None:
        """Return why a request that changes something is refused as it arrives; else None."""
        age = self.schedule.true_time() - moment(request.date)
        if age.total_seconds() > FENCE:
            self.schedule.struck["object too late"] += 1
            return _failed(403, "RequestTimeTooSkewed")
        return self._troubled()

    def carried_out(self, request: Request) -> Answer:
        """Write an object, and answer that."""
        assert request.method == "PUT", request
        self.put(*_place(request), request.body)
        return self._troubled() or _answered(b"")

    def looked_up(self, request: Request) -> Answer:
        """Answer an object or a page of a bucket's listing."""
        troubled = self._troubled()
        if troubled:
            return troubled
        bucket, key = _place(request)
        if not key:
            return self._listed(bucket, parse_qs(urlsplit(request.url).query))
        found = self.objects.get((bucket, key))
        if found is None:
            return _failed(404, "NoSuchKey")
        return _answered(found.data, etag=f'"{found.etag}"')

    def _listed(self, bucket: str, query: dict[str, list[str]]) -> Answer:
        prefix, marker = (query.get(name, [""])[0] for name in ("prefix", "marker"))
        listed = sorted(
            (key, one)
            for (within, key), one in self.objects.items()
            if within == bucket and key.startswith(prefix) and key > marker
        )
        entries = "".join(
            f"<Contents><Key>{escape(key)}</Key><ETag>{one.etag}</ETag>"
            f"<LastModified>{one.written_at:%Y-%m-%dT%H:%M:%SZ}</LastModified></Contents>"
            for key, one in listed[:_PAGE]
        )
        more = str(len(listed) > _PAGE).lower()
        page = f"<IsTruncated>{more}</IsTruncated>{entries}"
        return _answered(f"<ListBucketResult>{page}</ListBucketResult>".encode())

    def _troubled(self) -> Answer | None:
        if not self.schedule.happens(self.trouble):
            return None
        self.schedule.struck["OBS failed"] += 1
        return _failed(self.schedule.random.choice((500, 503, 504)), "InternalError")


def _place(request: Request) -> tuple[str, str]:
    """Return the bucket and the key that a request is about."""
    parts = urlsplit(request.url)
    return (parts.hostname or "").removesuffix(f".{HOST}"), unquote(parts.path[1:])


def _answered(body: bytes, **headers: str) -> Answer:
    return Answer(200, {"content-length": str(len(body)), **headers}, body)


def _failed(status: int, code: str) -> Answer:
    return Answer(status, {}, f"<Error><Code>{code}</Code></Error>".encode())
