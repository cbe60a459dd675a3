"""Which records pass a filter."""

from __future__ import annotations

from datetime import datetime, timezone

import click
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from handler.audit.record import Draft, Head, Record, seal
from handler.cli.audit.records.record_filter import RecordFilter, filter_options, parse_time
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
        RecordFilter(),
        RecordFilter(delivery="ddd"),
        RecordFilter(job='so-"named"'),
        RecordFilter(job="jjjj"),
        RecordFilter(job="d1ad8df4"),
        RecordFilter(action="job."),
        RecordFilter(action="job.created", outcome="success"),
        RecordFilter(actor="ada"),
        RecordFilter(actor="operator"),
        RecordFilter(since="2026-11-23T01:00:00.000000Z"),
        RecordFilter(until="2026-11-23T01:00:00.000001Z"),
    ],
)
def test_a_matching_record_passes(chosen: RecordFilter) -> None:
    """By any of its fields."""
    assert chosen(RECORD)


@pytest.mark.parametrize(
    "chosen",
    [
        RecordFilter(delivery="jjj"),
        RecordFilter(job="ddd"),
        RecordFilter(job="o-"),
        RecordFilter(action="job.create."),
        RecordFilter(action="created"),
        RecordFilter(outcome="failure"),
        RecordFilter(actor="node_upgrade"),
        RecordFilter(since="2026-11-23T01:00:00.000001Z"),
        RecordFilter(until="2026-11-23T01:00:00.000000Z"),
    ],
)
def test_another_record_does_not_pass(chosen: RecordFilter) -> None:
    """Also where the text of the record has the word elsewhere."""
    assert not chosen(RECORD)


def test_malformed_json_passes_the_empty_filter() -> None:
    """An export of everything leaves nothing out."""
    assert RecordFilter()(Record(1, "", "{malformed"))


@pytest.mark.parametrize(
    ("text", "message"),
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
def test_a_moment_is_a_date_or_how_long_ago(text: str, message: str) -> None:
    """UTC unless it says otherwise."""
    assert parse_time(text, NOW) == message


@given(st.text(st.characters(categories=["L", "P", "Z", "S", "C"]), max_size=12))
def test_any_other_text_is_refused(text: str) -> None:
    """With a sentence that shows a correct value."""
    with pytest.raises(ValueError, match="Use a date"):
        parse_time(text, NOW)


def test_a_command_gets_its_filter() -> None:
    """From the options, all of them together."""

    @click.command()
    @filter_options
    def command(selection: RecordFilter) -> None:
        click.echo(repr(selection))

    done = CliRunner().invoke(command, ["--job", "a", "--since", "2026-11-20", "--actor", "b"])
    expected = RecordFilter(job="a", actor="b", since="2026-11-20T00:00:00.000000Z")
    assert done.output == f"{expected!r}\n"
    refused = CliRunner().invoke(command, ["--since", "yesterday"])
    assert (refused.exit_code, "Use a date" in refused.stderr) == (2, True)


@pytest.mark.parametrize(("since", "until"), [("1m", "1h"), ("2026-11-21", "2026-11-20")])
def test_a_period_that_ends_before_it_begins_is_refused(since: str, until: str) -> None:
    """No record would ever match."""

    @click.command()
    @filter_options
    def command(selection: RecordFilter) -> None:
        click.echo(repr(selection))

    done = CliRunner().invoke(command, ["--since", since, "--until", until])
    assert (done.exit_code, done.stdout) == (2, "")
    assert "--since is not before --until, so no record can match" in done.stderr
