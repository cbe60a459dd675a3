"""The end of a segment: an index of the state, a record that names it, and on to the next one."""

from __future__ import annotations

import uuid
from contextlib import suppress
from typing import TYPE_CHECKING

from handler.audit.objects.append_position import ROLLED
from handler.audit.objects.record_lines import line_of
from handler.audit.objects.snapshot import build_snapshot, digest_of, index_name, table_name
from handler.audit.objects.snapshot_pointer import LATEST, hint_of
from handler.audit.record import Draft, seal
from handler.errors import CloudError, LogError

if TYPE_CHECKING:
    from datetime import datetime

    from handler.audit.objects.object_store import ObjectStore
    from handler.audit.objects.replica import Replica
    from handler.audit.objects.retry_policy import RetryPolicy


def rotate(objects: ObjectStore, replica: Replica, patience: RetryPolicy, now: datetime) -> bool:
    """End the last segment; whoever reads on then goes to the next one.

    An index that cannot be written is done without: a cold start then reads further back.

    Args:
        objects: The log's objects.
        replica: The state at the end of the segment.
        patience: How long the index may take.
        now: The store's clock.

    Returns:
        False if somebody was first, with the end or with something else.

    Raises:
        CloudError: Whether it is ended is not known.
    """
    tail = replica.tail
    try:
        index = _indexed(objects, replica, patience)
    except LogError:
        index = b""
    digest = digest_of(index) if index else ""
    draft = Draft(
        action=ROLLED,
        outcome="success",
        request={"operation": "index", "digest": digest} if digest else {},
        note=f"segment {tail.segment} ends here",
    )
    record = seal(draft, tail.head, at=now, commit=uuid.uuid4().hex)
    if not objects.append(tail.name, tail.position, line_of(record)):
        return False
    # What was just written need not be read back.
    replica.end_segment(line_of(record), index)
    if digest:
        with suppress(CloudError):
            objects.write(LATEST, hint_of(tail.segment))
    return True


def _indexed(objects: ObjectStore, replica: Replica, patience: RetryPolicy) -> bytes:
    """Write the index, and the table before it, and return the index."""
    number = replica.tail.segment
    made = build_snapshot(replica.state, replica.tail, replica.index)
    digest = digest_of(made.data)
    if made.table:
        name = table_name(number, digest_of(made.table))
        patience.retry(objects.place, lambda: objects.write(name, made.table))
    patience.retry(objects.place, lambda: objects.write(index_name(number, digest), made.data))
    return made.data
