"""What the log last said of its checkpoints: up to which record nothing new was recorded since.

log.checkpointed, log.checkpoint_failed    of the head before it: that, up to this record
function.started, log.rolled               say nothing new: an instance that starts cold, or a
segment that ends, makes no other checkpoint due
anything else                              is new
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from handler.audit.record import integer, part
from handler.values.named_tuple import NamedTuple

if TYPE_CHECKING:
    from handler.audit.record import Fields

_SAID = frozenset({"log.checkpointed", "log.checkpoint_failed"})
_NOTHING_NEW = frozenset({"function.started", "log.rolled"})

CONFIRMING = _SAID | _NOTHING_NEW
"""The actions that may change what the log says of the latest checkpoint."""


class Confirmation(NamedTuple):
    """What the log says of the latest checkpoint, and up to where nothing new was recorded since.

    Attributes:
        action: `log.checkpointed`, `log.checkpoint_failed`, or "" for neither.
        seq: The number of the last record up to which nothing new was recorded.
        at: When the checkpoint was recorded, a timestamp.
    """

    action: str = ""
    seq: int = 0
    at: str = ""


def fold_confirmation(before: Confirmation, fields: Fields) -> Confirmation:
    """Return what the log says of the latest checkpoint after one more record."""
    action, seq = str(fields["action"]), integer(fields["seq"])
    if action in _SAID and part(fields, "checkpoint")["size"] == seq - 1:
        return Confirmation(action, seq, str(fields["at"]))
    if action in _NOTHING_NEW and before.action and before.seq == seq - 1:
        return Confirmation(before.action, seq, before.at)
    return before
