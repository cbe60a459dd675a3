"""Compares the end of the log with its checkpoints, and holds sending where it was lost.

A database that was put back from an older copy, or a segment that is gone, leaves a valid log that
does not know what it recorded since. What runs may be started again then, by a scan of the bucket
above all; only the checkpoints, which are kept elsewhere, can tell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from handler.audit.checkpoints.checkpoint import ahead_of, log_origin
from handler.errors import CloudError
from handler.invocation.checkpoint_writer import checkpoint_store
from handler.jobs.hold import hold_cut_off
from handler.values.canonical_json import moment

if TYPE_CHECKING:
    from handler.invocation.invocation import Invocation


def hold_if_cut_off(invocation: Invocation) -> str:
    """Hold sending if a checkpoint of this log is of a record that it does not have.

    It costs one request where checkpoints are in OBS, however many there are. A record that
    another instance appends meanwhile is no loss: it is in the log when the hold is decided.

    Returns:
        What a person must know; "" if nothing was lost, or if that is on record already.

    Raises:
        LogError: The log could not be read or written.
    """
    first, head, known = invocation.log.read(
        lambda view: (view.first, view.head, view.cut_off), fresh=False
    )
    if first is None or not invocation.request_fits():
        return ""
    since = moment(max(known, str(first.fields["at"])))
    try:
        store = checkpoint_store(invocation.settings.checkpoints, invocation.obs)
        ahead = ahead_of(log_origin(first.hash), head, since, store)
    except (CloudError, OSError) as error:
        wrong = f"the end of the log was not compared with its checkpoints: {error}"
        return f"{wrong}; `nightdrop doctor` says what is missing there"
    return invocation.log.commit(hold_cut_off(ahead)).value if ahead else ""
