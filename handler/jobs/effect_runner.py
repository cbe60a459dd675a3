"""Executes effects in threads, over persistent connections, and honours rate limits."""

from __future__ import annotations

import time
from itertools import pairwise
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

from handler.audit.job_end import ENDED
from handler.cloud.http_transport import NOT_FOUND, TOO_MANY
from handler.errors import ApiError, CloudError, CredentialsError
from handler.jobs.decisions import Created, Deferred, Done
from handler.jobs.effects import (
    AwaitTurn,
    Commit,
    Gone,
    Listing,
    ListJobs,
    SendOperation,
    ShowJob,
    Sign,
    SignOperation,
    TimeLeft,
)
from handler.jobs.submission import answer_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from handler.audit.log import Log
    from handler.cloud.http_transport import Request
    from handler.cloud.ief.client import Ief, ListedJob, ShownJob
    from handler.jobs.decisions import Answer
    from handler.jobs.effects import Asking, Effect, Send
    from handler.runtime.deadline import Deadline

T = TypeVar("T")

JOBS_PER_PAGE = 100
"""How many jobs are asked for at once."""

OVERLAP = 10
"""How many jobs two pages share, so that jobs deleted meanwhile hide no others."""

MOST_PAGES = 200
"""After this many pages a listing is given up as incomplete."""

_PAUSE_SECONDS = 1.0
_OF_GATEWAY = "APIGW."  # "Error codes" of the API gateway, which knows nothing of jobs


class RateLimiter:
    """Shared rate limiter: all senders wait once the API asks one of them to (429, Retry-After)."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.clock, self.sleep = clock, sleep
        self._until = 0.0
        self._lock = Lock()

    def slow_down(self, seconds: float) -> None:
        """Let every sender wait for at least this long from now."""
        with self._lock:
            self._until = max(self._until, self.clock() + seconds)

    def wait(self, most: float) -> bool:
        """Wait until senders may go on; False as soon as that takes longer than `most` in all."""
        latest = self.clock() + most
        while (pause := self._until - self.clock()) > 0:
            if self.clock() + pause > latest:
                return False
            self.sleep(pause)
        return True


class EffectRunner:
    """Carries effects out with real services.

    Attributes:
        log: The audit log.
        ief: The fleet's API.
        deadline: The end of the invocation.
        limiter: Shared by all senders of the invocation.
        listings: What this invocation has listed already, by type: one look serves many jobs.
    """

    def __init__(
        self, log: Log, ief: Ief, deadline: Deadline, limiter: RateLimiter | None = None
    ) -> None:
        self.log, self.ief, self.deadline = log, ief, deadline
        self.limiter = limiter or RateLimiter()
        self.listings: dict[str, tuple[datetime, Listing]] = {}

    def drive(self, effects: Asking[T]) -> T:
        """Carry effects out, one after the other, and return what they return.

        Raises:
            LogError: The log could not be written; the job stands as its records leave it.
            CloudError: The API could not be listed.
        """
        try:
            effect = next(effects)
            while True:
                effect = effects.send(self._carried_out(effect))
        except StopIteration as done:
            returned: T = done.value
            return returned

    def drive_all(self, all_effects: Sequence[Asking[T]], *, senders: int) -> list[T]:
        """Carry several out side by side and return what each returns.

        The first error is raised once all have ended.
        """
        if len(all_effects) <= 1:
            return [self.drive(effects) for effects in all_effects]
        # Loaded where it is needed: most events have one job.
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(min(senders, len(all_effects)), "sender") as threads:
            futures = [threads.submit(self.drive, effects) for effects in all_effects]
        return [future.result() for future in futures]

    def _carried_out(self, effect: Effect) -> object:  # noqa: PLR0911 - one line per effect
        if isinstance(effect, TimeLeft):
            return self.deadline.left()
        if isinstance(effect, AwaitTurn):
            waited = self.limiter.wait(self.deadline.left() - effect.spare)
            return self.deadline.left() if waited else 0.0
        if isinstance(effect, Sign | SignOperation):
            return self._signed(effect)
        if isinstance(effect, Commit):
            return self.log.commit(effect.decide).value
        if isinstance(effect, ListJobs):
            return self._listed(effect)
        if isinstance(effect, ShowJob):
            return self._shown(effect)
        return self._sent(effect)

    def _signed(self, effect: Sign | SignOperation) -> Request | Deferred:
        try:
            if isinstance(effect, SignOperation):
                return self.ief.sign_operation(effect.operation, effect.job_id)
            return self.ief.sign_create(effect.body)
        except CredentialsError as error:
            return Deferred(str(error))

    def _sent(self, effect: Send | SendOperation) -> Answer | Done:
        try:
            if isinstance(effect, SendOperation):
                self.ief.operate(effect.request)
                return Done()
            return Created(self.ief.create(effect.request))
        except CloudError as error:
            if isinstance(error, ApiError) and error.status == TOO_MANY:
                self.limiter.slow_down(error.retry_after or _PAUSE_SECONDS)
            return answer_of(error)

    def _shown(self, effect: ShowJob) -> ShownJob | Gone | None:
        try:
            shown = self.ief.show_job(effect.job_id)
        except CloudError as error:
            if not isinstance(error, ApiError) or error.status != NOT_FOUND:
                return None
            return None if error.code.startswith(_OF_GATEWAY) else Gone()
        if effect.pods and shown.status in ENDED:
            # Loaded where it is needed: only rollouts of deployments look at pods.
            from handler.cloud.ief.pods import with_pods

            return with_pods(shown, self.ief)
        return shown

    def incomplete_listings(self) -> list[str]:
        """Return a sentence for each type of jobs whose list could not be read to its end."""
        return [
            f"the list of {job_type} jobs was not read to its end ({len(listing.jobs)} jobs): who "
            "is not in it stays unknown"
            for job_type, (_, listing) in self.listings.items()
            if not listing.complete
        ]

    def _listed(self, look: ListJobs) -> Listing:
        since, listing = self.listings.get(look.job_type, (None, None))
        if since is None or listing is None or look.since < since:
            # A long list must not take the time of all other work.
            until = self.deadline.earlier(self.deadline.left() / 2)
            listing = list_jobs(self.ief, look, until)
            self.listings[look.job_type] = (look.since, listing)
        return listing


def list_jobs(ief: Ief, look: ListJobs, deadline: Deadline) -> Listing:
    """Return the jobs of a type that were created since a moment.

    The list is walked from its newest job until one is older than that, or to its end where it is
    not in that order. Pages overlap; one that shares nothing with those before it leaves a gap,
    and the listing is not complete. That a page has nothing new does not make it the last: jobs
    created meanwhile push down those that were seen.

    Args:
        ief: The fleet's API.
        look: The type of the jobs, and the moment.
        deadline: When no further page is asked for; what was seen is returned, as not complete.

    Raises:
        CloudError: A page could not be had.
    """
    began = ief.clock()
    seen: dict[str, ListedJob] = {}
    ordered = True
    offset = shared = largest = 0
    for _ in range(MOST_PAGES):
        page = ief.list_jobs(look.job_type, limit=JOBS_PER_PAGE, offset=offset)
        fresh = {job.job_id: job for job in page if job.job_id not in seen}
        if offset and len(fresh) == len(page):
            break
        ordered = ordered and _newest_first([*list(seen.values())[-1:], *fresh.values()])
        seen |= fresh
        largest = max(largest, len(page))
        ended = not fresh and len(page) <= max(shared, largest // 2)
        if ended or (ordered and seen and _reaches(list(seen.values()), look.since)):
            return Listing(tuple(seen.values()), began, complete=True)
        if deadline.left() <= 0:
            break
        # The API may give less than was asked for: what pages share is never a whole page.
        shared = min(OVERLAP, (len(page) + 1) // 2)
        offset += len(page) - shared
    return Listing(tuple(seen.values()), began, complete=False)


def _reaches(jobs: Sequence[ListedJob], since: datetime) -> bool:
    """Return whether jobs in the right order go back to a moment; equal times show no order."""
    newest, oldest = jobs[0].created_at, jobs[-1].created_at
    return 0 < oldest < min(newest, since.timestamp())  # 0: the list does not say


def _newest_first(jobs: Sequence[ListedJob]) -> bool:
    return all(a.created_at >= b.created_at for a, b in pairwise(jobs))
