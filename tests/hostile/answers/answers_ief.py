"""Invalid answers of IEF, each of which is proper HTTP."""

from __future__ import annotations

from tests.hostile.answers.answers import MEBIBYTE, HostileAnswer, as_json, http

ID = "e6b3d8d2-6f0f-4d6e-8a52-5c9f1f3f1a01"
NAME = "nightly-1"
_LISTED = {"job_id": ID, "job_name": NAME, "job_type": "node_upgrade", "description": "nd-x"}


def _created(status: str = "201 Created", **fields: object) -> bytes:
    return as_json(fields, status=status)


CREATED = {
    "created": HostileAnswer("nothing: this is the good case", _created(job_id=ID), readable=True),
    "created-gzip": HostileAnswer(
        "a coding that was not requested", http(b"\x1f\x8b", status="201 x")
    ),
    "created-empty": HostileAnswer("no body", http(b"", status="201 x")),
    "created-204": HostileAnswer("no body, rightly", b"HTTP/1.1 204 No\r\n\r\n"),
    "created-null": HostileAnswer("a body that says nothing", http(b"null", status="201 x")),
    "created-no-id": HostileAnswer("an id that is left out", _created(job_name=NAME)),
    "created-id-null": HostileAnswer("an id that is none", _created(job_id=None)),
    "created-id-number": HostileAnswer("an id of another type", _created(job_id=7)),
    "created-id-list": HostileAnswer("two ids", _created(job_id=[ID, ID])),
    "created-id-empty": HostileAnswer("an empty id", _created(job_id="")),
    "created-id-blank": HostileAnswer("an id of blanks", _created(job_id="   ")),
    "created-id-path": HostileAnswer("the path of the next call", _created(job_id="../nodes")),
    "created-id-query": HostileAnswer("the query of the next call", _created(job_id="a?b=c")),
    "created-id-line": HostileAnswer("the log's lines", _created(job_id="a\nb")),
    "created-id-escape": HostileAnswer("the terminal", _created(job_id="\x1b[2J")),
    "created-id-bidi": HostileAnswer("the reader's eye", _created(job_id="a\u202eb")),
    "created-id-half": HostileAnswer("half of a surrogate pair", _created(job_id="\ud800")),
    "created-id-65": HostileAnswer("an id of 65 characters", _created(job_id="a" * 65)),
    "created-id-7mb": HostileAnswer("records, reply, result", _created(job_id="a" * 7 * MEBIBYTE)),
    "created-id-formula": HostileAnswer("a spreadsheet", _created(job_id="=1+1")),
    "created-other": HostileAnswer("another's answer", _created(job_id=ID, job_name="other-job")),
    "created-array": HostileAnswer("a list of answers", as_json([{"job_id": ID}], status="201 x")),
    "created-error": HostileAnswer("a success that is none", _created(error_code="IEF.100001")),
    "created-deep": HostileAnswer("the parser's stack", http(b"[" * 60_000, status="201 x")),
    "created-number": HostileAnswer("int()", http(b'{"job_id": ' + b"9" * 50_000 + b"}")),
    "created-utf16": HostileAnswer("another encoding", http('{"job_id": 1}'.encode("utf-16"))),
    "created-bytes": HostileAnswer("no text at all", http(bytes(range(256)), status="201 x")),
    "created-large": HostileAnswer("a long body", _created(job_id=ID, x="x" * MEBIBYTE)),
    "refused-code-7mb": HostileAnswer("the code", _created("400 x", error_code="E" * 60_000)),
    "refused-code-line": HostileAnswer("the log's lines", _created("400 x", error_code="a\nb")),
    "refused-message": HostileAnswer("the reason", _created("400 x", error_msg="\x1b[2J" * 9999)),
    "refused-types": HostileAnswer("other types", _created("400 x", error_code=[], error_msg={})),
    "slow-negative": HostileAnswer("sleep(-1)", http(b"", "Retry-After: -1", status="429 x")),
    "slow-huge": HostileAnswer("sleep()", http(b"", "Retry-After: " + "9" * 999, status="429 x")),
    "slow-date": HostileAnswer(
        "a date", http(b"", "Retry-After: Wed, 31 Dec 9999 23:59:59 GMT", status="429 x")
    ),
    "slow-word": HostileAnswer("a word", http(b"", "Retry-After: soon", status="429 x")),
    "slow-infinite": HostileAnswer("infinity", http(b"", "Retry-After: inf", status="429 x")),
}


def _jobs(*jobs: object) -> bytes:
    return as_json({"job_count": len(jobs), "jobs": jobs})


LISTED = {
    "listed": HostileAnswer("nothing: the good case", _jobs(_LISTED), readable=True),
    "listed-none": HostileAnswer("nothing: an empty list", _jobs(), readable=True),
    "listed-missing": HostileAnswer("a list that is left out", as_json({"job_count": 0})),
    "listed-null": HostileAnswer("null for a list", as_json({"jobs": None})),
    "listed-object": HostileAnswer("a mapping for a list", as_json({"jobs": {}})),
    "listed-text": HostileAnswer("letters for jobs", as_json({"jobs": "abc"})),
    "listed-nulls": HostileAnswer("jobs that are none", _jobs(None, 1, "x", [])),
    "listed-no-id": HostileAnswer("jobs that hide each other", _jobs({"job_name": NAME}, _LISTED)),
    "listed-id-number": HostileAnswer("an id of another type", _jobs({**_LISTED, "job_id": 1})),
    "listed-id-line": HostileAnswer("an id with a line feed", _jobs({**_LISTED, "job_id": "a\nb"})),
    "listed-id-long": HostileAnswer("an id of 99,999", _jobs({**_LISTED, "job_id": "a" * 99_999})),
    "listed-time-text": HostileAnswer(
        "a time that is none", _jobs({**_LISTED, "created_at": "now"}), readable=True
    ),
    "listed-time-huge": HostileAnswer(
        "a date beyond all", _jobs({**_LISTED, "created_at": 10**18}), readable=True
    ),
    "listed-time-negative": HostileAnswer(
        "a date before all", _jobs({**_LISTED, "created_at": -(10**18)}), readable=True
    ),
    "listed-time-float": HostileAnswer(
        "infinity", http(b'{"jobs": [{"job_id": "a", "created_at": 1e999}]}'), readable=True
    ),
    "listed-time-digits": HostileAnswer(
        "int()", http(b'{"jobs": [{"job_id": "a", "created_at": ' + b"9" * 9999 + b"}]}")
    ),
    "listed-empty-objects": HostileAnswer(
        "memory, by millions of mappings", http(b'{"jobs": [' + b"{}," * (2 * MEBIBYTE) + b"{}]}")
    ),
    "listed-300k-objects": HostileAnswer(
        "memory, within the size", http(b'{"jobs": [' + b"{}," * 300_000 + b"{}]}")
    ),
    "listed-lists": HostileAnswer(
        "memory, by lists", http(b'{"jobs":[' + b"[]," * 300_000 + b"0]}")
    ),
    "listed-deep": HostileAnswer("the parser's stack", http(b'{"jobs":' * 100_000)),
    "listed-astral": HostileAnswer(
        "memory, by wide letters", http(('{"jobs": "' + "\U0001f600" * 250_000 + '"}').encode())
    ),
    "listed-cut": HostileAnswer("a list cut in its middle", http(_jobs(_LISTED)[-60:-3])),
    "listed-twice": HostileAnswer("two lists", http(b'{"jobs": [{"job_id": "a"}], "jobs": 1}')),
}


def _shown(**fields: object) -> bytes:
    return as_json({"job_id": ID, "job_type": "node_upgrade", **fields})


SHOWN = {
    "shown": HostileAnswer(
        "nothing: the good case",
        _shown(status="Running", tasks=[{"status": "Running"}]),
        readable=True,
    ),
    "shown-nothing": HostileAnswer("all left out", as_json({}), readable=True),
    "shown-status": HostileAnswer("a status of 9,999", _shown(status="S" * 9999), readable=True),
    "shown-status-line": HostileAnswer("its lines", _shown(status="a\nb"), readable=True),
    "shown-tasks-text": HostileAnswer("letters for tasks", _shown(tasks="abc"), readable=True),
    "shown-tasks-null": HostileAnswer("no tasks", _shown(tasks=[None, 1]), readable=True),
    "shown-reasons": HostileAnswer(
        "a thousand long reasons",
        _shown(tasks=[{"status": "Failed", "reason": f"{n}" * 500} for n in range(1000)]),
        readable=True,
    ),
    "shown-reason-escape": HostileAnswer(
        "the terminal",
        _shown(tasks=[{"status": "Failed", "reason": "\x1b]0;x\x07\u202e"}]),
        readable=True,
    ),
    "shown-task-data": HostileAnswer(
        "what is compared", _shown(task_data="[" * 99_999, tasks=[{"reason": "x"}]), readable=True
    ),
    "shown-million": HostileAnswer("memory", http(b'{"tasks": [' + b"{}," * 1_000_000 + b"{}]}")),
}
