"""The rows of one transaction: read once, and written only where they differ."""

from __future__ import annotations

from typing import Any

from handler.audit.job_state import JobState
from handler.audit.sql.rows import delivery_row, job_from_row, job_row
from handler.audit.sql.state_rows import StateRows
from handler.audit.state import DeliveryState

JOB = JobState("j", "d", 1, "nightly", "node_upgrade", "sending", attempt=1)
DELIVERY = DeliveryState("d", "timer", "timer:nightly", "planned", changed=3)


class Tables:
    """Two tables with one row each; notes the statements that write."""

    def __init__(self) -> None:
        self.written: list[tuple[str, tuple[Any, ...]]] = []

    def execute(self, sql: str, values: Any = (), /) -> list[tuple[Any, ...]]:  # noqa: ANN401 - any row
        """Answer a question for a known key with its row."""
        if not sql.startswith("SELECT"):
            self.written.append((sql, tuple(values)))
            return []
        if "FROM jobs" in sql:
            return [job_row(JOB)[:-2]] if tuple(values) == ("j",) else []
        return [delivery_row(DELIVERY)] if tuple(values) == ("d",) else []


def test_a_changed_row_is_written_in_the_columns_that_differ() -> None:
    """What an index holds of the others stays as it is: an update of it is a page to be synced."""
    tables = Tables()
    rows = StateRows(tables.execute)
    job = rows.job("j")
    delivery = rows.delivery("d")
    assert job
    assert delivery
    rows.put_job(job._replace(state="created", job_id="1"))
    rows.put_delivery(delivery._replace(changed=4))
    rows.write()
    assert tables.written == [
        ("UPDATE deliveries SET changed = ? WHERE key = ?", (4, "d")),
        (
            "UPDATE jobs SET state = ?, job_id = ?, todo = ?, shown = ? WHERE key = ?",
            ("created", "1", "follow", "created", "j"),
        ),
    ]


def test_several_changes_of_a_row_are_one_statement() -> None:
    """And one that ends where it began is none."""
    tables = Tables()
    rows = StateRows(tables.execute)
    rows.put_job(JOB._replace(attempt=2))
    rows.put_job(JOB._replace(attempt=3))
    rows.put_delivery(DELIVERY._replace(changed=4))
    rows.put_delivery(DELIVERY)
    rows.write()
    assert tables.written == [("UPDATE jobs SET attempt = ? WHERE key = ?", (3, "j"))]
    rows.put_job(JOB._replace(attempt=3))
    rows.write()
    assert len(tables.written) == 1


def test_a_new_row_is_inserted() -> None:
    """Deliveries first, since jobs refer to them."""
    tables = Tables()
    rows = StateRows(tables.execute)
    rows.put_job(JOB._replace(key="new"))
    rows.put_delivery(DELIVERY._replace(key="new"))
    rows.write()
    assert [sql.split("(")[0] for sql, _ in tables.written] == [
        "INSERT INTO deliveries ",
        "INSERT INTO jobs ",
    ]


def test_a_row_is_the_state_that_it_was_made_of() -> None:
    """A yes or no is a number in the table, and not in the state."""
    job = JOB._replace(doubtful=True, paused=False)
    row = job_row(job)[:-2]
    assert not [value for value in row if isinstance(value, bool)]
    again = job_from_row(row)
    assert again == job
    assert (again.doubtful, again.paused) == (True, False)
    assert isinstance(again.doubtful, bool)
