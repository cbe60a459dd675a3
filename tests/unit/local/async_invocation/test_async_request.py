"""The queue of asynchronous requests."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from handler.local.async_invocation.async_request import AsyncRequest, Queue

NOON = datetime(2026, 11, 23, 12, tzinfo=timezone.utc)


def numbered(number: int) -> AsyncRequest:
    """Return a request that is known by a number."""
    return AsyncRequest(str(number), "timer", "{}", NOON)


def test_nothing_is_taken_before_it_is_due() -> None:
    """The queue says when to come again."""
    queue, later = Queue(), NOON + timedelta(seconds=5)
    queue.put(numbered(1), later)
    assert queue.take(NOON) is None
    assert queue.due() == later
    assert queue.take(later) == numbered(1)


def test_an_empty_queue_has_nothing_due() -> None:
    """There is no moment to wait for."""
    queue = Queue()
    assert (queue.take(NOON), queue.due(), len(queue)) == (None, None, 0)


@given(st.lists(st.integers(0, 5)))
def test_requests_come_in_the_order_they_are_due_and_then_in_which_they_came(
    waits: list[int],
) -> None:
    """A stable order."""
    queue = Queue()
    for number, wait in enumerate(waits):
        queue.put(numbered(number), NOON + timedelta(seconds=wait))
    end = NOON + timedelta(seconds=9)
    taken = [int(request.request_id) for _ in waits if (request := queue.take(end))]
    assert taken == sorted(range(len(waits)), key=lambda number: waits[number])
