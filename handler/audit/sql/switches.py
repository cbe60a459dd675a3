"""Switches: named values of the state, such as why sending is held."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from handler.audit.confirmation import CONFIRMING, fold_confirmation
from handler.audit.record import part
from handler.audit.sql import statements
from handler.audit.state import fold_notices

if TYPE_CHECKING:
    from handler.audit.log import Switch
    from handler.audit.record import Fields
    from handler.audit.sql.view import SqlView

_SWITCHES: dict[str, tuple[Switch, bool]] = {
    "sending.held": ("hold", True),
    "sending.released": ("hold", False),
    "settling.suspended": ("suspension", True),
    "settling.released": ("suspension", False),
}
"""The actions that set a switch, its name, and whether they turn it on."""

CONTRADICTED = "contradicted:"
"""The prefix of the switches that hold the contradictions that are on record."""

_SCANS = {
    "scan.paused": ("scan", "key"),
    "scan.completed": ("scan", "key"),
    "scan.limited": ("scan_limit", "time"),
}
"""The actions about a bucket scan, the kind of switch each sets, and the field with its value."""

RELEASED = "released"
"""The row that holds the number of the latest record that released sending."""

CUT_OFF = "cut_off"
"""The row that holds when the log was last found to have lost its end."""

FORGOTTEN_UNTIL = "forgotten"
"""The row that holds the moment up to which closed deliveries are forgotten."""

EXAMINED = "examined"
"""The row that holds the time and the result of the latest examination of the deployment."""

CONFIRMATION = "checkpoint"
"""The row that holds the state of the latest checkpoint."""

NOTICES = "notices"
"""The row that holds the latest notices."""


def project_switches(view: SqlView, action: str, recorded: Fields) -> None:
    """Update the switches with one more record."""
    note = str(recorded.get("note", ""))
    if action in _SWITCHES:
        switch, on = _SWITCHES[action]
        view.execute(statements.PUT_SWITCH, (switch, note if on else ""))
    if action == "sending.held" and "checkpoint" in recorded:
        view.execute(statements.PUT_SWITCH, (CUT_OFF, str(recorded["at"])))
    if action == "sending.released":
        view.execute(statements.PUT_SWITCH, (RELEASED, str(recorded["seq"])))
    if action in _SCANS:
        (kind, field), source = _SCANS[action], part(recorded, "source")
        name, value = f"{kind}:{source['bucket']}", str(source.get(field, ""))
        view.execute(statements.PUT_SWITCH, (name, value))
    if action in CONFIRMING:
        _project_confirmation(view, recorded)
    if action.startswith("notice."):
        notices = fold_notices(view.notices, recorded)
        view.execute(statements.PUT_SWITCH, (NOTICES, json.dumps(notices._asdict())))
    if action == "deployment.examined":
        view.execute(statements.PUT_SWITCH, (EXAMINED, f"{recorded['at']} {note}"))
    _project_contradictions(view, action, note)


def _project_contradictions(view: SqlView, action: str, note: str) -> None:
    if action == "state.contradicted":
        view.execute(statements.PUT_SWITCH, (f"{CONTRADICTED}{note}", note))
    if action == "log.rebuilt":
        view.execute(statements.DELETE_SWITCHES, (len(CONTRADICTED), CONTRADICTED))


def _project_confirmation(view: SqlView, recorded: Fields) -> None:
    before = view.confirmation
    after = fold_confirmation(before, recorded)
    if after != before:
        view.execute(statements.PUT_SWITCH, (CONFIRMATION, json.dumps(after._asdict())))
