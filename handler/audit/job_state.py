"""The state of a job, folded one record at a time.

planned ──► sending ──► created             the API's 201, with the job's id
   │          │  ├────► refused             the API refuses permanently
   │          │  ├────► deferred ──► sending  it did not arrive, or not now
   │          │  └────► unknown             it may have arrived: settle
   │          │            ├──► adopted     the list has it
   │          │            └──► absent ──► sending
   └──► expired                             not sent while it was valid

duplicated ──► adopted                   one copy ended or was deleted: the other is the job now

created, adopted ──► pausing, resuming, retrying, deleting ──► paused, resumed, retried, deleted
a claimed operation leaves the state as it is   └──► unchanged: not done, and why
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast, get_args

from handler.audit.record import integer, part
from handler.values.canonical_json import moment
from handler.values.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from handler.audit.record import Fields
    from handler.values.canonical_json import Json

JobWord: TypeAlias = Literal[
    "planned", "sending", "created", "refused", "deferred", "unknown",
    "adopted", "absent", "expired", "abandoned", "duplicated",
]  # fmt: skip
_STATES = frozenset(get_args(JobWord))
OperationWord: TypeAlias = Literal["pause", "resume", "retry", "delete"]

FINAL: frozenset[JobWord] = frozenset(
    {"created", "refused", "adopted", "expired", "abandoned", "duplicated"}
)
"""States in which nothing more is sent for a job."""

DEAD: frozenset[JobWord] = frozenset({"refused", "expired", "abandoned"})
"""Final states that left nothing on the fleet: the same file may be ordered again."""

UNSETTLED: frozenset[JobWord] = frozenset({"sending", "unknown"})
"""States in which the API may have the job without our knowing."""

FOLLOWED: frozenset[JobWord] = frozenset({"created", "adopted", "duplicated"})
"""States in which the API is asked how the job ended."""

DELETED = "deleted"
"""What `JobState.finished` says of a job that the API does not know any more."""

_CLAIMS: Mapping[str, OperationWord] = {
    "pausing": "pause", "resuming": "resume", "retrying": "retry", "deleting": "delete",
}  # fmt: skip
"""The claims of an operation on a job, and the operation."""

_ENDS = frozenset({"finished", "deleted"})
"""The words of a job's end at the API."""

_RUNNING: Mapping[str, Any] = {
    "paused": False, "finished": "", "tasks": 0, "succeeded": 0,
    "finished_at": "", "finished_seq": 0,
}  # fmt: skip
_OPERATED: Mapping[str, Mapping[str, Any]] = {
    "paused": {"paused": True},
    "resumed": _RUNNING,
    "retried": {**_RUNNING, "copy_end": ""},
    "deleted": {"paused": False, "finished": DELETED},
    "unchanged": {},
}
"""The outcomes of an operation on a job, and what each changes of its state."""


class JobState(NamedTuple):
    """One planned job as its records leave it.

    Attributes:
        key: The job's key; its first 26 characters are in the mark.
        delivery: The key of the delivery that planned it.
        document: The number of its document in the file, from 1.
        name: Its `job_name` for the API.
        type: Its `job_type`.
        state: Where it stands.
        attempt: How many times it was claimed for sending.
        date: The date of the signature of the latest claim, a timestamp.
        lease_until: Until when the latest claim's instance may still answer, a timestamp.
        valid_until: After this nothing is sent any more, a timestamp.
        job_id: The API's id, once known.
        other_ids: The ids of its other copies at the API, separated by blanks; "" if it has none.
        copy_end: How that of its copies ended that did best: status, tasks, succeeded; "" if none
            has ended yet.
        finished: The status it ended with, once the API has said so.
        tasks: How many tasks it had when it ended.
        succeeded: How many of them succeeded.
        doubtful: Whether an attempt before the latest was ever unknown and then found absent.
        status: The HTTP status of the latest answer, 0 for none.
        note: What the latest record about it says to a person.
        planned_at: When it was planned, a timestamp.
        changed_at: When a record last changed it, a timestamp; neither a claim of an operation nor
            what was not done does.
        seq: The number of its latest record.
        body_digest: SHA-256 of its request body, as recorded with the plan; "" if it was not.
        operation: The operation on it that is claimed and not answered yet; "" for none.
        paused: Whether it was paused and not resumed since.
        ended_at: When it ended by the API's clock, in seconds since 1970; 0 if it did not say.
            While it runs once more: until when it ran before, which the API may still show.
        finished_at: When it was recorded that it ended, a timestamp; "" if it was not.
        finished_seq: The number of that record, or 0.
        rollout: The key of the rollout that it is part of, or "".
        wave: The number of the wave of it, or 0.
    """

    key: str
    delivery: str
    document: int
    name: str
    type: str
    state: JobWord
    attempt: int = 0
    date: str = ""
    lease_until: str = ""
    valid_until: str = ""
    job_id: str = ""
    other_ids: str = ""
    copy_end: str = ""
    finished: str = ""
    tasks: int = 0
    succeeded: int = 0
    doubtful: bool = False
    status: int = 0
    note: str = ""
    planned_at: str = ""
    changed_at: str = ""
    seq: int = 0
    body_digest: str = ""
    operation: OperationWord | Literal[""] = ""
    paused: bool = False
    ended_at: int = 0
    finished_at: str = ""
    finished_seq: int = 0
    rollout: str = ""
    wave: int = 0

    @property
    def final(self) -> bool:
        """Whether nothing more is sent for it."""
        return self.state in FINAL

    @property
    def followed(self) -> bool:
        """Whether it runs on the fleet and how it ended is still to be learnt."""
        return self.state in FOLLOWED and not self.finished


def fold_job(job: JobState | None, fields: Fields) -> JobState | None:
    """Return a job's state after one more of its records.

    Args:
        job: Its state before; None before `job.planned`.
        fields: The record's fields; their action starts with `job.`.
    """
    word = str(fields["action"]).removeprefix("job.")
    if word == "planned":  # one that is known was forgotten by the code that recorded it
        return _planned_job(fields)
    return _fold(job, word, fields) if job else None


def _fold(job: JobState, word: str, fields: Fields) -> JobState:
    note = str(fields.get("note", ""))
    seen = job._replace(seq=integer(fields["seq"]), changed_at=str(fields["at"]), note=note)
    request, response = part(fields, "request"), part(fields, "response")
    of_copy = str(response.get("job_id", job.job_id))
    if word == "duplicated" or (word in _ENDS and (job.other_ids or of_copy != job.job_id)):
        return _fold_copies(seen, word, of_copy, response)
    if word == "finished":
        return _finished(seen, response)
    if word == "deleted" and job.copy_end:
        return _finished(seen, response)._replace(operation="")
    if word in _CLAIMS or word in _OPERATED:
        return _fold_operation(job, seen, word, request)
    if word == "sending":
        return seen._replace(
            state="sending",
            attempt=integer(request["attempt"]),
            date=str(request["date"]),
            lease_until=str(request["lease_until"]),
            status=0,
            note="",
        )
    return _answered(seen, cast("JobWord", word), response) if word in _STATES else seen


def _answered(seen: JobState, word: JobWord, response: Mapping[str, Json]) -> JobState:
    return seen._replace(
        state=word,
        status=integer(response.get("status", 0)),
        job_id=seen.job_id or str(response.get("job_id", "")),
        doubtful=seen.doubtful or word == "absent",
    )


def _fold_operation(
    job: JobState, seen: JobState, word: str, request: Mapping[str, Json]
) -> JobState:
    """Return a job's state after one more record of an operation on it.

    Why a job ended stays its note until it is retried, resumed or deleted. A claim, and what was
    not done, is no change of the job: however often that is tried, it ends in its time.
    """
    ended = bool(job.finished) and not _OPERATED.get(word)
    seen = seen._replace(note=job.note if ended else seen.note or job.note)
    if not _OPERATED.get(word):
        seen = seen._replace(changed_at=job.changed_at)
    if word in _OPERATED:
        runs_again = word in {"resumed", "retried"} and job.date
        before = int(moment(job.date).timestamp()) - 1 if runs_again else 0
        ended_at = max(job.ended_at, before)
        return seen._replace(operation="", ended_at=ended_at, **_OPERATED[word])
    return seen._replace(
        operation=_CLAIMS[word], date=str(request["date"]), lease_until=str(request["lease_until"])
    )


def _finished(seen: JobState, response: Mapping[str, Json]) -> JobState:
    """Return the state of a job that has ended: as that of its copies did that did best."""
    final, tasks, succeeded = _best_end(seen.copy_end, response).rsplit(" ", 2)
    return seen._replace(
        finished=final,
        tasks=int(tasks),
        succeeded=int(succeeded),
        ended_at=integer(response.get("ended_at", 0)),
        finished_at=seen.changed_at,
        finished_seq=seen.seq,
        paused=False,
    )


def _best_end(before: str, response: Mapping[str, Json]) -> str:
    """Return which of two ends did better: status, tasks, succeeded."""
    final = str(response.get("final", DELETED))
    end = f"{final} {response.get('tasks', 0)} {response.get('succeeded', 0)}"
    is_better = not before or int(end.rpartition(" ")[2]) > int(before.rpartition(" ")[2])
    return end if is_better else before


def _fold_copies(seen: JobState, word: str, job_id: str, response: Mapping[str, Json]) -> JobState:
    """Return a job's state after a record that it is at the API once more, or has ended there once.

    It goes on as the copy that is left, and has ended when the last one has.
    """
    ids = [seen.job_id, *seen.other_ids.split()]
    if word == "finished" and response["final"] != DELETED:
        seen = seen._replace(copy_end=_best_end(seen.copy_end, response))
    if word != "duplicated":
        return _with_copies(seen, [one for one in ids if one != job_id])
    if job_id in ids:
        return seen._replace(state="duplicated")
    if seen.finished:
        ids = []
    if seen.finished not in {"", DELETED}:
        seen = seen._replace(copy_end=f"{seen.finished} {seen.tasks} {seen.succeeded}")
    return _with_copies(seen, [*filter(None, ids), job_id])._replace(state="duplicated")


def _with_copies(seen: JobState, ids: Sequence[str]) -> JobState:
    """Return the state of a job that is at the API under these ids, and goes on as the first."""
    first, *others = ids or [seen.job_id]
    state: JobWord = "duplicated" if others else "adopted"
    left = seen._replace(state=state, job_id=first, other_ids=" ".join(others))
    return left if first == seen.job_id else left._replace(operation="", ended_at=0, **_RUNNING)


def _planned_job(fields: Fields) -> JobState:
    job = part(fields, "job")
    return JobState(
        key=str(job["key"]),
        delivery=str(part(fields, "delivery")["key"]),
        document=integer(job["document"]),
        name=str(job["name"]),
        type=str(job["type"]),
        state="planned",
        valid_until=str(job.get("valid_until", "")),
        planned_at=str(fields["at"]),
        changed_at=str(fields["at"]),
        seq=integer(fields["seq"]),
        body_digest=str(part(fields, "request").get("digest", "")),
        rollout=str(part(fields, "rollout").get("key", "")),
        wave=integer(part(fields, "rollout").get("wave", 0)),
    )
