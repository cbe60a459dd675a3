"""IEF's batch jobs and nodes: seven calls, each signed, sent once and read tolerantly.

Source: support.huaweicloud.com/api-ief, "Batch jobs" (`/v2/{project_id}/productmgr/jobs`) and
"Edge nodes" (`/v2/{project_id}/edgemgr/nodes`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from handler.cloud.echo import without_echo
from handler.cloud.signing import Call, sign
from handler.errors import ApiError, NoAnswerError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from handler.canonical import Json
    from handler.cloud.credentials import Credentials
    from handler.cloud.transport import Answer, Request, Transport

_LONGEST_MESSAGE = 300


@dataclass(frozen=True)
class ListedJob:
    """A job as the list has it; what the list leaves out is ""."""

    job_id: str
    name: str
    type: str
    description: str
    created_at: int
    status: str


@dataclass(frozen=True)
class ShownJob:
    """A job's status and the statuses of its tasks, from which alone counts are taken.

    The counters that Show itself returns are swapped and therefore not read.
    """

    job_id: str
    status: str
    tasks: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Ief:
    """IEF in one project, called with one invocation's credentials.

    Attributes:
        endpoint: Scheme and host.
        project_id: The project.
        credentials: The keys.
        transport: What sends.
        clock: The time for signatures, aware UTC.
        instance: The id of an enterprise instance, or "".
    """

    endpoint: str
    project_id: str
    credentials: Credentials
    transport: Transport
    clock: Callable[[], datetime]
    instance: str = ""

    def sign_create(self, body: str) -> Request:
        """Return the signed request that creates a batch job; its date is the fence."""
        return self._signed(self._to("POST", self._jobs, body=body.encode()))

    def create(self, request: Request) -> str:
        """Send a signed creation and return the new job's id.

        Raises:
            NotSentError: It never left.
            NoAnswerError: It may have been carried out: no answer, or an unreadable one.
            ApiError: IEF answered with an error status.
        """
        answer = self._checked(self.transport.send(request), request.body)
        job_id = _text(_object(answer), "job_id")
        if not job_id:
            raise NoAnswerError("IEF accepted a job but its answer holds no job_id")
        return job_id

    def list_jobs(self, job_type: str, *, limit: int, offset: int) -> tuple[ListedJob, ...]:
        """Return a page of the project's jobs of one type, the newest first."""
        answer = self._call(
            "GET",
            self._jobs,
            [
                ("job_type", job_type),
                ("limit", str(limit)),
                ("offset", str(offset)),
                ("sort", "created_at:desc"),
            ],
        )
        jobs = _object(answer).get("jobs")
        if not isinstance(jobs, list):
            raise NoAnswerError("IEF's list of jobs holds no jobs")
        return tuple(_listed(job) for job in jobs if isinstance(job, dict))

    def show_job(self, job_id: str) -> ShownJob:
        """Return a job's status and its tasks' statuses and reasons."""
        shown = _object(self._call("GET", f"{self._jobs}/{job_id}"))
        tasks = shown.get("tasks")
        listed = tasks if isinstance(tasks, list) else []
        return ShownJob(
            job_id=job_id,
            status=_text(shown, "status"),
            tasks=tuple(
                (_text(task, "status"), _text(task, "reason"))
                for task in listed
                if isinstance(task, dict)
            ),
        )

    def delete_job(self, job_id: str) -> None:
        """Delete a job."""
        self._call("DELETE", f"{self._jobs}/{job_id}")

    def list_nodes(self, *, limit: int = 500, offset: int = 0) -> tuple[tuple[str, str], ...]:
        """Return id and state of a page of nodes; node objects hold keys and are not kept."""
        path = f"/v2/{self.project_id}/edgemgr/nodes"
        answer = self._call("GET", path, [("limit", str(limit)), ("offset", str(offset))])
        nodes = _object(answer).get("nodes")
        listed = nodes if isinstance(nodes, list) else []
        return tuple(
            (_text(node, "id"), _text(node, "state")) for node in listed if isinstance(node, dict)
        )

    @property
    def _jobs(self) -> str:
        return f"/v2/{self.project_id}/productmgr/jobs"

    def _call(self, method: str, path: str, query: Sequence[tuple[str, str]] = ()) -> Answer:
        return self._checked(self.transport.send(self._signed(self._to(method, path, query))))

    def _to(
        self, method: str, path: str, query: Sequence[tuple[str, str]] = (), body: bytes = b""
    ) -> Call:
        headers = {"X-Project-Id": self.project_id}
        if self.instance:
            headers["ief-instance-id"] = self.instance
        return Call(method, self.endpoint, path, query, headers, body)

    def _signed(self, call: Call) -> Request:
        return sign(call, self.credentials, self.clock())

    def _checked(self, answer: Answer, sent: bytes = b"") -> Answer:
        if 200 <= answer.status < 300:  # noqa: PLR2004 - the class of successful answers
            return answer
        try:
            said = _object(answer)
        except NoAnswerError:
            said = {}
        code = _text(said, "error_code")
        whole = without_echo(_text(said, "error_msg"), sent, self.credentials)
        message = whole[:_LONGEST_MESSAGE]
        raise ApiError(
            " ".join(filter(None, [f"IEF answered {answer.status}", code, message])),
            status=answer.status,
            code=code,
            retry_after=_seconds(answer.headers.get("retry-after", "")),
        )


def _object(answer: Answer) -> dict[str, Json]:
    try:
        value = json.loads(answer.body)
    except (ValueError, RecursionError) as error:
        raise NoAnswerError(f"IEF answered {answer.status} with something unreadable") from error
    if not isinstance(value, dict):
        raise NoAnswerError(f"IEF answered {answer.status} with something unreadable")
    return cast("dict[str, Json]", value)


def _listed(job: dict[str, Json]) -> ListedJob:
    created_at = job.get("created_at")
    return ListedJob(
        job_id=_text(job, "job_id"),
        name=_text(job, "job_name"),
        type=_text(job, "job_type"),
        description=_text(job, "description"),
        created_at=created_at if isinstance(created_at, int) else 0,
        status=_text(job, "status"),
    )


def _text(values: dict[str, Json], name: str) -> str:
    value = values.get(name)
    # JSON may hold halves of surrogate pairs, which no record can keep.
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""


def _seconds(text: str) -> float | None:
    return float(text) if text.isascii() and text.isdigit() else None
