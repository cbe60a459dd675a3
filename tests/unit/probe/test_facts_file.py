"""What the function makes of the facts: more care, never less."""

from __future__ import annotations

import json
from itertools import permutations, product
from typing import TYPE_CHECKING

import pytest

from handler.errors import NightdropError, SettingsError
from handler.probe.fact import (
    LAG,
    LISTED_DESCRIPTION,
    SHOWN_DESCRIPTION,
    WINDOW,
    Fact,
    FactVerdict,
    compared,
    merged,
    unseen,
)
from handler.probe.facts_file import (
    Caution,
    apply_facts,
    caution_of,
    caution_warnings,
    load_facts,
)
from handler.probe.report import facts_document, to_json
from handler.settings import LONGEST_FLIGHT, Settings

if TYPE_CHECKING:
    from pathlib import Path

    from handler.cloud.obs.client import Obs
    from handler.emulator.server import Emulator

AT, HOST = "2026-11-26T03:04:05Z", "ief.example.com"
VERDICTS: tuple[FactVerdict, ...] = ("as assumed", "differs", "not seen")


def no_obs() -> Obs:
    """Fail: nothing is read from OBS."""
    raise AssertionError


def settings(path: object, settle_after: int = 1200) -> Settings:
    """Return settings that name a file of facts."""
    given = {"project_id": "p", "audit": "sqlite:///a.db", "facts": str(path)}
    return Settings.model_validate({**given, "settle_after": settle_after})


def test_facts_only_add_caution(tmp_path: Path) -> None:
    """Whatever a file says, nobody waits for less than the settings ask."""
    names = (WINDOW, LAG, LISTED_DESCRIPTION, SHOWN_DESCRIPTION, "list order")
    for name, verdict, value in product(names, VERDICTS, (None, 0.0, 1.0, 5000.0)):
        path = tmp_path / "facts.json"
        path.write_text(to_json([Fact(name, "a", "b", verdict, "", value)], AT, HOST))
        adjusted, _ = apply_facts(settings(path, 1300), no_obs)
        assert adjusted.settle_after >= 1300


def test_no_setting_changes_nothing() -> None:
    """The documentation is relied on."""
    given = settings("")
    assert apply_facts(given, no_obs) == (given, Caution())


def test_what_is_as_assumed_leaves_the_defaults() -> None:
    """15 minutes, and five for the list."""
    facts = [
        compared(WINDOW, "", "", same=True, value=float(LONGEST_FLIGHT)),
        compared(LAG, "", "", same=True, value=3.0),
        compared(LISTED_DESCRIPTION, "", "", same=True),
    ]
    assert (caution_of(facts).settle_after, caution_of(facts).absent_doubt) == (1200, "")


def test_a_longer_window_and_a_longer_lag_are_waited_for(tmp_path: Path) -> None:
    """The age that was refused, and twice the lag; a warning says so."""
    facts = [
        compared(WINDOW, "", "", same=False, value=1800.0),
        compared(LAG, "", "", same=False, value=400.5),
    ]
    path = tmp_path / "facts.json"
    path.write_text(to_json(facts, AT, HOST))
    given = settings(path)
    adjusted, caution = apply_facts(given, no_obs)
    assert (adjusted.settle_after, caution.absent_doubt) == (2601, "")
    assert "2601 s are used" in caution_warnings(given, caution)[0]


@pytest.mark.parametrize("name", [WINDOW, LAG, LISTED_DESCRIPTION, SHOWN_DESCRIPTION])
def test_what_has_no_limit_leaves_no_job_absent(name: str) -> None:
    """Nothing is long enough to wait for."""
    assert caution_of([compared(name, "", "", same=False)]).absent_doubt
    assert not caution_of([unseen(name, "", "")]).absent_doubt
    assert not caution_of([compared(name, "", "", same=True)]).absent_doubt


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"version": 2, "probed_at": "", "host": "", "facts": []}',
        '{"version": 1, "probed_at": "", "host": "", "facts": [{"name": "canary-5f1c"}]}',
        '{"version": 1, "probed_at": "", "host": "", "facts": "canary-5f1c"}',
        "\udcff",
    ],
)
def test_a_file_that_is_none_leaves_no_job_absent(tmp_path: Path, text: str) -> None:
    """It may have said so; its values are not repeated."""
    path = tmp_path / "facts.json"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    given = settings(path)
    adjusted, caution = apply_facts(given, no_obs)
    assert adjusted.settle_after == given.settle_after
    assert "cannot be read" in caution.absent_doubt
    assert "canary-5f1c" not in caution.absent_doubt


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """By its setting."""
    with pytest.raises(SettingsError, match=r"NIGHTDROP_FACTS: .*none\.json cannot be read"):
        load_facts(str(tmp_path / "none.json"), no_obs)


def test_facts_may_be_in_obs(emulator: Emulator, obs: Obs) -> None:
    """As a policy may."""
    facts = [compared(LAG, "", "", same=True, value=2.0)]
    emulator.state.put_object("nightdrop-drop", "facts.json", to_json(facts, AT, HOST).encode())
    found = load_facts("obs://nightdrop-drop/facts.json", lambda: obs)
    assert (found.host, found.facts) == (HOST, tuple(facts))
    with pytest.raises(NightdropError, match="no such object"):
        load_facts("obs://nightdrop-drop/none.json", lambda: obs)


def test_the_json_is_what_is_read(tmp_path: Path) -> None:
    """Also where the cloud said a lot."""
    facts = [Fact("x", "a", "y" * 5000, "differs", "do", 1.5)]
    path = tmp_path / "facts.json"
    path.write_text(to_json(facts, AT, HOST))
    (found,) = load_facts(str(path), no_obs).facts
    assert (found.name, found.change, found.value) == ("x", "do", 1.5)
    assert json.loads(path.read_text())["probed_at"] == AT


def test_the_functions_answer_is_read_as_facts(tmp_path: Path) -> None:
    """Whatever else it holds; one without valid facts is as good as none."""
    facts = [compared(LAG, "", "", same=False, value=400.5)]
    path = tmp_path / "answer.json"
    answer = {"outcome": "completed", "head": {"seq": 1}, "facts": facts_document(facts, AT, HOST)}
    path.write_text(json.dumps(answer))
    assert load_facts(str(path), no_obs).facts == tuple(facts)
    path.write_text(json.dumps({**answer, "facts": {"version": 1}}))
    with pytest.raises(SettingsError, match="write the file with"):
        load_facts(str(path), no_obs)


def test_a_difference_counts_before_what_is_as_assumed_and_that_before_nothing() -> None:
    """In whatever order they were seen; each name is listed once."""
    seen = [
        unseen("a", "", ""),
        compared("a", "", "", same=True),
        compared("a", "", "", same=False),
    ]
    for order in permutations(seen):
        assert [one.verdict for one in merged(order)] == ["differs"]
    assert merged([seen[0], seen[1], unseen("b", "", "")]) == (seen[1], unseen("b", "", ""))
