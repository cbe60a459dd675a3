"""What two jobs show: the mark, the lag of the list, equal names, and a job that was deleted.

A harmless job is hard to find: a `node_upgrade` upgrades a node that is not up to date, and a
`deployment_deploy` leaves a container. The probe creates `deployment_upgrade` jobs with the id of a
node in the place of the deployment's, so that there is nothing to upgrade and their task fails. An
API that checks the id refuses them; then the operator names another type.
"""

from __future__ import annotations

import json
import secrets
from base64 import b32encode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from handler.cloud.http_transport import NOT_FOUND
from handler.errors import ApiError, CloudError, NotSentError, cloud_error_of
from handler.probe.fact import (
    LAG,
    LISTED_DESCRIPTION,
    SHOWN_DESCRIPTION,
    Fact,
    compared,
    settle_after_for,
    unseen,
)
from handler.probe.list_checks import description_fact
from handler.probe.right_checks import right_fact

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from handler.cloud.ief.client import ListedJob
    from handler.probe.client import ProbeClient
    from handler.values.canonical_json import Json

KINDS = ("deployment_upgrade", "node_upgrade")
"""The types of job that the probe creates, the harmless one first."""

LONGEST_LAG = 300
"""Seconds that the list is assumed to lag behind at most."""

PATIENCE = 600
"""Seconds that the probe waits for its job in the list."""

_PAUSES = (0.5, 1.0, 2.0, 5.0)  # seconds between two looks; the last is repeated
_ASSUMED_LAG = f"a new job is listed within {LONGEST_LAG} s"
_TRIES = 4
_ERRORS = 500
_TASK_DATA = {
    "deployment": {
        "replicas": 1,
        "template": {
            "configs": {"restart_policy": "Never", "host_network": False, "host_pid": False},
            "containers": [
                {
                    "name": "nightdrop-probe",
                    "image_url": "nightdrop-probe:none",
                    "resources": {
                        "limits": {"cpu": "0.1", "memory": "16"},
                        "requests": {"cpu": "0.1", "memory": "16"},
                    },
                }
            ],
        },
    }
}


@dataclass(frozen=True)
class ProbeJob:
    """The job that the probe creates; its name and its mark are new each time.

    `created` are the ids of what was created so far, `lost` the errors of requests that may have
    created another one.
    """

    target: str
    kind: str
    created: list[str] = field(default_factory=list)
    lost: list[CloudError] = field(default_factory=list)
    name: str = field(default_factory=lambda: f"nightdrop-probe-{_random(10)}")
    mark: str = field(default_factory=lambda: f"nd-{_random(26)}")

    @property
    def description(self) -> str:
        """The job's description: a mark as Nightdrop's jobs have it, and a text."""
        return f"{self.mark} probe of Nightdrop, may be deleted"

    @property
    def body(self) -> str:
        """The body of the request that creates it."""
        is_upgrade = self.kind == "node_upgrade"
        content: dict[str, Json] = {
            "target_type": "node" if is_upgrade else "deployment",
            "targets": [{"target_id": self.target}],
        }
        if not is_upgrade:
            content["task_data"] = json.dumps(_TASK_DATA)
        return json.dumps(
            {
                "job_name": self.name,
                "job_type": self.kind,
                "job_content": content,
                "description": self.description,
            }
        )

    def is_in(self, listed: ListedJob) -> bool:
        """Return whether a listed job is this one, or one of the same name."""
        return listed.name == self.name or self.mark in listed.description


def create_facts(client: ProbeClient, job: ProbeJob) -> Iterator[Fact]:
    """Yield what a created job shows; nothing more if it cannot be created.

    The caller deletes what was created, also after an error.
    """
    name, assumed = "create", "201, with a job_id"
    try:
        job_id = _create(client, job)
    except CloudError as error:
        yield right_fact("ief:batchjob:create", error)
        yield compared(
            name,
            assumed,
            str(error),
            same=False,
            change="check the id after --create-on; if the API refuses this type of job, --kind "
            "node_upgrade, with a node that is up to date",
        )
        return
    yield right_fact("ief:batchjob:create", None)
    yield compared(name, assumed, assumed, same=True)
    listed = yield from _lag(client, job, job_id)
    if listed:
        yield description_fact(LISTED_DESCRIPTION, job.description, listed.description)
    else:
        yield unseen(LISTED_DESCRIPTION, "returned", "the job was not listed")
    try:
        shown = client.call(lambda: client.ief.show_job(job_id)).description
        yield description_fact(SHOWN_DESCRIPTION, job.description, shown)
    except CloudError as error:
        yield unseen(SHOWN_DESCRIPTION, "returned", str(error))
    yield _equal_names(client, job)
    yield right_fact(
        "ief:batchjob:update", cloud_error_of(lambda: client.call(lambda: _stop(client, job_id)))
    )


def _create(client: ProbeClient, job: ProbeJob) -> str:
    try:
        job_id = client.call(lambda: client.ief.create(client.ief.sign_create(job.body)))
    except CloudError as error:
        refused = isinstance(error, ApiError) and error.status < _ERRORS
        if not refused and not isinstance(error, NotSentError):
            job.lost.append(error)
        raise
    job.created.append(job_id)
    return job_id


def _lag(
    client: ProbeClient, job: ProbeJob, job_id: str
) -> Generator[Fact, None, ListedJob | None]:
    began, looks = client.ticks(), 0
    while True:
        found = next(iter(_search(client, job.kind, lambda one: one.job_id == job_id)), None)
        waited = client.ticks() - began
        if found:
            yield compared(
                LAG,
                _ASSUMED_LAG,
                f"listed {waited:.1f} s after it was created",
                same=waited <= LONGEST_LAG,
                change=f"NIGHTDROP_SETTLE_AFTER={settle_after_for(lag=waited)} or more",
                value=round(waited, 1),
            )
            return found
        if waited > PATIENCE:
            yield compared(
                LAG,
                _ASSUMED_LAG,
                f"not listed {waited:.0f} s after it was created",
                same=False,
                change="nothing: jobs are never declared absent; settle unknown ones by hand",
            )
            return None
        client.sleep(_PAUSES[min(looks, len(_PAUSES) - 1)])
        looks += 1


def _stop(client: ProbeClient, job_id: str) -> None:
    client.ief.operate(client.ief.sign_operation("StopBatchJob", job_id))


def _equal_names(client: ProbeClient, job: ProbeJob) -> Fact:
    name, assumed = "equal names", "accepted: names need not be unique"
    client.sleep(1.1)  # so that the two have different times, which show the order of the list
    try:
        _create(client, job)
    except ApiError as error:
        return compared(
            name,
            assumed,
            f"refused: {error.status} {error.code or 'without a code'}",
            same=False,
            change="nothing: a repeated request is refused, and the job is found in the list",
        )
    except CloudError as error:
        return unseen(name, assumed, str(error))
    return compared(name, assumed, "accepted", same=True)


def delete_facts(client: ProbeClient, job: ProbeJob) -> Iterator[Fact]:
    """Delete every job that the probe has created, and yield what that shows."""
    listed = [one.job_id for one in _search(client, job.kind, job.is_in)]
    mine = list(dict.fromkeys([*job.created, *listed]))
    is_doubtful = len(mine) < len(job.created) + len(job.lost)
    doubt = "; an answer was lost, and the list does not have its job" if is_doubtful else ""
    errors = {job_id: _deletion_error(client, job_id) for job_id in mine}
    left = [job_id for job_id, error in errors.items() if error]
    if mine:
        yield right_fact("ief:batchjob:delete", errors[mine[0]])
    yield compared(
        "clean-up",
        "all jobs of the probe are deleted",
        f"{len(mine) - len(left)} of {len(mine)} jobs deleted{doubt}",
        same=not left and not doubt,
        change=f"delete {', '.join(left) or f'jobs named {job.name}'} by hand",
    )
    if mine and not left:
        yield _deleted_job(client, mine[0])


def _search(
    client: ProbeClient, job_type: str, wanted: Callable[[ListedJob], bool]
) -> tuple[ListedJob, ...]:
    try:
        return client.search(job_type, wanted)
    except CloudError:
        return ()


def _deletion_error(client: ProbeClient, job_id: str) -> CloudError | None:
    """Delete a job; return why it cannot be deleted, None if it is gone."""
    error = None
    for number in range(_TRIES):
        error = cloud_error_of(lambda: client.call(lambda: client.ief.delete_job(job_id)))
        if error is None or (isinstance(error, ApiError) and error.status == NOT_FOUND):
            return None
        client.sleep(_PAUSES[min(number, len(_PAUSES) - 1)])
    return error


def _deleted_job(client: ProbeClient, job_id: str) -> Fact:
    name, assumed = "a deleted job", "404"
    change = "nothing: a job that was deleted on the fleet is followed for a day, then forgotten"
    try:
        client.call(lambda: client.ief.show_job(job_id))
    except ApiError as error:
        seen = f"{error.status} {error.code}".strip()
        return compared(name, assumed, seen, same=error.status == NOT_FOUND, change=change)
    except CloudError as error:
        return unseen(name, assumed, str(error))
    return compared(name, assumed, "still shown", same=False, change=change)


def _random(characters: int) -> str:
    return b32encode(secrets.token_bytes(20)).decode().lower()[:characters]
