"""A file that was dropped, and what became of it: by its result file, and by IEF."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, get_args

from handler.audit.job_end import ENDED, STOPPED, WRONG
from handler.audit.job_state import FINAL, FOLLOWED, JobWord
from handler.cli.console import complain
from handler.cli.jobs.job_row import fleet_word, progress_shown
from handler.cli.rollouts.rollout_row import rollout_cells, rollout_went_wrong, waits_for
from handler.deliveries.result_file import result_key
from handler.errors import ApiError, CloudError, ObjectError
from handler.values.canonical_json import sha256_hex
from handler.values.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from handler.cli.open_cloud import Cloud
    from handler.cli.specs.spec_file import SpecFile
    from handler.cloud.ief.client import ShownJob

_LARGEST = 16 * 1024 * 1024
_NO_RIGHT = frozenset({401, 403})
_CONTENT_TYPE = "application/octet-stream"
_OVER = ENDED - {STOPPED}  # who paused it can resume it
_ENDED = frozenset({"finished", "stopped"})  # rollouts
_NOT_FINAL = frozenset(get_args(JobWord)) - FINAL


class DroppedFile(NamedTuple):
    """A file in the bucket.

    Attributes:
        name: Its name, for people.
        bucket: The bucket.
        key: Its key.
        digest: SHA-256 of its bytes, which its result file repeats.
        before: The delivery that its result file was about before it was dropped; "" for none.
        repeats: Whether that one was of the same bytes, so that its result file may stay.
        has_run: Whether that one planned anything: one that awaits approval did not.
    """

    name: str
    bucket: str
    key: str
    digest: str
    before: str = ""
    repeats: bool = False
    has_run: bool = False

    def row(self) -> dict[str, object]:
        """Return it as a row of a list."""
        return {"file": self.name, "address": f"obs://{self.bucket}/{self.key}"}


@dataclass(frozen=True)
class DropProgress:
    """What became of a dropped file.

    Attributes:
        dropped: The file.
        result: What its result file says; empty before the function has written it.
        fleet: Its jobs as IEF shows them, by their ids.
        asks_fleet: Whether these keys may ask IEF.
    """

    dropped: DroppedFile
    result: Mapping[str, Any] = field(default_factory=dict)
    fleet: Mapping[str, ShownJob] = field(default_factory=dict)
    asks_fleet: bool = True

    @property
    def is_over(self) -> bool:
        """Whether nothing more becomes of it."""
        return self._ends(_ENDED)

    @property
    def needs_person(self) -> bool:
        """Whether nothing more becomes of it before a person has decided about a rollout."""
        return not self.is_over and self._ends(_ENDED | {"approval", "paused"})

    @property
    def is_well(self) -> bool:
        """Whether all of its jobs and rollouts succeeded."""
        jobs, rollouts = self.result.get("jobs", []), self.result.get("rollouts", [])
        well = not any(self.state_of(job) in WRONG for job in jobs)
        return bool(jobs or rollouts) and well and not any(map(rollout_went_wrong, rollouts))

    def rows(self) -> Iterator[dict[str, object]]:
        """Yield a row for each of its jobs and rollouts; one without either before that."""
        jobs, rollouts = self.result.get("jobs", []), self.result.get("rollouts", [])
        errors = "\n".join(self.result.get("errors", []))
        if not (jobs or rollouts):
            state = self.result.get("outcome") or "waiting for the function"
            yield self._row({}, str(state), "", errors)
        for job in jobs:
            shown = self._shown(job)
            progress = str(progress_shown(shown)) if shown else ""
            said = [reason for _, reason in shown.tasks if reason] if shown else []
            why = str(job.get("reason") or "; ".join(dict.fromkeys(said)))
            yield self._row(job, self.state_of(job), progress, why)
        for one in rollouts:
            cells = rollout_cells(one)
            failed = f", {cells['failed']} failed" if cells["failed"] else ""
            progress = f"wave {cells['wave']}, {cells['nodes']}{failed}"
            waits = waits_for(one)
            note = ": ".join(filter(None, (waits and f"waits for {waits}", str(cells["note"]))))
            yield self._row({"job_name": one["name"]}, str(one["state"]), progress, note)

    def targets(self) -> Iterator[tuple[str, str, str]]:
        """Yield the name of each job, each of its targets, and the status of that target's task."""
        for job in self.result.get("jobs", []):
            shown = self._shown(job)
            if shown:
                for target, (status, _) in zip(shown.targets, shown.tasks, strict=True):
                    yield str(job["job_name"]), target, status

    def state_of(self, job: Mapping[str, Any]) -> str:
        """Return the one word for a job: of the fleet while it runs there, else of the log."""
        shown = self._shown(job)
        if shown is None or job["state"] not in FOLLOWED:
            return str(job["state"])
        return "stopped" if shown.status == STOPPED else fleet_word(progress_shown(shown))

    def _ends(self, rollouts_end: Collection[str]) -> bool:
        """Return whether all jobs are over, and all rollouts in a state or waiting for that."""
        jobs, rollouts = self.result.get("jobs", []), self.result.get("rollouts", [])
        if not (jobs or rollouts):
            return self.result.get("outcome") in {"rejected", "ignored"}
        waits = [one.get("waits", {}).get("for", one["state"]) for one in rollouts]
        return all(self._is_over(job) for job in jobs) and all(one in rollouts_end for one in waits)

    def _is_over(self, job: Mapping[str, Any]) -> bool:
        shown = self._shown(job)
        if job["state"] in FOLLOWED:
            return shown is not None and shown.status in _OVER
        return job["state"] not in _NOT_FINAL

    def _shown(self, job: Mapping[str, Any]) -> ShownJob | None:
        return self.fleet.get(str(job.get("job_id")))

    def _row(
        self, job: Mapping[str, Any], state: str, progress: str, note: str
    ) -> dict[str, object]:
        return {
            "file": self.dropped.name,
            "job_name": job.get("job_name", ""),
            "state": state,
            "progress": progress,
            "note": note,
            "job_id": job.get("job_id") or "",
        }


def upload(spec: SpecFile, cloud: Cloud) -> DroppedFile:
    """Upload a file and return it.

    Raises:
        CloudError: It could not be uploaded.
    """
    bucket, key = cloud.settings.buckets[0], f"{cloud.settings.prefix}{spec.name}"
    dropped = DroppedFile(spec.name, bucket, key, sha256_hex(spec.data))
    result = _result(dropped, cloud)
    has_new = result.get("outcome") in {"rejected", "ignored"}  # the same bytes run again
    same = result.get("digest") == dropped.digest and not has_new
    cloud.obs.write(bucket, key, spec.data, content_type=_CONTENT_TYPE)
    has_run = bool(result.get("jobs") or result.get("rollouts"))
    before = str(result.get("delivery", ""))
    return dropped._replace(before=before, repeats=same, has_run=has_run)


def refreshed(progress: DropProgress, cloud: Cloud) -> DropProgress:
    """Return what has become of a dropped file since it was last looked at.

    Without the right to ask IEF only the result file is read, and a line says so once.

    Raises:
        CloudError: A service cannot be reached.
    """
    dropped = progress.dropped
    found = _result(dropped, cloud)
    is_new = found.get("delivery") != dropped.before
    if found.get("digest") != dropped.digest or not (is_new or dropped.repeats):
        return progress
    progress = replace(progress, result=found)
    try:
        return replace(progress, fleet=_fleet(progress, cloud))
    except ApiError as error:
        if error.status not in _NO_RIGHT:
            raise
        complain(f"IEF is not asked, only the result file is read: {error}")
        return replace(progress, asks_fleet=False)


def _result(dropped: DroppedFile, cloud: Cloud) -> dict[str, Any]:
    """Return what the result file says, whichever drop it is about; empty without one."""
    if cloud.settings.results is None:
        return {}
    bucket, prefix = cloud.settings.results
    key = result_key(dropped.key, watched=cloud.settings.prefix, results=prefix)
    try:
        found = json.loads(cloud.obs.read(bucket, key, max_bytes=_LARGEST).data)
    except ObjectError as error:
        if error.code != "NoSuchKey":
            raise
        return {}
    except ValueError as error:
        raise CloudError(f"obs://{bucket}/{key} is not a result file") from error
    return found if isinstance(found, dict) else {}


def _fleet(progress: DropProgress, cloud: Cloud) -> dict[str, ShownJob]:
    """Return the jobs that were created as IEF shows them; those that have ended are not asked."""
    fleet = dict(progress.fleet)
    for job in progress.result.get("jobs", []):
        job_id, known = str(job.get("job_id") or ""), fleet.get(str(job.get("job_id")))
        if progress.asks_fleet and job_id and not (known and known.status in _OVER):
            fleet[job_id] = cloud.ief.show_job(job_id)
    return fleet
