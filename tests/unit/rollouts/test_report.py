"""The final report of a rollout, as values and as a page."""

from __future__ import annotations

from datetime import timedelta

import pytest

from handler.rollouts.report import MOST_NAMED, report_json, rollout_reports
from handler.rollouts.report_page import report_page
from handler.schedule.rollout_settings import RolloutSettings
from tests.support.rollout_log import RolloutLog, named

SETTINGS = RolloutSettings(waves=("2", "100%"), max_targets_per_job=2, approve_before=(2,))


def reported(one: RolloutLog) -> str:
    """Return the page of a log's rollouts that have ended."""
    return report_page("obs://b/drop/hall.yaml", rollout_reports(one.rollout().delivery, one.log))


@pytest.fixture
def ended() -> RolloutLog:
    """A rollout of six nodes that waited for an approval, was paused, and had failures."""
    one = RolloutLog()
    one.plan(named(6), SETTINGS, skipped=(("offline | <b>", named(2, 90)),))
    one.run({"id-00001"})
    one.now += timedelta(hours=1)
    one.operate("approve")
    one.operate("pause")
    one.operate("resume")
    one.run({"id-00004"})
    return one


def test_a_rollout_that_has_not_ended_has_no_report() -> None:
    """Its result file says how it stands."""
    one = RolloutLog()
    one.plan(named(6), SETTINGS)
    one.run()
    assert rollout_reports(one.rollout().delivery, one.log) == ()


def test_a_report_has_waves_with_their_times_and_nodes(ended: RolloutLog) -> None:
    """Those that succeeded are counted, although their rows are gone."""
    (report,) = rollout_reports(ended.rollout().delivery, ended.log)
    assert [wave[:5] for wave in report.waves] == [(1, 2, 1, 1, 0), (2, 4, 3, 1, 0)]
    first, second = report.waves
    assert first.started_at < first.finished_at < second.started_at < second.finished_at
    assert report.counts == (0, 0, 4, 2, 2)


def test_a_report_names_the_nodes_by_reason_and_the_persons(ended: RolloutLog) -> None:
    """In the order of the records."""
    (report,) = rollout_reports(ended.rollout().delivery, ended.log)
    content = report_json(report)
    assert content["failed"] == [
        {"reason": "no space", "nodes": 2, "names": ["gw-00001", "gw-00004"]}
    ]
    assert content["skipped"] == [
        {"reason": "offline | <b>", "nodes": 2, "names": ["gw-00090", "gw-00091"]}
    ]
    assert [(one.action, one.wave, one.by) for one in report.steps] == [
        ("wave.awaiting", 2, ""),
        ("wave.approved", 2, "operator ops"),
        ("rollout.paused", 0, "operator ops"),
        ("rollout.resumed", 0, "operator ops"),
        ("rollout.finished", 0, ""),
    ]


def test_many_nodes_of_one_reason_are_counted_and_the_first_named() -> None:
    """The report of a large fleet stays readable."""
    one = RolloutLog()
    nodes = named(MOST_NAMED + 9)
    one.plan(nodes, RolloutSettings(max_targets_per_job=100))
    one.run({node_id for node_id, _ in nodes})
    (report,) = rollout_reports(one.rollout().delivery, one.log)
    (reason,) = report.failed
    assert (reason.nodes, len(reason.names)) == (MOST_NAMED + 9, MOST_NAMED)
    assert "gw-00050 and 9 more" in reported(one)


def test_a_late_success_and_a_retry_change_the_report(ended: RolloutLog) -> None:
    """It is counted from the nodes as they stand."""
    ended.operate("retry")
    ended.run({"id-00004"})
    (report,) = rollout_reports(ended.rollout().delivery, ended.log)
    assert [wave.failed for wave in report.waves] == [0, 1]
    assert ("rollout.retried", "2 failed nodes are tried again: a test") in [
        (one.action, one.note) for one in report.steps
    ]


def test_a_stopped_rollout_says_which_waves_never_started() -> None:
    """And how many nodes nothing was done to."""
    one = RolloutLog()
    one.plan(named(6), SETTINGS)
    one.run()
    one.operate("stop")
    page = reported(one)
    assert page.startswith(f"# Rollout {one.rollout().name}: stopped\n")
    assert "\n| 2 | 4 | 0 | 0 | 0 | - | - |\n" in page
    assert "| nodes | 4 pending, 2 succeeded |" in page


def test_the_page_shows_foreign_text_as_text(ended: RolloutLog) -> None:
    """No name or reason of a service is markup, or ends a cell."""
    page = reported(ended)
    assert r"- offline \| \<b\> (2): gw-00090, gw-00091" in page
    assert "## Failed: 2\n\n- no space (2): gw-00001, gw-00004\n" in page
    assert "| 1 | 2 | 1 | 1 | 0 | 2026-11-24 01:00:00 UTC | 2026-11-24 01:10:00 UTC |" in page
    assert "| 2026-11-24 02:10:00 UTC | wave.approved | 2 | operator ops | a test |" in page


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        ("~~~", r"\~\~\~"),
        ("# a heading", r"\# a heading"),
        ("1. a list", r"1\. a list"),
        ("- a list", r"\- a list"),
        ("=== under", r"\=== under"),
        ("see https://evil.example", r"see https\://evil.example"),
        ("see www.evil.example", r"see www\.evil.example"),
        ("&lt;b&gt;", r"\&lt;b\&gt;"),
        ("gw-1 is at 3.5 of 4: ok", "gw-1 is at 3.5 of 4: ok"),
    ],
)
def test_a_reason_is_no_markup(reason: str, shown: str) -> None:
    """Wherever it stands, also alone on a line; what is no markup stays readable."""
    one = RolloutLog()
    one.plan(named(2))
    one.operate("stop", reason=reason)
    assert f"\n{shown}\n" in reported(one)
