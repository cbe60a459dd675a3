"""The short form of rollouts: what is refused with which words, and what the settings become."""

from __future__ import annotations

from datetime import date, time
from typing import TYPE_CHECKING, Any

import pytest

from handler.parsing import format_path
from handler.schedule.rollout_settings import RolloutSettings, Select
from handler.schedule.window import Window
from handler.specs.rollout_form import rollout_settings
from handler.specs.short_form import job_errors, job_warnings
from tests.unit.specs.full_specs import JOB, ROLLOUT

if TYPE_CHECKING:
    from handler.values.canonical_json import Json

NODES: dict[str, Any] = {"kind": "node_upgrade", "name": "a", "targets": {"nodes": ["n"]}}
NIGHT: dict[str, Any] = {"from": "01:00", "to": "05:00", "timezone": "Asia/Shanghai"}
NOT_A_ZONE = "window.timezone: no known time zone; "


def errors(job: dict[str, Json]) -> list[str]:
    """Return what is wrong with a document."""
    return [f"{format_path(one.path)}: {one.message}" for one in job_errors(job)]


def test_a_full_rollout_becomes_its_settings() -> None:
    """Durations are seconds, states are IEF's words."""
    assert rollout_settings(ROLLOUT, 3600) == RolloutSettings(
        waves=("1", "5%", "100%"),
        max_failed="2%",
        soak=1800,
        on_breach="stop",
        running_jobs="pause",
        retry=1,
        approve_before=(2,),
        when_busy="skip",
        late_joiners="include",
        window=Window(
            time(1), time(5), "Asia/Shanghai", frozenset({0, 6}), frozenset({date(2026, 12, 24)})
        ),
        select=Select(
            ("site=1.10",), ("RUNNING", "UPGRADING"), "gw-*", "halls",
            upgradable=True, exclude=("gw-13",), limit=500,
        ),
        valid_for=3600,
    )  # fmt: skip


def test_what_is_left_out_has_its_default() -> None:
    """The form's defaults are those of the settings."""
    assert rollout_settings({**NODES, "rollout": {}}) == RolloutSettings()
    selects = {**NODES, "targets": {"select": {"name": "*"}}}
    assert rollout_settings(selects) == RolloutSettings(select=Select())
    window = rollout_settings({**NODES, "window": NIGHT}).window
    assert window == Window(time(1), time(5), "Asia/Shanghai")


def test_whole_numbers_may_be_written_as_such() -> None:
    """A wave of 5 nodes, and 3 failures."""
    settings = rollout_settings({**NODES, "rollout": {"waves": [5, "100%"], "max_failed": 3}})
    assert (settings.waves, settings.max_failed) == (("5", "100%"), "3")


@pytest.mark.parametrize(
    ("rollout", "error"),
    [
        ({"waves": []}, "rollout.waves: needs at least one entry"),
        ({"waves": ["50%"]}, "rollout.waves[0]: the last wave must be 100%"),
        ({"waves": [1, 10]}, "rollout.waves[1]: the last wave must be 100%"),
        ({"waves": ["25%", "5%", "100%"]},
         "rollout.waves[1]: must be more than the wave before, whose nodes it counts too"),
        ({"waves": [5, 5, "100%"]},
         "rollout.waves[1]: must be more than the wave before, whose nodes it counts too"),
        ({"waves": ["0%", "100%"]},
         "rollout.waves[0]: must be a number up to 999999, or a whole share, 1% to 100%"),
        ({"waves": ["101%"]},
         "rollout.waves[0]: must be a number up to 999999, or a whole share, 1% to 100%"),
        ({"max_failed": "2 %"},
         "rollout.max_failed: must be a number up to 999999, or a whole share, 0% to 100%"),
        ({"approve_before": [2]}, "rollout.approve_before[0]: no such wave, there is 1"),
        ({"approve_before": [0]}, "rollout.approve_before[0]: must be at least 1"),
        ({"late_joiners": "include"},
         "rollout.late_joiners: include needs targets.select, by which they are found"),
        ({"soak": "30s"},
         "rollout.soak: must be a number and m, h or d, such as 90m, 6h or 2d"),
        ({"max_paralel_jobs": 1}, ("rollout.max_paralel_jobs: unknown field; did you mean "
         "`max_parallel_jobs`?")),
        ({"max_targets_per_job": 0}, "rollout.max_targets_per_job: must be at least 1"),
        ({"retry": 4}, "rollout.retry: must be at most 3"),
    ],
)  # fmt: skip
def test_a_wrong_rollout_is_refused(rollout: dict[str, Json], error: str) -> None:
    """One error each, at its place."""
    assert errors({**NODES, "rollout": rollout}) == [error]


@pytest.mark.parametrize(
    ("window", "error"),
    [
        ({"from": "1:00"}, "window.from: must have two digits for the hour, such as 01:00"),
        ({"to": "24:00"}, "window.to: must be a time from 00:00 to 23:59"),
        ({"days": ["monday"]}, ("window.days[0]: must be one of 'mon', 'tue', 'wed', 'thu', 'fri', "
         "'sat', 'sun'")),
        ({"days": []}, "window.days: needs at least one entry"),
        ({"except": ["24.12.2026"]}, "window.except[0]: must be a date such as 2026-12-24"),
        ({"except": ["2026-02-30"]}, "window.except[0]: must be a date such as 2026-12-24"),
        ({"timezone": "asia/shangai"}, f"{NOT_A_ZONE}did you mean Asia/Shanghai?"),
        ({"timezone": "../etc/passwd"}, f"{NOT_A_ZONE}write one such as Asia/Shanghai or UTC"),
        ({"timezone": "Europe"}, f"{NOT_A_ZONE}did you mean Europe/Rome?"),
        ({"timezone": "Z" * 9999}, f"{NOT_A_ZONE}write one such as Asia/Shanghai or UTC"),
        *(
            ({"timezone": text},
             f"{NOT_A_ZONE}write a place instead of an offset, such as Asia/Shanghai")
            for text in ("GMT+8", "utc+8", "UTC +08:00", "+08:00")
        ),
        ({"form": "01:00"}, "window.form: unknown field; did you mean `from`?"),
    ],
)  # fmt: skip
def test_a_wrong_window_is_refused(window: dict[str, Json], error: str) -> None:
    """Time zones with near misses."""
    found = errors({**NODES, "window": {**NIGHT, **window}})
    assert found == [error] or (window == {"timezone": "Europe"} and NOT_A_ZONE in found[0])


def test_a_window_needs_its_times_and_its_zone() -> None:
    """There is no time zone to be assumed."""
    assert errors({**NODES, "window": {}}) == [
        "window.from: missing",
        "window.to: missing",
        "window.timezone: missing",
    ]


@pytest.mark.parametrize(
    ("select", "error"),
    [
        ({}, 'targets.select: needs a condition; name: "*" selects all that are running'),
        ({"state": "offline"}, ("targets.select.state: must be one of 'running', 'fail', "
         "'upgrading', 'stopped', 'unconnected', 'freeze'")),
        ({"tag": {"site": "north"}}, "targets.select.tag: unknown field; did you mean `tags`?"),
        ({"tags": {"site": 1}}, "targets.select.tags.site: must be text; put it in quotes"),
        ({"limit": 0}, "targets.select.limit: must be at least 1"),
        ({"upgradable": "yes"}, ("targets.select.upgradable: must be true or false, without "
         "quotes; yes, no, on and off are text")),
    ],
)  # fmt: skip
def test_a_wrong_selector_is_refused(select: dict[str, Json], error: str) -> None:
    """An empty one, too: the whole fleet must be asked for."""
    assert errors({**NODES, "targets": {"select": select}}) == [error]


def test_deployments_have_no_groups_and_no_states() -> None:
    """What only nodes have is refused."""
    targets: Json = {"select": {"name": "a", "group": "g"}}
    assert errors({**JOB, "kind": "deployment_upgrade", "targets": targets}) == [
        ("targets.select.group: of nodes, but deployment_upgrade selects deployments; leave it out")
    ]


def test_a_group_of_nodes_is_no_target_of_a_rollout() -> None:
    """IEF would run all its nodes at once."""
    assert errors({**NODES, "targets": {"groups": ["g"]}, "rollout": {}}) == [
        ("targets.groups: not for a rollout; write select with group, which takes its nodes alone")
    ]


def test_waves_without_a_gate_are_doubted() -> None:
    """One wave needs none."""
    (warning,) = job_warnings({**NODES, "rollout": {"waves": [1, "100%"]}})
    assert warning.message == "no max_failed: however many nodes fail, the next wave starts"
    assert job_warnings({**NODES, "rollout": {}}) == []
