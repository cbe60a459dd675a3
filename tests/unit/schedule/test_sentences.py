"""The settings of a rollout as sentences."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time

import pytest

from handler.schedule.rollout_settings import RolloutSettings, Select
from handler.schedule.sentences import rollout_sentences, select_sentence, window_sentence
from handler.schedule.window import Window

NIGHT = Window(time(1), time(5), "Asia/Shanghai", frozenset({0, 6}), frozenset({date(2026, 1, 1)}))


def test_the_defaults_are_one_sentence() -> None:
    """What is not set has none."""
    assert list(rollout_sentences(RolloutSettings())) == [
        "in one wave; at most 20 targets in a job, 3 jobs at a time"
    ]


def test_every_setting_has_its_words() -> None:
    """In the order in which they matter."""
    settings = RolloutSettings(
        waves=("1", "5%", "100%"),
        max_targets_per_job=1,
        soak=1800,
        max_failed="2%",
        running_jobs="pause",
        retry=1,
        approve_before=(2, 3),
        late_joiners="include",
        when_busy="skip",
        window=NIGHT,
    )
    assert list(rollout_sentences(settings)) == [
        "in waves of 1, 5%, 100%, 30 min between them; at most 1 target in a job, 3 jobs at a time",
        "pauses if more than 2% of at least 10 finished ones fail; its running jobs are paused",
        "tries the failed nodes of a wave again, once",
        "waits for an approval before wave 2, 3",
        "adds nodes that match later",
        "leaves out nodes that are in a job of another rollout",
        "only mon, sun from 01:00 to 05:00 (Asia/Shanghai), not on 2026-01-01",
    ]


def test_a_number_of_failures_and_several_retries() -> None:
    """A number is judged at once."""
    settings = RolloutSettings(max_failed="5", retry=3)
    assert list(rollout_sentences(settings))[1:] == [
        "pauses if more than 5 fail; its running jobs finish",
        "tries the failed nodes of a wave again, up to 3 times",
    ]


def test_every_day_is_no_list() -> None:
    """The default."""
    every_day = replace(NIGHT, days=frozenset(range(7)), excluded=frozenset())
    assert window_sentence(every_day) == "every day from 01:00 to 05:00 (Asia/Shanghai)"


@pytest.mark.parametrize(
    ("select", "sentence"),
    [
        (Select(), "running"),
        (Select(states=()), "all"),
        (Select(limit=5), "running, at most 5"),
        (Select(states=("RUNNING", "FAIL"), upgradable=False), "running or fail, not upgradable"),
        (
            Select(("site=north",), (), "gw-*", "halls", upgradable=True, exclude=("gw-1",)),
            "tag site=north, name gw-*, group halls, upgradable, without gw-1",
        ),
    ],
)
def test_a_selector_as_a_sentence(select: Select, sentence: str) -> None:
    """Each condition once."""
    assert select_sentence(select) == sentence
