"""Fuzz target: events, from the check of their size and form to deliveries and the screening."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from handler.errors import EventRejectedError, RejectedError
from handler.parsing import Limits, check_event
from handler.triggers.delivery import Action, Delivery
from handler.triggers.event_parser import Watched, filter_delivery, parse_event
from handler.values.canonical_json import canonical
from tests.fuzz.engine import run

if TYPE_CHECKING:
    from handler.triggers.delivery import InvalidEntry

SAMPLES = Path(__file__).parents[2] / "events"
LONGEST_MESSAGE = 4_000
LONGEST_SOURCE = 8_000
MOST = 101


def target(data: bytes) -> None:
    """Recognise an event; either it is refused in few words, or its deliveries can be recorded."""
    try:
        event: object = json.loads(data)
    except (ValueError, RecursionError):
        event = data.decode("utf-8", "surrogateescape")
    for keys in ("encoded", "raw"):
        try:
            found = parse_event(
                check_event(event, Limits()), eventgrid_keys="raw" if keys == "raw" else "encoded"
            )
        except EventRejectedError as error:
            _assert_short(error)
            continue
        if isinstance(found, Action):
            continue
        assert 0 < len(found) <= MOST
        for one in found:
            _assert_recordable(one)


def _assert_recordable(one: Delivery | InvalidEntry) -> None:
    assert len(one.key) == 52
    assert len(canonical(dict(one.source))) <= LONGEST_SOURCE
    if not isinstance(one, Delivery):
        assert len(str(one.problem)) <= LONGEST_MESSAGE
        return
    canonical(dict(one.actor))
    assert Delivery.from_json(one.to_json()) == one
    try:
        ignored = filter_delivery(one, Watched(("nightdrop-drop",), "drop/", None))
    except EventRejectedError as error:
        _assert_short(error)
    else:
        assert ignored is None or ignored.reason


def _assert_short(error: RejectedError) -> None:
    assert error.problems
    assert "Traceback" not in str(error)
    assert all(len(str(problem)) <= LONGEST_MESSAGE for problem in error.problems)


if __name__ == "__main__":
    run(target, [file.read_bytes() for file in sorted(SAMPLES.glob("*.json"))])
