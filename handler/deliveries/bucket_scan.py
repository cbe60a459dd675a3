"""The bucket scan: finds files in the watched place whose notification never came.

    listed      so many keys, from where the last scan was cut, in their order
    recent      written within `valid_for`: an older file would not be run any more
    unseen      not read, and not rejected, since it was written
    to run      not older than the log, or than `NIGHTDROP_SWEEP_FROM`

A scan is bounded in objects and requests. Where it was cut is recorded, and the next scan continues
there; after the last key it starts from the first. A scan of a whole bucket records nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from handler.audit.log import Decision
from handler.audit.record import Draft
from handler.cloud.obs.listing import REPLACED
from handler.errors import EventRejectedError
from handler.triggers.event_parser import Watched, filter_delivery
from handler.triggers.object_storage import discovered_object
from handler.values.canonical_json import moment, timestamp
from handler.values.display import display
from handler.values.object_names import LONGEST_KEY

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from handler.audit.log import Decide, ScanState, View
    from handler.audit.record import Outcome
    from handler.audit.state import DeliveryState
    from handler.cloud.obs.listing import ListedObject
    from handler.invocation.invocation import Invocation
    from handler.triggers.delivery import Delivery

MOST_OBJECTS = 10_000
"""How many objects of one bucket one scan looks at."""

_MOST_PAGES = 20
"""How many requests it makes for them."""

_AT_ONCE = 500  # objects that the log is asked about in one transaction
_MOST_SKEW = timedelta(minutes=15)  # OBS refuses requests of clocks that are further off


@dataclass(frozen=True)
class Scan:
    """What a scan of a bucket found.

    Attributes:
        bucket: The bucket's name.
        before: Where the previous scan stopped, and what was recorded about old files.
        position: The last key it looked at, if there are more; else "".
        found: The deliveries to run, in the order of the keys.
        outdated: How many files it passed over because they were written before `limit`.
        limit: Before when files are not run; None if that did not matter.
    """

    bucket: str
    before: ScanState
    position: str
    found: tuple[Delivery, ...] = ()
    outdated: int = 0
    limit: datetime | None = None

    @property
    def unsaid(self) -> str:
        """The limit that files were passed over for, if that was not said before; else ""."""
        limit = timestamp(self.limit) if self.limit and self.outdated else ""
        return "" if limit == self.before.limit else limit


def scan(bucket: str, before: ScanState, invocation: Invocation) -> Scan:
    """Find files without a notification, from where the scan before it has stopped.

    Raises:
        CloudError: The bucket cannot be listed.
        LogError: The log could not be read.
    """
    listed, position = _listed(bucket, before.position, invocation)
    unseen, stopped_at = _unseen(_dropped(bucket, listed, invocation), invocation)
    position = stopped_at or position
    unseen = _untouched(unseen, invocation) if unseen else []
    if not unseen:
        return Scan(bucket, before, position)
    limit = _limit(invocation)
    found = tuple(one for one in unseen if one.fired_at and one.fired_at >= limit)
    return Scan(bucket, before, position, found, len(unseen) - len(found), limit)


def scanned(scan: Scan, position: str) -> Decide[tuple[str, ...]]:
    """Decide to record where a scan was cut and what it passed over; answers new warnings.

    Args:
        scan: What it found.
        position: The last key that is dealt with; "" if that is all of them.
    """

    def decide(view: View) -> Decision[tuple[str, ...]]:
        now = view.scan(scan.bucket)
        drafts = []
        if position and position != now.position:
            note = cut_note(scan.bucket, position)
            drafts.append(_draft("scan.paused", scan, key=position, note=note))
        elif now.position and not position:
            drafts.append(_draft("scan.completed", scan))
        if scan.unsaid in {"", now.limit}:
            return Decision((), tuple(drafts))
        note = _outdated_note(scan)
        drafts.append(_draft("scan.limited", scan, time=scan.unsaid, note=note))
        return Decision((note,), tuple(drafts))

    return decide


def _draft(action: str, scan: Scan, *, note: str = "", **source: str) -> Draft:
    outcome: Outcome = "pending" if action == "scan.paused" else "success"
    where = {"bucket": scan.bucket, **source}
    return Draft(action, outcome, source=where, note=note)


def cut_note(bucket: str, position: str) -> str:
    """Return the sentence that tells where a scan was cut."""
    return (
        f"the scan of bucket {bucket} for missed files stopped after "
        f'"{display(position)}"; the next run continues there. Remove old files from the watched '
        "place, best by a life-cycle rule of the bucket"
    )


def _listed(bucket: str, began: str, invocation: Invocation) -> tuple[list[ListedObject], str]:
    """Return what one scan looks at, and the last of its keys if there are more."""
    listed: list[ListedObject] = []
    pages = invocation.obs.list_pages(bucket, invocation.settings.prefix, after=began)
    for number, page in enumerate(pages, start=1):
        listed += page.objects
        if not page.truncated:
            break
        if number >= _MOST_PAGES or len(listed) >= MOST_OBJECTS or not invocation.request_fits():
            return listed, listed[-1].key if listed else ""
    return listed, ""


def _dropped(bucket: str, listed: Sequence[ListedObject], invocation: Invocation) -> list[Delivery]:
    """Return the deliveries of what was written lately and asks for something."""
    recent = invocation.obs.clock() - timedelta(seconds=invocation.settings.valid_for)
    found = [
        discovered_object(bucket, one.key, etag=one.etag, modified_at=one.modified_at)
        for one in listed
        if one.modified_at > recent
        and len(one.key.encode()) <= LONGEST_KEY
        and REPLACED not in one.key
    ]
    return [one for one in found if not _is_ignored(one, invocation)]


def _unseen(dropped: Sequence[Delivery], invocation: Invocation) -> tuple[list[Delivery], str]:
    """Return what was never looked at, and the last key that was asked about if time ran out."""
    unseen: list[Delivery] = []
    for start in range(0, len(dropped), _AT_ONCE):
        if start and not invocation.request_fits():
            return unseen, str(dropped[start - 1].source["key"])
        unseen += invocation.log.read(
            partial(_filtered, dropped[start : start + _AT_ONCE]), fresh=False
        )
    return unseen, ""


def _filtered(dropped: Sequence[Delivery], view: View) -> list[Delivery]:
    """Return what was never looked at.

    What awaits an approval was, whatever became since of an earlier upload of the same object.
    """
    unseen = [one for one in dropped if not _is_seen(one, view)]
    undecided = view.undecided([one.subject for one in unseen])
    waiting = [one for one in undecided if one.state == "awaiting"]
    return [one for one in unseen if not any(_has_seen(each, one) for each in waiting)]


def _is_ignored(found: Delivery, invocation: Invocation) -> bool:
    try:
        return bool(filter_delivery(found, Watched.of(invocation.settings)))
    except EventRejectedError:
        return False  # to be rejected, once and on record


def _untouched(unseen: Sequence[Delivery], invocation: Invocation) -> list[Delivery]:
    """Return what no other instance has read meanwhile, or is about to read.

    An object whose delivery was received is left to it: it is resumed and reads what is there.
    """
    unseen, left = invocation.log.read(
        lambda view: (_filtered(unseen, view), view.undecided([one.subject for one in unseen]))
    )
    received = [one for one in left if one.state == "received"]
    bodies = invocation.log.bodies([one.key for one in received])
    resumed = {one.subject for one in received if one.key in bodies}
    return [one for one in unseen if one.subject not in resumed]


def _is_seen(found: Delivery, view: View) -> bool:
    """Return whether an object was read, or rejected, since it was last written.

    Only that counts: an event that was ignored looked at nothing, whatever it was about.
    """
    if view.delivery(found.key):
        return True
    latest = view.latest_read(found.subject)
    return latest is not None and _has_seen(latest, found)


def _has_seen(latest: DeliveryState, found: Delivery) -> bool:
    """Return whether a delivery that was read or rejected had the object as it is now."""
    if latest.subject != found.subject or found.fired_at is None:
        return False
    is_later = _looked_at(latest) >= found.fired_at
    return is_later and (not latest.etag or latest.etag == found.source["etag"])


def _looked_at(latest: DeliveryState) -> datetime:
    """Return when an object was read or rejected, by OBS's clock where its event says so."""
    touched = moment(latest.touched_at)
    fired = moment(latest.fired_at) if latest.fired_at else touched
    return max(touched, min(fired, touched + _MOST_SKEW))


def _limit(invocation: Invocation) -> datetime:
    """Return before when files are not run: they lay there before anybody looked."""
    if invocation.settings.sweep_from:
        return invocation.settings.sweep_from
    first, now = invocation.log.read(lambda view: (view.first, view.now), fresh=False)
    began = moment(str(first.fields["at"])) if first else now
    return began.replace(microsecond=0)  # a listing tells whole seconds


def _outdated_note(scan: Scan) -> str:
    files = "1 file was" if scan.outdated == 1 else f"{scan.outdated} files were"
    return (
        f"{files} found in bucket {scan.bucket} without a notification, and not run, because "
        f"written before {scan.unsaid[:19]}Z; drop again what is wanted, or set "
        "NIGHTDROP_SWEEP_FROM to an earlier time"
    )
