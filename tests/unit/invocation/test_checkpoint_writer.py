"""When checkpoints are written, their content, and the handling of one that cannot be written."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from math import inf
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from handler.audit.checkpoints.checkpoint import Checkpoint, log_origin
from handler.audit.checkpoints.folder_store import CheckpointFolder
from handler.audit.checkpoints.signed_note import is_signed_by, new_key, parse_note
from handler.audit.instance_log import InstanceLog
from handler.audit.open_log import open_source
from handler.audit.sql.sqlite import SqliteLog
from handler.audit.verification.verifier import Evidence, verify_log
from handler.cli.open_stores import open_obs
from handler.errors import SettingsError
from handler.function import handle
from handler.invocation.checkpoint_writer import checkpoint, checkpoint_store
from handler.invocation.instance import invocation_of, open_instance, record_started
from handler.jobs.hold import hold
from handler.local.runtime.context import Context
from tests.conftest import BUCKET, timer_event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from handler.emulator.server import Emulator

Environ: TypeAlias = dict[str, str]
Fire: TypeAlias = "Callable[[object], dict[str, Any]]"
Recorded: TypeAlias = "Callable[[], list[dict[str, Any]]]"

KEY = new_key("example.org/nightdrop", bytes(range(32)))
TICK = timer_event('{"action": "reconcile"}')
UPGRADE = '{"kind": "node_upgrade", "name": "now", "targets": {"nodes": [{"id": "n1"}]}}'


@dataclass
class ManualClock:
    """A clock that the test moves."""

    now: datetime = datetime(2026, 11, 24, 2, tzinfo=timezone.utc)

    def __call__(self) -> datetime:
        """Return the time."""
        return self.now


@pytest.fixture
def folder(environ: Environ, tmp_path: Path) -> Path:
    """Where the function under test writes its checkpoints, signed."""
    environ["NIGHTDROP_CHECKPOINTS"] = str(tmp_path / "checkpoints")
    environ["NIGHTDROP_CHECKPOINT_KEY"] = KEY.encoded()
    return tmp_path / "checkpoints"


def actions(recorded: Recorded) -> list[str]:
    """Return what the log names, in order."""
    return [record["action"] for record in recorded()]


def test_a_delivery_is_followed_by_a_checkpoint(
    folder: Path, fire: Fire, recorded: Recorded, environ: Environ
) -> None:
    """Of everything it recorded, signed, and itself on record."""
    reply = fire(timer_event(UPGRADE))
    (name,) = CheckpointFolder(folder).names()
    signed = parse_note(CheckpointFolder(folder).get(name))
    made = Checkpoint.of(signed.text)
    *_, before, last = recorded()
    assert is_signed_by(signed, KEY.public)
    assert last["action"] == "log.checkpointed"
    assert last["checkpoint"] == {
        "size": before["seq"],
        "head": last["prev"],
        "name": name,
        "signer": KEY.name,
    }
    assert (made.head.seq, made.head.hash, made.name) == (before["seq"], last["prev"], name)
    assert made.origin == log_origin(recorded()[1]["prev"])
    assert reply["head"]["seq"] == last["seq"]
    assert last["function"]["name"] == "nightdrop"
    assert "note" not in last
    assert environ["NIGHTDROP_CHECKPOINT_KEY"] not in repr(recorded())


def test_a_head_that_is_confirmed_needs_no_other(folder: Path, environ: Environ) -> None:
    """Only later records, or a reconciler run, cause one more."""
    context = Context.from_environment(environ, "r", time.monotonic)
    with closing(open_instance(context, environ, print)) as instance:
        invocation = invocation_of(context, instance)
        instance.log.commit(hold("by hand", actor={"kind": "operator"}))
        for every, kept in [(inf, 1), (inf, 1), (0.0, 2), (3600.0, 2)]:
            made = checkpoint(invocation, every=every)
            names = sorted(one.name for one in folder.iterdir())
            assert len(names) == kept
            assert made is None or made.fields["checkpoint"]["name"] == names[-1]  # type: ignore[call-overload,index]


@pytest.fixture
def idle(folder: Path, environ: Environ) -> Iterator[tuple[Callable[[], object], ManualClock]]:
    """A reconciler run on a log without new records, and the log's clock."""
    clock = ManualClock()
    context = Context.from_environment(environ, "r", time.monotonic)
    opened = open_instance(context, environ, print)
    opened.log.close()
    log = SqliteLog(environ["NIGHTDROP_AUDIT"].removeprefix("sqlite:///"), clock=clock)
    log.commit(hold("by hand", actor={"kind": "operator"}))
    with closing(opened._replace(log=InstanceLog(log))) as instance:
        yield lambda: handle(TICK, context, instance), clock
    assert folder.exists()


def test_an_idle_reconciler_writes_one_in_an_hour(
    idle: tuple[Callable[[], object], ManualClock], folder: Path
) -> None:
    """Silence can be proved, and a run every five minutes does not fill the log with it."""
    tick, clock = idle
    written = []
    for _ in range(26):
        tick()
        clock.now += timedelta(minutes=5)
        written.append(len(list(folder.iterdir())))
    assert written == [1] * 12 + [2] * 12 + [3] * 2
    names = list(CheckpointFolder(folder).names())
    assert names == sorted(set(names))


def test_instances_that_start_cold_for_every_run_write_no_more(
    environ: Environ, folder: Path
) -> None:
    """The platform ends idle instances, so that each run may be in a new one."""
    for _ in range(4):
        context = Context.from_environment(environ, "r", time.monotonic)
        with closing(open_instance(context, environ, print)) as instance:
            record_started(context, instance)
            handle(TICK, context, instance)
    assert len(list(folder.iterdir())) == 1


def test_the_interval_of_an_idle_reconciler_is_a_setting(
    environ: Environ, folder: Path, fire: Fire
) -> None:
    """An operator may prove more often that nothing was cut off."""
    environ["NIGHTDROP_CHECKPOINT_EVERY"] = "30d"
    fire(timer_event(UPGRADE))
    fire(TICK)
    assert len(list(folder.iterdir())) == 1


def test_a_clock_that_was_set_back_does_not_delay_them(
    idle: tuple[Callable[[], object], ManualClock], folder: Path
) -> None:
    """Setting it back a year does not prevent checkpoints for a year."""
    tick, clock = idle
    tick()
    clock.now -= timedelta(days=365)
    tick()
    assert len(list(folder.iterdir())) == 2


def test_a_rejected_event_is_followed_by_one(folder: Path, fire: Fire, recorded: Recorded) -> None:
    """It is recorded, so it must not be cut off either."""
    fire({"nonsense": True})
    assert actions(recorded) == ["event.rejected", "log.checkpointed"]
    assert len(list(folder.iterdir())) == 1


def test_an_empty_log_has_no_checkpoint(folder: Path, fire: Fire) -> None:
    """There is no first record that could name it."""
    fire(TICK)
    assert not folder.exists()


def test_without_a_key_they_are_marked_as_unsigned(
    folder: Path, environ: Environ, fire: Fire, recorded: Recorded
) -> None:
    """In the log; the note has nothing under it."""
    del environ["NIGHTDROP_CHECKPOINT_KEY"]
    fire(timer_event(UPGRADE))
    last = recorded()[-1]
    assert last["note"] == "unsigned: no NIGHTDROP_CHECKPOINT_KEY is set"
    assert "signer" not in last["checkpoint"]
    assert parse_note((folder / last["checkpoint"]["name"]).read_bytes()).signatures == ()


def test_without_an_address_none_are_written(fire: Fire, recorded: Recorded) -> None:
    """And no line mentions them."""
    fire(timer_event(UPGRADE))
    assert not any(action.startswith("log.") for action in actions(recorded))


def test_a_checkpoint_that_cannot_be_written_loses_no_delivery(
    folder: Path, fire: Fire, recorded: Recorded, lines: list[str]
) -> None:
    """The failure is recorded and reported, and the next event writes it."""
    folder.write_text("in the way")
    assert fire(timer_event(UPGRADE))["outcome"] == "submitted"
    last = recorded()[-1]
    assert (last["action"], last["outcome"]) == ("log.checkpoint_failed", "failure")
    assert "File exists" in last["note"]
    assert any('"of":"log.checkpoint_failed"' in line for line in lines)
    folder.unlink()
    fire(timer_event(UPGRADE))
    assert actions(recorded)[-1] == "log.checkpointed"


def test_a_bucket_that_refuses_loses_no_delivery(
    environ: Environ, fire: Fire, recorded: Recorded
) -> None:
    """The note is the answer of OBS."""
    environ["NIGHTDROP_CHECKPOINTS"] = "obs://no-such-bucket/x/"
    assert fire(timer_event(UPGRADE))["outcome"] == "submitted"
    assert "no such bucket" in recorded()[-1]["note"]


def test_a_bucket_stores_them_for_the_verifier(
    environ: Environ, fire: Fire, emulator: Emulator
) -> None:
    """Written by the function, read with keys of one's own."""
    environ["NIGHTDROP_CHECKPOINTS"] = f"obs://{BUCKET}/checkpoints"
    environ["NIGHTDROP_CHECKPOINT_KEY"] = KEY.encoded()
    fire(timer_event(UPGRADE))
    fire(timer_event(UPGRADE, "2026-11-25T02:00:00+08:00"))
    with emulator.state.lock:
        assert sum(key.startswith("checkpoints/") for key in emulator.state.buckets[BUCKET]) == 2
    obs = open_obs(environ)
    place = checkpoint_store(environ["NIGHTDROP_CHECKPOINTS"], obs)
    stored = open_source(environ["NIGHTDROP_AUDIT"])
    verdict = verify_log(stored, Evidence([place], [KEY.public]))
    stored.close()
    obs.transport.close()
    assert (verdict.status, verdict.faults) == (0, ())


def test_an_object_that_is_too_long_for_a_checkpoint_is_a_fault(
    environ: Environ, fire: Fire, emulator: Emulator
) -> None:
    """It may be undeletable there, and must not hide what else is wrong."""
    environ["NIGHTDROP_CHECKPOINTS"] = f"obs://{BUCKET}/checkpoints"
    fire(timer_event(UPGRADE))
    emulator.state.put_object(BUCKET, "checkpoints/strange.checkpoint", b"x" * 100_000)
    obs = open_obs(environ)
    place = checkpoint_store(environ["NIGHTDROP_CHECKPOINTS"], obs)
    with closing(open_source(environ["NIGHTDROP_AUDIT"])) as stored:
        verdict = verify_log(stored, Evidence([place]))
    obs.transport.close()
    assert [("strange.checkpoint" in str(fault)) for fault in verdict.faults] == [True]


def test_a_bucket_needs_a_client() -> None:
    """A folder does not."""
    with pytest.raises(SettingsError, match="NIGHTDROP_REGION"):
        checkpoint_store("obs://bucket/", None)


@pytest.mark.parametrize("key", ["PRIVATE+KEY+a+00000000+c2VjcmV0", "secret"])
def test_a_wrong_key_stops_the_start_and_is_not_quoted(
    folder: Path, environ: Environ, key: str
) -> None:
    """Otherwise a missing signature would be noticed too late."""
    environ["NIGHTDROP_CHECKPOINT_KEY"] = key
    context = Context.from_environment(environ, "r", lambda: 0.0)
    with pytest.raises(SettingsError, match="NIGHTDROP_CHECKPOINT_KEY: not a") as caught:
        open_instance(context, environ, print)
    assert "ecret" not in str(caught.value)
    assert not folder.exists()


def test_a_missing_package_stops_the_start(
    folder: Path, environ: Environ, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says what to install."""
    monkeypatch.setitem(
        __import__("sys").modules, "cryptography.hazmat.primitives.asymmetric", None
    )
    context = Context.from_environment(environ, "r", lambda: 0.0)
    with pytest.raises(SettingsError, match="nightdrop package --with sign"):
        open_instance(context, environ, print)
    assert not folder.exists()


def test_keys_in_the_address_of_a_bucket_are_refused_and_not_shown(environ: Environ) -> None:
    """They belong in the environment."""
    obs = open_obs(environ)
    with pytest.raises(SettingsError, match="obs://bucket/prefix/") as caught:
        checkpoint_store("obs://KEY:CANARY@bucket/prefix/", obs)
    assert "CANARY" not in str(caught.value)
