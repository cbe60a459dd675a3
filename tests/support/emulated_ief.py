"""IEF of the emulator in the test's own process: no server, no threads, a clock that the test sets.

`client` is the function's own client, whose signed requests the emulator checks as it would over
HTTP. The other calls go to the service directly and return what its answers hold, which is faster.
Job progress, nodes' states and the dates of signatures all follow the one clock.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from uuid import UUID

from handler.cloud.credentials import Credentials
from handler.cloud.http_transport import Answer, Transport
from handler.cloud.ief.client import Ief
from handler.emulator.credentials import DEMO_ACCOUNT, CredentialIssuer
from handler.emulator.faults import FaultRules, Timers
from handler.emulator.http.messages import Request
from handler.emulator.http.router import Router
from handler.emulator.ief import operations
from handler.emulator.ief.job import paused, restored, retried
from handler.emulator.ief.job_simulation import JobConditions, JobSimulation
from handler.emulator.ief.responses import listed_view, shown_view
from handler.emulator.obs.notifications import Notifications
from handler.emulator.operation import EmulatorContext
from handler.emulator.state.state import State
from handler.errors import NoAnswerError

if TYPE_CHECKING:
    from collections.abc import Callable

    from handler.cloud.http_transport import Request as SentRequest
    from handler.emulator.ief.fleet import Fleet
    from handler.emulator.ief.job import Job
    from handler.runtime.deadline import Deadline
    from handler.values.canonical_json import Json
    from tests.support.clock import Clock

_URL = "http://127.0.0.1"


class EmulatedIef:
    """The service with a fleet, at the time of a clock.

    Args:
        fleet: The nodes, such as those of `read_fleet`.
        clock: The time, which the test sets.
        job_seconds: Seconds that a small job takes on nodes without times of their own.
        seed: Seed of the outcomes.

    Attributes:
        state: The jobs, and what they did; a request is not needed to change it.
        faults: The faults that `client` meets.
    """

    def __init__(
        self, fleet: Fleet, clock: Clock, *, job_seconds: float = 120.0, seed: int = 0
    ) -> None:
        self.clock = clock
        simulation = JobSimulation(fleet, job_seconds, parallelism=fleet.job_parallelism, seed=seed)
        numbers = count(1)
        self.state = State(self._now, lambda: str(UUID(int=next(numbers))), simulation)
        self.faults = FaultRules(operations.NAMES)
        issuer = CredentialIssuer(DEMO_ACCOUNT, self._now)
        context = EmulatorContext(self.state, self._now, Notifications(None), issuer)
        self._transport = _InProcess(Router(context, self.faults, Timers()))

    def _now(self) -> float:
        return self.clock().timestamp()

    def client(self, *, instance: str = "", deadline: Deadline | None = None) -> Ief:
        """Return the function's client for this service."""
        keys = Credentials(DEMO_ACCOUNT.access_key, DEMO_ACCOUNT.secret_key)
        project = DEMO_ACCOUNT.project_id
        return Ief(_URL, project, keys, self._transport, self.clock, instance, deadline)

    def create(self, body: dict[str, Json]) -> str:
        """Create a job and return its id."""
        return self.state.create_job(body).job_id

    def show(self, job_id: str) -> dict[str, Json]:
        """Return a job as ShowBatchJob shows it."""
        return shown_view(self.state.jobs[job_id], self._now())

    def jobs(self) -> list[dict[str, Json]]:
        """Return all jobs as ListBatchJob lists them, the newest first."""
        return [listed_view(job, self._now()) for job in reversed(self.state.all_jobs())]

    def nodes(self, **query: str) -> list[dict[str, Json]]:
        """Return the nodes that a query selects, as ListEdgeNodes lists them."""
        status = self.state.fleet_status()
        return [status.view(node) for node in status.select(query)]

    def pause(self, job_id: str) -> None:
        """Pause a running job.

        Raises:
            StatusConflictError: It is not running.
        """
        self.state.change_job(job_id, lambda job: paused(job, self._now()))

    def restore(self, job_id: str) -> None:
        """Restore a stopped job.

        Raises:
            StatusConflictError: It is not stopped.
        """
        self._restart(job_id, restored)

    def retry(self, job_id: str) -> None:
        """Retry a job that has failed, partially succeeded or timed out.

        Raises:
            StatusConflictError: It has not.
        """
        self._restart(job_id, retried)

    def _restart(
        self, job_id: str, restarted: Callable[[Job, float, JobSimulation, JobConditions], Job]
    ) -> None:
        state, now = self.state, self._now()
        state.change_job(
            job_id, lambda job: restarted(job, now, state.simulation, state.conditions(job))
        )

    def delete(self, job_id: str) -> None:
        """Delete a job."""
        self.state.delete_job(job_id)


class _InProcess(Transport):
    """Hands each request to the emulator's router, in the thread that sends it."""

    def __init__(self, router: Router) -> None:
        super().__init__(timeout=1)
        self._router = router

    def send(
        self, request: SentRequest, *, max_bytes: int = 0, deadline: Deadline | None = None
    ) -> Answer:
        """Return the answer, or raise NoAnswerError if a fault withholds it."""
        del deadline  # no time passes
        parts = urlsplit(request.url)
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        headers = ({"Host": parts.netloc} | dict(request.headers)).items()
        response = self._router.answer(
            Request(request.method, target, tuple(headers), request.body)
        )
        if response is None:
            raise NoAnswerError(f"{parts.hostname} did not answer")
        names = {name.lower(): value for name, value in response.headers.items()}
        cut = len(response.body) > max_bytes > 0
        return Answer(response.status, names, b"" if cut else response.body, cut)
