"""Which records are meant."""

from __future__ import annotations

from datetime import datetime, timezone

import click
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from handler.audit.record import Draft, Head, Record, seal
from handler.cli.audit.records.record_filter import Selection, moment_said, selecting
from handler.values.canonical_json import moment

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=timezone.utc)
DRAFT = Draft(
    "job.created",
    "success",
    delivery={"key": "d" * 52},
    actor={"kind": "operator", "name": "ada"},
    job={"key": "j" * 52, "name": 'so-"named"', "type": "node_upgrade", "document": 1},
    response={"status": 201, "job_id": "d1ad8df4"},
)
RECORD = seal(DRAFT, Head(), at=moment("2026-11-23T01:00:00.000000Z"), commit="c")


@pytest.mark.parametrize(
    "chosen",
    [
        Selection(),
        Selection(delivery="ddd"),
        Selection(job='so-"named"'),
        Selection(job="jjjj"),
        Selection(job="d1ad8df4"),
        Selection(action="job."),
        Selection(action="job.created", outcome="success"),
        Selection(actor="ada"),
        Selection(actor="operator"),
        Selection(since="2026-11-23T01:00:00.000000Z"),
        Selection(until="2026-11-23T01:00:00.000001Z"),
    ],
)
def test_what_fits_is_meant(chosen: Selection) -> None:
    """By any of its fields."""
    assert chosen(RECORD)


@pytest.mark.parametrize(
    "chosen",
    [
        Selection(delivery="jjj"),
        Selection(job="ddd"),
        Selection(job="o-"),
        Selection(action="job.create."),
        Selection(action="created"),
        Selection(outcome="failure"),
        Selection(actor="node_upgrade"),
        Selection(since="2026-11-23T01:00:00.000001Z"),
        Selection(until="2026-11-23T01:00:00.000000Z"),
    ],
)
def test_what_does_not_fit_is_not_meant(chosen: Selection) -> None:
    """Also where the text of the record has the word elsewhere."""
    assert not chosen(RECORD)


def test_a_record_that_is_no_json_is_meant_by_nothing_in_particular() -> None:
    """An export of everything leaves nothing out."""
    assert Selection()(Record(1, "", "{spoiled"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2h", "2026-11-23T00:00:00.000000Z"),
        ("3d", "2026-11-20T02:00:00.000000Z"),
        ("1w", "2026-11-16T02:00:00.000000Z"),
        ("2026-11-20", "2026-11-20T00:00:00.000000Z"),
        ("2026-11-20T05:00", "2026-11-20T05:00:00.000000Z"),
        ("2026-11-20T05:00:00Z", "2026-11-20T05:00:00.000000Z"),
        ("2026-11-20T05:00:00+08:00", "2026-11-19T21:00:00.000000Z"),
    ],
)
def test_a_moment_is_a_date_or_how_long_ago(text: str, said: str) -> None:
    """UTC unless it says otherwise."""
    assert moment_said(text, NOW) == said


@given(st.text(st.characters(categories=["L", "P", "Z", "S", "C"]), max_size=12))
def test_any_other_text_is_refused(text: str) -> None:
    """With a sentence that says what would be right."""
    with pytest.raises(ValueError, match="Use a date"):
        moment_said(text, NOW)


def test_a_command_gets_its_selection() -> None:
    """From the options, all of them together."""

    @click.command()
    @selecting
    def command(selection: Selection) -> None:
        click.echo(repr(selection))

    done = CliRunner().invoke(command, ["--job", "a", "--since", "2026-11-20", "--actor", "b"])
    expected = Selection(job="a", actor="b", since="2026-11-20T00:00:00.000000Z")
    assert done.output == f"{expected!r}\n"
    refused = CliRunner().invoke(command, ["--since", "yesterday"])
    assert (refused.exit_code, "Use a date" in refused.stderr) == (2, True)
