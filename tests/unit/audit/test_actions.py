"""The table of actions: complete, and nothing in it that the code does not name."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from handler.audit.actions import ACTIONS, DELIVERY_ACTIONS, FORGOTTEN
from handler.audit.job_state import JobWord, fold_job
from handler.audit.record import Draft
from handler.audit.state import DeliveryWord
from handler.triggers.delivery import EVENT_ACTIONS

HANDLER = Path(__file__).parents[3] / "handler"
_SUBJECTS = sorted({name.partition(".")[0] for name in ACTIONS})
_NAME = re.compile(rf'"((?:{"|".join(_SUBJECTS)})\.[a-z_]+)"')
_NO_RECORDS = {"function.answered", "notice.postponed", "log.jsonl"} | {*EVENT_ACTIONS}
"""Names of the same form: lines of the function's own log, a file, and what events ask for."""


def recorded() -> set[str]:
    """Return every action that the code names, but for the table's own."""
    paths = [path for path in HANDLER.rglob("*.py") if path.name != "actions.py"]
    paths = [path for path in paths if not {"cli", "emulator"} & set(path.parts)]
    return {name for path in paths for name in _NAME.findall(path.read_text(encoding="utf-8"))}


def test_every_action_that_is_recorded_is_in_the_table() -> None:
    """And the other way round."""
    assert (recorded() | {FORGOTTEN}) - _NO_RECORDS == set(ACTIONS)


def test_an_action_leads_a_delivery_to_a_possible_state() -> None:
    """To each of them, and to no other."""
    assert set(DELIVERY_ACTIONS.values()) == set(get_args(DeliveryWord))


OPERATED = {
    *("pausing", "paused", "resuming", "resumed", "retrying", "retried", "deleting", "deleted"),
    "unchanged",
}


def test_the_actions_of_jobs_are_their_states_and_those_that_change_none() -> None:
    """A contradiction, an end and an operation leave a job in its state."""
    words = {name.removeprefix("job.") for name in ACTIONS if name.startswith("job.")}
    assert words == {*get_args(JobWord), "doubted", "finished"} | OPERATED
    assert fold_job(None, Draft("job.created", "success").fields()) is None
