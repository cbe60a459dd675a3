"""The longest reply, and the fewest records, for one event."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from handler.errors import DeliveriesError
from handler.runtime.response_limit import LONGEST_REPLY, LONGEST_TEXT, limited

if TYPE_CHECKING:
    from collections.abc import Callable

    from handler.emulator.server import Emulator

    Reply = dict[str, Any]
    Fire = Callable[[object], Reply]
    Drop = Callable[..., Any]
    Recorded = Callable[[], list[Reply]]

UPGRADE = b"kind: node_upgrade\nname: hall\ntargets: {nodes: [{id: node-1}]}\n"
MOST = 19_900


def test_a_small_reply_stays_as_it_is() -> None:
    """Nothing is left out of it."""
    answer: Reply = {"outcome": "submitted", "jobs": [{"a": 1}], "errors": ["e"], "head": {}}
    assert limited(answer) == answer


def test_each_list_of_a_large_reply_is_cut_and_the_rest_counted() -> None:
    """Its outcome and head stay."""
    answer: Reply = {
        "outcome": "partial",
        "deliveries": ["d"],
        "jobs": [{"job_name": "n" * 60, "document": number} for number in range(9000)],
        "errors": ["e" * 100] * 5000,
        "head": {"seq": 1},
    }
    cut = limited(answer)
    assert len(json.dumps(cut)) <= LONGEST_REPLY
    assert (cut["outcome"], cut["head"], cut["deliveries"]) == ("partial", {"seq": 1}, ["d"])
    assert cut["left_out"] == {"jobs": 8000, "errors": 4000}


def test_the_rollouts_of_a_large_reply_are_cut_too() -> None:
    """A run of the reconciler answers with each that it worked on."""
    rollouts = [{"name": "n" * 26, "note": "n" * 1000, "rollout": "r"}] * 1000
    answer: Reply = {"outcome": "submitted", "rollouts": rollouts, "head": {}}
    cut = limited(answer)
    assert len(json.dumps(cut)) <= LONGEST_REPLY
    assert cut["left_out"] == {"rollouts": 900}


def test_a_few_texts_that_are_too_long_together_are_left_out() -> None:
    """A character may take twelve bytes of JSON."""
    texts: Reply = {
        name: ["\N{GRINNING FACE}" * LONGEST_TEXT] * 10 for name in ("errors", "warnings")
    }
    cut = limited(texts)
    assert len(json.dumps(cut)) <= LONGEST_REPLY
    assert cut["left_out"] == {"errors": 7, "warnings": 7}


def test_one_long_text_is_cut() -> None:
    """With an ellipsis."""
    assert limited({"errors": ["x" * 9_000_000]}) == {"errors": ["x" * (LONGEST_TEXT - 1) + "…"]}


def test_many_bad_entries_are_answered_in_few_records_and_lines(
    fire: Fire, recorded: Recorded, lines: list[str]
) -> None:
    """A hundred of their own, and one that counts the rest."""
    began = time.process_time()
    reply = fire({"Records": [{} for _ in range(MOST)]})
    assert time.process_time() - began < 1
    assert reply["outcome"] == "rejected"
    assert len(reply["errors"]) == len(recorded()) == 101
    assert f"{MOST - 100} entries after the first 100" in reply["errors"][-1]
    assert len(lines) == 102
    assert max(map(len, lines)) < 60_000


def test_files_beyond_the_limit_of_entries_are_found_by_the_reconciler(
    emulator: Emulator, fire: Fire, drop: Drop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is lost by the limit."""
    monkeypatch.setattr("handler.triggers.object_storage.MAX_ENTRIES", 2)
    events = [drop(f"drop/{number}.yaml", UPGRADE) for number in range(5)]
    reply = fire({"Records": [event["Records"][0] for event in events]})
    assert "3 entries after the first 2" in reply["errors"][0]
    assert len(emulator.state.jobs) == 2
    fire({"action": "reconcile"})
    assert len(emulator.state.jobs) == 5


def test_the_error_of_many_objects_that_cannot_be_read_is_short(
    emulator: Emulator, fire: Fire, drop: Drop
) -> None:
    """The platform's failure notice quotes it; each object has its record."""
    emulator.faults.set([{"operation": "GetObject", "fault": "status", "status": 503}])
    events = [drop(f"drop/{number}{'k' * 900}.yaml", UPGRADE) for number in range(100)]
    with pytest.raises(DeliveriesError, match="100 of 100 deliveries") as caught:
        fire({"Records": [event["Records"][0] for event in events]})
    assert len(str(caught.value)) < 4000
    assert str(caught.value).endswith("; and 90 more")


def test_an_event_with_many_deep_faults_has_a_short_record(fire: Fire, recorded: Recorded) -> None:
    """The path of each fault could have a thousand characters."""
    value: Any = ["\ud800"] * 500
    for level in range(28):
        value = {f"{'k' * 38}{level}": value}
    assert fire({"Records": value})["outcome"] == "rejected"
    assert len(json.dumps(recorded())) < 40_000
