"""States and records as rows of their tables, and back."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any

from handler.audit.job_end import shown_state
from handler.audit.job_state import UNSETTLED, JobState
from handler.audit.record import Record
from handler.audit.sql.value_list import ANY, rows_for
from handler.audit.state import DeliveryState

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from handler.audit.sql.view import Execute

JOB_COLUMNS = JobState._fields
"""The columns of `jobs` with the fields of a job."""

_PAGE = 1000
_FLAGS = tuple(map(JOB_COLUMNS.index, ("doubtful", "paused")))
"""The places of the columns that hold 0 or 1 for a yes or no."""

JOB_ROW = (*JOB_COLUMNS, "todo", "shown")
"""All columns of `jobs`; the last two follow from the others."""

DELIVERY_COLUMNS = tuple(name for name in DeliveryState._fields if name != "jobs")
"""The columns of `deliveries`."""

delivery_row = attrgetter(*DELIVERY_COLUMNS)
"""Returns the values of a delivery for `PUT_DELIVERY`."""


def job_row(job: JobState) -> tuple[object, ...]:
    """Return the values of a job for `PUT_JOB`."""
    values: list[object] = [*job, _todo(job), shown_state(job)]
    for place in _FLAGS:
        values[place] = int(bool(values[place]))
    return tuple(values)


def _todo(job: JobState) -> str:
    if job.operation:
        return "operate"
    if job.followed:
        return "follow"
    if job.state in UNSETTLED:
        return "settle"
    return "nothing" if job.final else "send"


def job_from_row(row: tuple[Any, ...]) -> JobState:
    """Return the job of a row with `JOB_COLUMNS`."""
    values = list(row)
    for place in _FLAGS:
        values[place] = bool(values[place])
    return JobState._make(values)


def paged(page_after: Callable[[int, int], list[Record]], after: int = 0) -> Iterator[Record]:
    """Yield all records with a larger number than `after`, read in pages.

    Args:
        page_after: Returns the records after a number, at most so many.
        after: The number.
    """
    # A caller that needs only the first record does not wait for a whole page.
    size = 1
    while page := page_after(after, size):
        yield from page
        after, size = page[-1].seq, _PAGE


def records_of(execute: Execute, key: str, deliveries: Collection[str]) -> list[Record]:
    """Return the records of some deliveries, in order.

    From the first to the last record of each delivery the table is read, and all of it for those
    that were forgotten. Of one that was forgotten and came again, the records since then are
    returned.

    Args:
        execute: Runs a statement.
        key: The SQL expression for the key of the delivery in the column `record`.
        deliveries: Their keys.
    """
    # Every name that is put into a statement is one of the schema's own.
    known = f"""
SELECT deliveries.key, records.seq, records.hash, records.record FROM deliveries
JOIN records ON records.seq BETWEEN deliveries.first_seq AND deliveries.last_seq
WHERE deliveries.key IN {ANY} AND {key} = deliveries.key"""  # noqa: S608 - see above
    rows = rows_for(execute, known, list(deliveries))
    forgotten = set(deliveries) - {row[0] for row in rows}
    if forgotten:
        every = f"SELECT '', seq, hash, record FROM records WHERE {key} IN {ANY}"  # noqa: S608 - same
        rows += rows_for(execute, every, sorted(forgotten))
    return sorted(Record(*row[1:]) for row in rows)
