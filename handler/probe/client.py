"""The calls of the probe, and what was observed of their answers."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from handler.cloud.http_transport import TOO_MANY, Transport
from handler.cloud.obs.prefix_store import ServerClock
from handler.errors import ApiError, CloudError, cloud_error_of
from handler.values.canonical_json import utc_now

if TYPE_CHECKING:
    from collections.abc import Callable

    from handler.cloud.http_transport import Answer, Request
    from handler.cloud.ief.client import Ief, ListedJob
    from handler.runtime.deadline import Deadline

T = TypeVar("T")

JOB_TYPES = ("node_upgrade", "deployment_deploy", "deployment_upgrade")
"""The types of batch jobs (API page of CreateBatchJob)."""

PAGE = 100
"""How many jobs are asked for at once, as the reconciler does."""

_TRIES = 3
_MOST_PAGES = 100
_LONGEST_PAUSE = 60.0


class ObservedTransport(Transport):
    """A transport that observes the service's clock, and each `Retry-After` of a 429.

    Attributes:
        clock: The service's clock, as its answers show it.
        pauses: The `Retry-After` of each 429, "" if it had none.
    """

    def __init__(self, *, timeout: float) -> None:
        super().__init__(timeout=timeout)
        self.clock = ServerClock(utc_now)
        self.pauses: list[str] = []

    def send(
        self, request: Request, *, max_bytes: int = 8 * 2**20, deadline: Deadline | None = None
    ) -> Answer:
        """Send a request once, as `Transport` does."""
        sent_at = self.clock.local_now()
        answer = super().send(request, max_bytes=max_bytes, deadline=deadline)
        self.clock.observe(answer.headers.get("date", ""), sent_at)
        if answer.status == TOO_MANY:
            self.pauses.append(answer.headers.get("retry-after", ""))
        return answer


@dataclass(frozen=True)
class ProbeClient:
    """IEF, as the probe asks it.

    Attributes:
        ief: The API, over an `ObservedTransport` and with its clock.
        sleep: Waits for seconds.
        ticks: Monotonic seconds.
    """

    ief: Ief
    sleep: Callable[[float], None] = time.sleep
    ticks: Callable[[], float] = time.monotonic

    def page(self, job_type: str, *, limit: int, offset: int = 0) -> tuple[ListedJob, ...]:
        """Return a page of the list of jobs.

        Raises:
            CloudError: The call failed.
        """
        return self.call(lambda: self.ief.list_jobs(job_type, limit=limit, offset=offset))

    def search(self, job_type: str, wanted: Callable[[ListedJob], bool]) -> tuple[ListedJob, ...]:
        """Return the jobs that are wanted on the first page that has any, in whatever order.

        Raises:
            CloudError: A call failed.
        """
        seen: set[str] = set()
        offset = 0
        for _ in range(_MOST_PAGES):
            page = self.page(job_type, limit=PAGE, offset=offset)
            found = tuple(job for job in page if wanted(job))
            fresh = {job.job_id for job in page} - seen
            if found or not fresh:
                return found
            seen |= fresh
            offset += max(1, len(page) * 9 // 10)  # pages overlap
        return ()

    def dated(self, seconds: float) -> CloudError | None:
        """List one job with a signature that is dated `seconds` ahead; return the error, if any."""
        shift = timedelta(seconds=seconds)
        ief = self.ief._replace(clock=lambda: self.ief.clock() + shift)
        return cloud_error_of(
            lambda: self.call(lambda: ief.list_jobs(JOB_TYPES[0], limit=1, offset=0))
        )

    def call(self, ask: Callable[[], T]) -> T:
        """Return what a call returns; one that is limited is repeated after the pause asked for.

        Raises:
            CloudError: The call failed.
        """
        for _ in range(_TRIES - 1):
            try:
                return ask()
            except ApiError as error:
                pause = error.retry_after or 1.0
                if error.status != TOO_MANY or pause > _LONGEST_PAUSE:
                    raise
                self.sleep(pause)
        return ask()
