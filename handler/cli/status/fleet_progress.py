"""How far the running jobs of an overview are, as IEF shows it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from handler.audit.job_state import FOLLOWED
from handler.cli.jobs.job_row import fleet_word, progress_listed
from handler.errors import NightdropError
from handler.values.canonical_json import moment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from handler.cli.status.overview import Entry, Overview
    from handler.cloud.ief.client import ListedJob

_SLACK = timedelta(minutes=5)


def ask_progress(overview: Overview) -> tuple[Overview, str]:
    """Ask IEF for the progress of what runs; without running jobs, nothing is asked.

    Returns:
        The overview, its running jobs with the status and progress that IEF shows; and why IEF
        was not asked, or "".
    """
    if not overview.running:
        return overview, ""
    from handler.cli.jobs.fleet import listed_since

    try:
        earliest = min(moment(entry.since) for entry in overview.running)
        listed = listed_since(earliest - _SLACK)
    except NightdropError as error:
        return overview, f"IEF is not asked: {error}"
    running = tuple(_with_progress(entry, listed) for entry in overview.running)
    return replace(overview, running=running), ""


def _with_progress(entry: Entry, listed: Mapping[str, ListedJob]) -> Entry:
    if entry.job_id not in listed:
        return entry
    progress = progress_listed(listed[entry.job_id])
    word = fleet_word(progress) if entry.state in FOLLOWED else ""
    return entry._replace(state=word or entry.state, progress=progress)
