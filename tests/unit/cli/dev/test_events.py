"""`nightdrop events make`, and the samples it made."""

from __future__ import annotations

import json
import shlex
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from handler.cli.dev.events import events
from handler.triggers.delivery import Action, Delivery
from handler.triggers.event_parser import parse_event
from tests.support.depth import examples

EVENTS = Path(__file__).parents[4] / "events"

NIGHTLY = """\
kind: node_upgrade
name: nightly
targets:
  nodes:
    - 7c1f0a52-3b8e-4c1d-9a6f-2e5d8b407a11
    - e04b6d93-51fa-4f0e-8c27-90ad3f6c52b8
"""

# What follows `nightdrop events`, and what is piped into it: the whole origin of each sample.
SAMPLES = {
    "timer-nightly.json": (
        "make timer --name nightly-upgrade --time 2026-11-24T02:00:00+08:00 --user-event -",
        NIGHTLY,
    ),
    "timer-reconcile.json": ("make timer --name reconcile --time 2026-11-24T03:35:00+08:00", ""),
    "timer-spec-from-bucket.json": (
        "make timer --name weekly-rollout --time 2026-11-24T03:30:00+08:00 --user-event -",
        '{"spec": "obs://nightdrop-drop/drop/nightly-upgrade.yaml"}',
    ),
    "obs.json": (
        (
            "make obs --key 'drop/line 4/camera v2+1.json' --size 746 "
            "--etag db0205fc176b05d7da4962707eef65f1 "
            "--version-id G001019AB0C80A5BFFFF940A0271C8F4 "
            "--event-name ObjectCreated:Copy "
            "--request-id 0000019AB0C80A5B9417D6E2F30C48B9 --time 2026-11-23T14:09:02.107Z"
        ),
        "",
    ),
    "obs-s3.json": (
        (
            "make obs-s3 --key drop/deploy-camera.yaml --size 746 "
            "--etag db0205fc176b05d7da4962707eef65f1 "
            "--request-id 0000019AB0C4D2E7940B5F3A61C8E21D --time 2026-11-23T14:05:31.482Z"
        ),
        "",
    ),
    "eventgrid.json": (
        (
            "make eventgrid --key 'drop/depot+nord/deploy camera.yaml' --size 746 "
            "--etag db0205fc176b05d7da4962707eef65f1 "
            "--request-id 0000019AB0CB61F2940F82C7D5A93E04 --time 2026-11-23T14:12:41.530218Z"
        ),
        "",
    ),
}


def run(*arguments: str, given: str = "") -> str:
    """Run the command and return its output."""
    done = CliRunner().invoke(events, list(arguments), input=given)
    assert done.exit_code == 0, done.output
    return done.stdout


def made(*arguments: str) -> Any:  # noqa: ANN401 - any JSON
    """Return the event that the command made."""
    return json.loads(run("make", *arguments))


def delivery_of(event: Any) -> Delivery:  # noqa: ANN401 - any JSON
    """Return the delivery that the function reads from an event."""
    found = parse_event(event, eventgrid_keys="encoded")
    assert not isinstance(found, Action)
    (delivery,) = found
    assert isinstance(delivery, Delivery)
    return delivery


@pytest.mark.parametrize("sample", sorted(SAMPLES))
def test_every_sample_event_is_what_the_command_makes(sample: str) -> None:
    """To the byte."""
    command, given = SAMPLES[sample]
    assert run(*shlex.split(command), given=given) == (EVENTS / sample).read_text()


def test_no_sample_event_has_another_origin() -> None:
    """A spec handed over directly is no event of a trigger."""
    assert {path.name for path in EVENTS.glob("*.json")} == {
        *SAMPLES,
        "direct-spec.json",
        "schema.json",
    }


@settings(max_examples=examples(50), deadline=None)
@given(
    shape=st.sampled_from(["obs", "obs-s3", "eventgrid"]),
    key=st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1, max_size=60),
)
def test_every_key_comes_back_as_it_was_given(shape: str, key: str) -> None:
    """Encoded by the event, decoded once by the function."""
    assert delivery_of(made(shape, f"--key={key}")).source["key"] == key


@pytest.mark.parametrize("shape", ["obs", "obs-s3", "eventgrid"])
def test_an_uploads_fields_reach_the_function(shape: str) -> None:
    """Bucket, size, entity tag, version, id and time arrive at the function."""
    options = "--bucket b-1 --key drop/a --size 7 --etag e --version-id v --request-id R1"
    time = "--time 2026-11-24T02:00:00.250+08:00"
    delivery = delivery_of(made(shape, *options.split(), *time.split()))
    fields = {name: delivery.source[name] for name in ("bucket", "size", "etag", "version_id")}
    assert fields == {"bucket": "b-1", "size": 7, "etag": "e", "version_id": "v"}
    assert delivery.source["event_id"] == "R1"
    assert delivery.fired_at == datetime(2026, 11, 23, 18, 0, 0, 250_000, timezone.utc)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("ObjectCreated:Put", "OBS:DWR:ObjectCreated:PUT"),
        ("ObjectCreated:CompleteMultipartUpload", "OBS:DWR:ObjectCreated:CompleteMultipartUpload"),
        ("ObjectRemoved:Delete", "OBS:DWR:ObjectRemoved:Delete"),
    ],
)
def test_eventgrid_spells_some_verbs_in_capitals(name: str, kind: str) -> None:
    """In the type; the message inside keeps its spelling."""
    event = made("eventgrid", "--event-name", name)
    assert (event["type"], event["data"]["eventName"]) == (kind, name)


@pytest.mark.parametrize("shape", ["timer", "obs", "obs-s3", "eventgrid"])
def test_an_event_without_options_is_accepted(shape: str) -> None:
    """The function takes it."""
    assert parse_event(made(shape), eventgrid_keys="encoded")


def test_two_uploads_without_an_id_are_two() -> None:
    """The same file dropped twice has two events."""
    assert delivery_of(made("obs")).key != delivery_of(made("obs")).key


def test_later_sequencers_are_larger_texts() -> None:
    """For one key, as the guide says."""
    first, second = (
        made("obs", "--time", time)["Records"][0]["obs"]["object"]["sequencer"]
        for time in ("2026-11-23T23:59:59.999999Z", "2026-11-24T00:00:00Z")
    )
    assert first < second


@pytest.mark.parametrize("time", ["now", "2026-11-24T02:00:00", "tomorrow at noon"])
def test_a_time_without_an_offset_is_refused(time: str) -> None:
    """The message shows one with."""
    done = CliRunner().invoke(events, ["make", "timer", "--time", time])
    assert done.exit_code == 2
    assert "2026-11-24T02:00:00+08:00" in done.stderr
