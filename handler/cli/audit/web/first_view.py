"""What waits, what runs and what failed, as the page's first view: taken when its copy is made."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from handler.audit.open_log import SQLITE
from handler.audit.sql.sqlite_reading import ReadOnlySqliteLog
from handler.cli.console import printable, prose
from handler.cli.existing_log import open_existing
from handler.cli.rollouts.rollout_row import operator_times
from handler.cli.status.fleet_progress import ask_progress
from handler.cli.status.overview import overview_of
from handler.errors import NightdropError
from handler.values.canonical_json import timestamp

if TYPE_CHECKING:
    from pathlib import Path

    from handler.audit.log import View
    from handler.cli.status.overview import Entry, Overview
    from handler.cli.status.recent_rollouts import RecentRollout

_WRITE = "CREATE TABLE first_view (content TEXT NOT NULL)"
_KINDS = ("waiting", "running", "failed")

_RANKS = {"approval": 0, "paused": 0, "stopped": 2, "finished": 2}
"""By what a rollout waits for: those first that wait for a person, last those that have ended."""
_INSERT = "INSERT INTO first_view (content) VALUES (?)"


def write_first_view(address: str, copy: Path) -> None:
    """Write the first view of the log at an address into the page's copy, or why there is none.

    The log is not changed: one of another layout has none. IEF is asked for some seconds about
    what runs; if it does not answer, the view says why.
    """
    with closing(sqlite3.connect(copy)) as database, database:
        database.execute(_WRITE)
        database.execute(_INSERT, (json.dumps(_content(address)),))


def _content(address: str) -> dict[str, Any]:
    try:
        overview = _read(address)
    except (NightdropError, LookupError) as error:
        return {"missing": prose(error.args[0] if error.args else error)}
    seen, problem = ask_progress(overview)
    ticks = [tick._replace(timer=printable(tick.timer))._asdict() for tick in seen.ticks]
    rollouts = [_rollout(one, seen.at) for one in seen.rollouts]
    texts = ("last_day", "last_checkpoint", "last_examination", "held", "suspended")
    return {
        "at": seen.at,
        "problem": prose(problem),
        "ticks": ticks,
        "rollouts": sorted(rollouts, key=itemgetter("rank")),
        **{name: prose(getattr(seen, name)) for name in texts},
        **{kind: list(map(_entry, getattr(seen, kind))) for kind in _KINDS},
    }


def _entry(entry: Entry) -> dict[str, Any]:
    """Return an entry whose texts are safe to show; templates escape the rest."""
    texts = {"name": printable(entry.name), "note": prose(entry.note)}
    return {**entry._asdict(), **texts, "progress": entry.progress._asdict()}


def _rollout(recent: RecentRollout, at: str) -> dict[str, Any]:
    """Return a rollout whose texts are safe to show."""
    rollout, counts, waiting = recent.standing
    return {
        "key": rollout.key,
        "delivery": rollout.delivery,
        "name": printable(rollout.name),
        "state": rollout.state,
        "rank": _RANKS.get(waiting.word, 1),
        "wave": rollout.wave,
        "ends": rollout.wave_ends,
        "nodes": rollout.nodes,
        "counts": counts._asdict(),
        "percent": 100 * (rollout.nodes - counts.pending - counts.running) // rollout.nodes,
        "waits": prose(waiting.text or rollout.note),
        "next": timestamp(waiting.until) if waiting.until else "",
        "seen_until": rollout.changed_at if rollout.ended else at,
        "reasons": [(prose(reason), nodes) for reason, nodes in recent.reasons],
    }


def _read(address: str) -> Overview:
    """Return the overview of a log; a SQLite file is only read, at one moment.

    Raises:
        LogError: The log cannot be read, or is in a SQLite file of another layout.
        LookupError: It is empty.
    """
    times = operator_times()

    def overview(view: View) -> Overview:
        if not view.head.seq:
            raise LookupError("the log is empty; run the function once")
        return overview_of(view, times)

    if address.startswith(SQLITE):
        return ReadOnlySqliteLog(address.removeprefix(SQLITE)).read(overview)
    with open_existing(address) as log:
        return log.read(overview)
