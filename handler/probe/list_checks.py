"""What the list of jobs and its answers show; nothing is changed.

Sources of what is assumed: the API pages of ListBatchJob and ShowBatchJob, and "AK/SK
authentication" of API Gateway (a signature is valid for 15 minutes).
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from handler.cloud.http_transport import TOO_MANY
from handler.cloud.ief.answers import JOB_STATUSES
from handler.errors import ApiError, CloudError
from handler.probe.client import JOB_TYPES, PAGE
from handler.probe.fact import (
    LISTED_DESCRIPTION,
    SHOWN_DESCRIPTION,
    WINDOW,
    Fact,
    compared,
    settle_after_for,
    unseen,
)
from handler.probe.right_checks import right_fact
from handler.settings import LONGEST_FLIGHT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from handler.cloud.ief.client import ListedJob, ShownJob
    from handler.probe.client import ProbeClient

AGES = (300, 840, 960, 1200, 1800, 3600, 6 * 3600, 24 * 3600)
"""Seconds by which a signature's date is put back, until it is refused."""

AHEAD = 600
"""Seconds by which a signature's date is put ahead."""

_FORBIDDEN, _ERRORS = 403, 500
_TRIES = 3
_LATE = 960  # the first age after LONGEST_FLIGHT: it leaves room for the time on the way
_ASSUMED_WINDOW = f"refused {LONGEST_FLIGHT} s after its date"
_REFUSAL = "400 IEF.011005, or any 401 or 403"
_NO_JOB = "00000000-0000-4000-8000-000000000000"
_NONE = "the list has no job; probe again when there are some, or with --create-on"


def signature_facts(client: ProbeClient) -> Iterator[Fact]:
    """Yield how old a signature may be, how far ahead, and with which code it is refused."""
    accepted, refused = 0, None
    for age in AGES:
        error = client.dated(-age)
        if error is not None and not _is_refusal(error):
            yield unseen(WINDOW, _ASSUMED_WINDOW, f"unknown: {error}")
            return
        if isinstance(error, ApiError):
            refused = error
            yield _window(accepted, age)
            yield _refusal(refused)
            break
        accepted = age
    else:
        yield compared(
            WINDOW,
            _ASSUMED_WINDOW,
            f"still accepted {accepted} s after its date",
            same=False,
            change="a request may arrive at any time: jobs are never declared absent; settle them "
            "by hand, and ask the support of IEF",
        )
    yield _ahead(client.dated(AHEAD))


def _ahead(error: CloudError | None) -> Fact:
    name, assumed = "date ahead", f"accepted {AHEAD} s ahead"
    if error is not None and not _is_refusal(error):
        return unseen(name, assumed, f"unknown: {error}")
    return compared(
        name,
        assumed,
        f"refused: {error}" if error else assumed,
        same=error is None,
        change="keep clocks synchronised (NTP): a clock that is ahead gets every request refused",
    )


def _window(accepted: int, age: int) -> Fact:
    late = age > _LATE
    return compared(
        WINDOW,
        _ASSUMED_WINDOW,
        f"accepted {accepted} s after its date, refused {age} s after it",
        same=age == _LATE,
        change=f"NIGHTDROP_SETTLE_AFTER={settle_after_for(window=age)} or more"
        if late
        else f"keep clocks synchronised (NTP): one that is {age} s behind gets no request accepted",
        value=float(max(age, LONGEST_FLIGHT) if late else LONGEST_FLIGHT),
    )


def _is_refusal(error: CloudError) -> bool:
    return isinstance(error, ApiError) and error.status < _ERRORS and error.status != TOO_MANY


def _refusal(error: ApiError) -> Fact:
    return compared(
        "code of a refused signature",
        _REFUSAL,
        f"{error.status} {error.code or 'without a code'}",
        same=error.code == "IEF.011005" or error.status in {401, _FORBIDDEN},
        change="jobs that are refused because of a wrong key or clock count as refused "
        "permanently: deliver them again; report the code to Nightdrop's authors",
    )


def list_facts(client: ProbeClient) -> Iterator[Fact]:
    """Yield what the lists of all job types show, each from the type with the most jobs.

    Raises:
        CloudError: Jobs cannot be listed.
    """
    pages = {job_type: client.page(job_type, limit=PAGE) for job_type in JOB_TYPES}
    job_type = max(pages, key=lambda name: len(pages[name]))
    jobs = pages[job_type]
    yield _times(jobs)
    yield _order(jobs)
    yield _page_size(client, job_type, jobs)
    yield _offset(client, job_type, jobs)
    listed = [job for page in pages.values() for job in page]
    yield from _descriptions(client, listed)
    yield _statuses(listed)


def _times(jobs: Sequence[ListedJob]) -> Fact:
    name, assumed = "times in list", "seconds since 1970"
    if not jobs:
        return unseen(name, assumed, _NONE)
    strange = sum(not job.created_at for job in jobs)
    seen = f"{strange} of {len(jobs)} jobs have no time in seconds" if strange else assumed
    change = "nothing: the whole list is read, which takes longer"
    return compared(name, assumed, seen, same=not strange, change=change)


def _order(jobs: Sequence[ListedJob]) -> Fact:
    name, assumed = "list order", "newest first, as asked for"
    times = [job.created_at for job in jobs if job.created_at]
    if len(set(times)) < 2:  # noqa: PLR2004 - two show an order
        return unseen(name, assumed, "fewer than two jobs with different times are listed")
    sorted_down = all(a >= b for a, b in pairwise(times))
    seen = assumed if sorted_down else "another order"
    change = "nothing: the whole list is read, which takes longer"
    return compared(name, assumed, seen, same=sorted_down, change=change)


def _page_size(client: ProbeClient, job_type: str, jobs: Sequence[ListedJob]) -> Fact:
    name, assumed = "page size", f"{PAGE} jobs if {PAGE} are asked for"
    change = "nothing: the pages are read as they come, which takes longer"
    if not jobs:
        return unseen(name, assumed, _NONE)
    if len(jobs) != PAGE:
        more = client.page(job_type, limit=PAGE, offset=len(jobs))
        known = {job.job_id for job in jobs}
        if len(jobs) < PAGE and not [job for job in more if job.job_id not in known]:
            return unseen(name, assumed, f"only {len(jobs)} jobs are listed")
    return compared(
        name, assumed, f"{len(jobs)} jobs on a page", same=len(jobs) == PAGE, change=change
    )


def _offset(client: ProbeClient, job_type: str, jobs: Sequence[ListedJob]) -> Fact:
    name, assumed = "list offset", "counts jobs, so that pages overlap"
    if len(jobs) < 3:  # noqa: PLR2004 - the second page of two has another first job
        return unseen(name, assumed, "fewer than three jobs are listed")
    overlaps = any(_overlaps(client, job_type) for _ in range(_TRIES))
    return compared(
        name,
        assumed,
        assumed if overlaps else "the page at offset 1 does not begin with the second job",
        same=overlaps,
        change="a list of more than one page is never complete: settle unknown jobs by hand",
    )


def _overlaps(client: ProbeClient, job_type: str) -> bool:
    """Return whether a page begins with the second job; one created meanwhile would hide that."""
    first = client.page(job_type, limit=3)
    second = client.page(job_type, limit=2, offset=1)
    return [job.job_id for job in first[1:2]] == [job.job_id for job in second[:1]]


def _descriptions(client: ProbeClient, jobs: Sequence[ListedJob]) -> Iterator[Fact]:
    assumed = "returned"
    described = [job for job in jobs if job.description]
    job = next(iter(described or jobs), None)
    shown = _shown(client, job.job_id if job else _NO_JOB)
    yield right_fact("ief:batchjob:get", shown if isinstance(shown, CloudError) else None)
    text = "" if isinstance(shown, CloudError) else shown.description
    why = "no job has a description that is returned; --create-on tells" if jobs else _NONE
    if described:
        yield compared(LISTED_DESCRIPTION, assumed, "returned", same=True)
    else:
        fact = unseen(LISTED_DESCRIPTION, assumed, why)
        yield description_fact(LISTED_DESCRIPTION, text, "") if text else fact
    if job and isinstance(shown, CloudError):
        yield unseen(SHOWN_DESCRIPTION, assumed, str(shown))
    elif job and (described or text):
        yield description_fact(SHOWN_DESCRIPTION, job.description or text, text)
    else:
        yield unseen(SHOWN_DESCRIPTION, assumed, why)


def _shown(client: ProbeClient, job_id: str) -> ShownJob | CloudError:
    try:
        return client.call(lambda: client.ief.show_job(job_id))
    except CloudError as error:
        return error


def description_fact(name: str, expected: str, found: str) -> Fact:
    """Return whether a description came back."""
    same = found == expected
    seen = "returned" if same else ("returned, but changed" if found else "not returned")
    change = (
        "nothing: jobs are never declared absent; settle unknown ones by hand, and with "
        "`nightdrop jobs abandon`"
    )
    return compared(name, "returned", seen, same=same, change=change)


def _statuses(jobs: Sequence[ListedJob]) -> Fact:
    name, assumed = "status words", ", ".join(sorted(JOB_STATUSES))
    words = sorted({job.status for job in jobs})
    if not words:
        return unseen(name, assumed, _NONE)
    new = [word or "none" for word in words if word not in JOB_STATUSES]
    return compared(
        name,
        assumed,
        ", ".join(new or words),
        same=not new,
        change="a job with such a status is followed for a day, then its end is unknown; report "
        "the word to Nightdrop's authors",
    )
