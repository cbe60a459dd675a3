"""Client of IEF's batch jobs; each call is signed and sent once.

Source: support.huaweicloud.com/api-ief, "Batch jobs" (`/v2/{project_id}/productmgr/jobs`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from handler.cloud.ief.answers import code_of, id_of, object_of, status_word_of, text_of
from handler.cloud.redaction import UNREADABLE, redact, secrets_of, task_data_of
from handler.cloud.signing import SignedCall, sign
from handler.errors import ApiError, NoAnswerError, is_about_quota
from handler.values.display import display
from handler.values.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from handler.cloud.credentials import Credentials
    from handler.cloud.http_transport import Answer, Request, Transport
    from handler.runtime.deadline import Deadline
    from handler.values.canonical_json import Json

_LONGEST_MESSAGE = 300
_MOST_REASONS = 10
_CREATED_BYTES = 65_536
_LISTED_BYTES = 1024 * 1024
_SHOWN_BYTES = 4 * 1024 * 1024
_LAST_SECOND = 253_402_300_799
_NODE_NAME = "node_name"  # of a target's extension_info, as on the page of CreateBatchJob
_MOST_TASKS = 1_000_000
_OPERATIONS = {
    "StopBatchJob": ("POST", "/pause"),
    "RestoreBatchJob": ("POST", "/restore"),
    "RetryBatchJob": ("POST", "/retry"),
    "DeleteBatchJob": ("DELETE", ""),
}


class ListedJob(NamedTuple):
    """A job in a listing; a missing field is "" or 0. The counters are those of its tasks."""

    job_id: str
    name: str
    type: str
    description: str
    created_at: int
    status: str
    tasks: int = 0
    succeeded: int = 0
    failed: int = 0


class ShownJob(NamedTuple):
    """The status of a job and of its tasks, as pairs of status and reason.

    The API's own counters are swapped and therefore not read. A missing description is "", a
    missing time of the last change of its status (in seconds since 1970) is 0. `targets` has the
    name or, where none was sent, the id of each task's target; `target_ids` has the ids.
    `deployments` has the id of the deployment that each task created or changed, or "".
    """

    job_id: str
    status: str
    tasks: tuple[tuple[str, str], ...]
    description: str = ""
    updated_at: int = 0
    targets: tuple[str, ...] = ()
    target_ids: tuple[str, ...] = ()
    deployments: tuple[str, ...] = ()

    @property
    def succeeded(self) -> int:
        """How many of its tasks succeeded."""
        return sum(status == "Successful" for status, _ in self.tasks)


class Ief(NamedTuple):
    """IEF in one project, with the credentials of one invocation.

    The clock is aware UTC; `instance` is the id of an enterprise instance, or "". Without a
    deadline, only the limit of the transport applies.
    """

    endpoint: str
    project_id: str
    credentials: Credentials
    transport: Transport
    clock: Callable[[], datetime]
    instance: str = ""
    deadline: Deadline | None = None

    def sign_create(self, body: str) -> Request:
        """Return the signed request that creates a batch job; it expires with its date."""
        return self._signed(self._request("POST", self._jobs, body=body.encode()))

    def create(self, request: Request) -> str:
        """Send a signed creation and return the new job's id.

        Raises:
            NotSentError: It was not sent.
            NoAnswerError: It may have been executed: there is no response, an unreadable one, one
                without a usable id, or one about another job.
            ApiError: IEF responded with an error status.
        """
        secrets = secrets_of(self.credentials, task_data_of(request.body))
        created = object_of(_checked(self._send(request, _CREATED_BYTES), secrets))
        job_id = id_of(created, "job_id", secrets)
        if not job_id:
            raise NoAnswerError("IEF accepted a job but its answer holds no usable job_id")
        name = text_of(created, "job_name")
        if name and f'"{name}"'.encode() not in request.body:
            raise NoAnswerError("IEF accepted a job but its answer is about another one")
        return job_id

    def sign_operation(self, operation: str, job_id: str) -> Request:
        """Return the signed request of an operation on a job, such as `StopBatchJob`."""
        method, path = _OPERATIONS[operation]
        return self._signed(self._request(method, f"{self._jobs}/{job_id}{path}"))

    def operate(self, request: Request) -> None:
        """Send a signed operation on a job, once.

        Raises:
            NotSentError: It was not sent.
            NoAnswerError: It may have been executed: there is no response.
            ApiError: IEF responded with an error status.
        """
        _checked(self._send(request, _CREATED_BYTES), secrets_of(self.credentials, ""))

    def list_jobs(self, job_type: str, *, limit: int, offset: int) -> tuple[ListedJob, ...]:
        """Return a page of the project's jobs of one type, or of all (""), the newest first.

        Raises:
            NoAnswerError: The page is incomplete, or a job in it has no usable id; it would not
                prove that a job is absent.
            CloudError: The call failed.
        """
        answer = self._get(
            self._jobs,
            [
                *([("job_type", job_type)] if job_type else []),
                ("limit", str(limit)),
                ("offset", str(offset)),
                ("sort", "created_at:desc"),
            ],
            _LISTED_BYTES,
        )
        jobs = object_of(answer).get("jobs")
        if not isinstance(jobs, list):
            raise NoAnswerError("IEF's list of jobs holds no jobs")
        return tuple(_listed(job) for job in jobs)

    def show_job(self, job_id: str) -> ShownJob:
        """Return a job's status and its tasks' statuses and reasons.

        Reasons are masked where they repeat the deployment in the response. If the response has no
        deployment to compare with, the reasons are left out.
        """
        shown = object_of(self._get(f"{self._jobs}/{job_id}"))
        secrets = secrets_of(self.credentials, text_of(shown, "task_data"))
        unknown = text_of(shown, "job_type") != "node_upgrade" and "task_data" not in shown
        tasks = shown.get("tasks")
        listed = [one for one in tasks if isinstance(one, dict)] if isinstance(tasks, list) else []
        reasons = {"": ""}
        for reason in (text_of(task, "reason") for task in listed):
            if reason not in reasons and len(reasons) <= _MOST_REASONS:
                reasons[reason] = UNREADABLE if unknown else _shown(reason, secrets)
        return ShownJob(
            job_id=job_id,
            status=status_word_of(shown, "status", secrets),
            tasks=tuple(
                (status_word_of(task, "status", secrets), reasons.get(text_of(task, "reason"), ""))
                for task in listed
            ),
            description=text_of(shown, "description"),
            updated_at=_number(shown, "status_last_updated_at", _LAST_SECOND),
            targets=tuple(_target_names(shown, listed)),
            target_ids=tuple(id_of(task, "target_id") for task in listed),
            deployments=tuple(map(_deployment_of, listed)),
        )

    def get(
        self, resource: str, query: Sequence[tuple[str, str]] = (), version: str = "v2"
    ) -> dict[str, Json]:
        """Return what IEF says of a resource of the project, such as `edgemgr/nodes`.

        Raises:
            CloudError: The call failed, or its answer is no JSON object.
        """
        return object_of(self._get(f"/{version}/{self.project_id}/{resource}", query))

    def delete_job(self, job_id: str) -> None:
        """Delete a job."""
        self.operate(self.sign_operation("DeleteBatchJob", job_id))

    @property
    def _jobs(self) -> str:
        return f"/v2/{self.project_id}/productmgr/jobs"

    def _get(
        self,
        path: str,
        query: Sequence[tuple[str, str]] = (),
        max_bytes: int = _SHOWN_BYTES,
    ) -> Answer:
        answer = self._send(self._signed(self._request("GET", path, query)), max_bytes)
        return _checked(answer, secrets_of(self.credentials, ""))

    def _send(self, request: Request, max_bytes: int) -> Answer:
        return self.transport.send(request, max_bytes=max_bytes, deadline=self.deadline)

    def _request(
        self, method: str, path: str, query: Sequence[tuple[str, str]] = (), body: bytes = b""
    ) -> SignedCall:
        headers = {"X-Project-Id": self.project_id}
        if self.instance:
            headers["ief-instance-id"] = self.instance
        return SignedCall(method, self.endpoint, path, query, headers, body)

    def _signed(self, call: SignedCall) -> Request:
        return sign(call, self.credentials, self.clock())


def _checked(answer: Answer, secrets: Sequence[str]) -> Answer:
    if answer.is_success:
        return answer
    try:
        fields = object_of(answer)
    except NoAnswerError:
        fields = {}
    code = code_of(fields, secrets)
    whole = text_of(fields, "error_msg")
    message = _shown(whole, secrets).rstrip(".")  # what to do may follow
    if is_about_quota(whole) and not is_about_quota(message):
        message = f"{message} (quota)"  # masked or cut off, but decisions look for it
    raise ApiError(
        " ".join(filter(None, [f"IEF answered {answer.status}", code, message])),
        status=answer.status,
        code=code,
        retry_after=answer.retry_after,
    )


def _shown(message: str, secrets: Sequence[str]) -> str:
    return display(redact(message, secrets), longest=_LONGEST_MESSAGE)


def _target_names(shown: dict[str, Json], tasks: Sequence[dict[str, Json]]) -> Iterator[str]:
    """Yield the name that each task's target was sent with, or else its id."""
    targets = shown.get("targets")
    listed = [one for one in targets if isinstance(one, dict)] if isinstance(targets, list) else []
    named = {
        id_of(one, "target_id"): text_of(_extension(one, _NODE_NAME), "value") for one in listed
    }
    for task in tasks:
        target_id = id_of(task, "target_id")
        yield named.get(target_id) or target_id


def _deployment_of(task: dict[str, Json]) -> str:
    """Return the id of the deployment that a task created or changed, or ""."""
    return id_of(_extension(task, "deployment_id"), "value")


def _extension(entry: Mapping[str, Json], key: str) -> Mapping[str, Json]:
    """Return the pair with a key in the `extension_info` of a target or task; empty if none."""
    pairs = entry.get("extension_info")
    listed = [one for one in pairs if isinstance(one, dict)] if isinstance(pairs, list) else []
    return next((one for one in listed if one.get("key") == key), {})


def _listed(job: Json) -> ListedJob:
    job_id = id_of(job, "job_id") if isinstance(job, dict) else ""
    if not isinstance(job, dict) or not job_id:
        raise NoAnswerError("IEF's list holds a job without a usable job_id")
    return ListedJob(
        job_id=job_id,
        name=text_of(job, "job_name"),
        type=text_of(job, "job_type"),
        description=text_of(job, "description"),
        created_at=_number(job, "created_at", _LAST_SECOND),
        status=status_word_of(job, "status"),
        tasks=_number(job, "task_total_count", _MOST_TASKS),
        succeeded=_number(job, "task_success_count", _MOST_TASKS),
        failed=_number(job, "task_failed_count", _MOST_TASKS),
    )


def _number(values: Mapping[str, Json], name: str, most: int) -> int:
    """Return the number in a field; 0 if the field has none from 0 to `most`."""
    value = values.get(name)
    return value if isinstance(value, int) and 0 <= value <= most else 0
