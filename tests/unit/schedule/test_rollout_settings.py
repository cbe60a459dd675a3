"""Settings of a rollout: what a record of them says, and what is read back."""

from __future__ import annotations

import json
from datetime import date, time

from hypothesis import given
from hypothesis import strategies as st

from handler.schedule.rollout_settings import RolloutSettings, Select
from handler.schedule.window import Window

TIMES = st.times().map(lambda one: one.replace(second=0, microsecond=0))
TEXTS = st.lists(st.text(max_size=5)).map(tuple)
WINDOWS = st.builds(
    Window,
    begin=TIMES,
    end=TIMES,
    timezone=st.sampled_from(["Asia/Shanghai", "Europe/Berlin"]),
    days=st.frozensets(st.integers(0, 6)),
    excluded=st.frozensets(st.dates(), max_size=3),
)
SETTINGS = st.builds(
    RolloutSettings,
    waves=st.lists(st.sampled_from(["1", "5%", "100%"])).map(tuple),
    soak=st.integers(0, 86_400),
    on_breach=st.sampled_from(["pause", "stop"]),
    approve_before=st.lists(st.integers(1, 9)).map(tuple),
    window=st.none() | WINDOWS,
    select=st.none()
    | st.builds(
        Select,
        tags=TEXTS,
        states=TEXTS,
        name=st.text(max_size=5),
        upgradable=st.none() | st.booleans(),
        limit=st.none() | st.integers(1, 9),
    ),
    valid_for=st.none() | st.integers(60, 86_400),
)


@given(SETTINGS)
def test_settings_are_read_as_they_were_written(settings: RolloutSettings) -> None:
    """Tuples, times, dates and all."""
    assert RolloutSettings.from_json(settings.to_json()) == settings


def test_a_record_has_the_defaults_too() -> None:
    """They may be others in a later version; what was planned stays as it was."""
    written = json.loads(RolloutSettings().to_json())
    assert written["max_targets_per_job"] == 20
    assert written["waves"] == ["100%"]
    assert "window" not in written


def test_a_window_is_written_as_a_spec_has_it() -> None:
    """Days by their names, times without seconds."""
    window = Window(time(1), time(5), "Asia/Shanghai", frozenset({0}), frozenset({date.max}))
    written = json.loads(RolloutSettings(window=window).to_json())
    assert written["window"] == {
        "days": ["mon"],
        "from": "01:00",
        "to": "05:00",
        "timezone": "Asia/Shanghai",
        "except": ["9999-12-31"],
    }
