"""Fuzz target: the list of a bucket in XML, and the list of jobs in JSON."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, cast

from handler.cloud.credentials import Credentials
from handler.cloud.http_transport import Answer
from handler.cloud.ief.client import Ief
from handler.cloud.obs.listing import LARGEST_PAGE, listing_of
from handler.errors import NoAnswerError
from tests.fuzz.engine import run
from tests.hostile.answers.answers_ief import LISTED as JOBS
from tests.hostile.answers.answers_obs import LISTED as OBJECTS

if TYPE_CHECKING:
    from handler.cloud.http_transport import Request, Transport

LONGEST = 4000
LONGEST_ID = 64
LAST_YEAR = 2999


class Answering:
    """Answers with a body."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    def send(self, _request: Request, **_limits: object) -> Answer:
        """Return the answer."""
        return Answer(200, {}, self.body)


def target(data: bytes) -> None:
    """Read a page of either list: it is refused, or all in it has its form."""
    try:
        page = listing_of(data)
    except NoAnswerError:
        pass
    else:
        assert len(page.objects) <= LARGEST_PAGE
        assert all(one.key and one.modified_at.year <= LAST_YEAR for one in page.objects)
        assert all(one.etag.isascii() for one in page.objects)
    transport = cast("Transport", Answering(data))
    ief = Ief("http://127.0.0.1", "p", Credentials("a", "s"), transport, _now)
    try:
        jobs = ief.list_jobs("node_upgrade", limit=100, offset=0)
    except NoAnswerError:
        return
    assert all(0 < len(job.job_id) <= LONGEST_ID and job.job_id.isascii() for job in jobs)
    assert all(datetime.fromtimestamp(job.created_at, timezone.utc) for job in jobs)
    assert all(job.status.isascii() for job in jobs)


def _now() -> datetime:
    return datetime.now(timezone.utc)


def seeds() -> list[bytes]:
    """Return the bodies of hostile lists that are short."""
    answers = [one.sent for one in (*OBJECTS.values(), *JOBS.values())]
    return [sent.partition(b"\r\n\r\n")[2] for sent in answers if len(sent) < LONGEST]


if __name__ == "__main__":
    run(target, seeds())
