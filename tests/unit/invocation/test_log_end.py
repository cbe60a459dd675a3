"""A log that has lost its end: its checkpoints tell, and nothing is sent until a person says so."""

from __future__ import annotations

import shutil
from contextlib import closing
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from handler.audit.checkpoints.checkpoint import Checkpoint, ahead_of, log_origin, written
from handler.audit.checkpoints.folder_store import CheckpointFolder
from handler.audit.record import Head
from handler.audit.sql.sqlite import SqliteLog
from handler.function import handle
from handler.invocation.instance import open_instance
from handler.jobs.hold import hold, hold_cut_off, release
from handler.local.runtime.context import Context
from handler.values.canonical_json import timestamp
from tests.conftest import BUCKET
from tests.support.one_job_view import OneJobView

if TYPE_CHECKING:
    from collections.abc import Callable

    from handler.emulator.server import Emulator

Environ: TypeAlias = dict[str, str]
Drop: TypeAlias = "Callable[..., Any]"
Recorded: TypeAlias = "Callable[[], list[dict[str, Any]]]"

TICK = {"action": "reconcile"}
UPGRADE = b"kind: node_upgrade\nname: hall\ntargets: {nodes: [{id: node-1}]}\n"
AT = datetime(2026, 11, 24, 2, tzinfo=timezone.utc)
ORIGIN = log_origin("a" * 64)


@pytest.fixture
def place(environ: Environ, tmp_path: Path) -> Path:
    """Where the function under test writes its checkpoints."""
    environ["NIGHTDROP_CHECKPOINTS"] = str(tmp_path / "checkpoints")
    return tmp_path / "checkpoints"


def run(environ: Environ, event: object) -> dict[str, Any]:
    """Hand an event to an instance that starts for it and ends after it."""
    context = Context.from_environment(environ, "one", lambda: 0.0)
    with closing(open_instance(context, environ, lambda _line: None)) as instance:
        return handle(event, context, instance)


def log_file(environ: Environ) -> Path:
    """Return the file of the log."""
    return Path(environ["NIGHTDROP_AUDIT"].removeprefix("sqlite:///"))


def put_back(environ: Environ, copy: Path) -> None:
    """Replace the log by an older copy of it."""
    for suffix in ("-wal", "-shm"):
        log_file(environ).with_name(f"{log_file(environ).name}{suffix}").unlink(missing_ok=True)
    shutil.copy(copy, log_file(environ))


@pytest.fixture
def restored(place: Path, environ: Environ, drop: Drop, tmp_path: Path) -> Path:
    """A log that was put back from a copy, which does not know the job of a file any more."""
    run(environ, drop("drop/first.yaml", UPGRADE.replace(b"hall", b"first")))
    copy = tmp_path / "copy.db"
    shutil.copy(log_file(environ), copy)
    run(environ, drop("drop/hall.yaml", UPGRADE))
    assert len(list(CheckpointFolder(place).names())) == 2
    put_back(environ, copy)
    return copy


def test_a_log_that_was_put_back_runs_no_file_again(
    restored: Path, environ: Environ, emulator: Emulator, recorded: Recorded
) -> None:
    """The scan finds the file that the copy does not know; its job waits for a person."""
    assert restored.exists()
    reply = run(environ, TICK)
    assert len(emulator.state.jobs) == 2
    (held,) = [one for one in recorded() if one["action"] == "sending.held"]
    assert (held["outcome"], held["actor"]) == ("failure", {"kind": "reconciler"})
    assert held["checkpoint"]["size"] > held["seq"] - 1
    assert held["note"] in reply["warnings"]
    assert {job["state"] for job in reply["jobs"]} == {"created", "deferred"}


def test_what_a_person_must_know_names_both_ends_and_the_way_on(
    restored: Path, environ: Environ
) -> None:
    """How many records there are and were, when, and what to do."""
    assert restored.exists()
    *_, last = CheckpointFolder(Path(environ["NIGHTDROP_CHECKPOINTS"])).names()
    (note,) = run(environ, TICK)["warnings"]
    assert note.startswith("the log has 8 records, and had 15 by its checkpoint of ")
    assert last.startswith("000000000015-")
    assert note.endswith("with the jobs at IEF; then `nightdrop release`")


def test_it_is_held_once_and_a_release_counts(
    restored: Path, environ: Environ, emulator: Emulator, recorded: Recorded
) -> None:
    """The checkpoints that are ahead from before are no reason again, though they stay."""
    assert restored.exists()
    run(environ, TICK)
    (still,) = run(environ, TICK)["warnings"]
    assert still.startswith("sending is on hold (the log has 8 records, and had 15 by ")
    with closing(SqliteLog(log_file(environ))) as log:
        log.commit(release(actor={"kind": "operator"}))
    run(environ, TICK)
    assert [one["action"] for one in recorded()].count("sending.held") == 1
    assert len(emulator.state.jobs) == 3


def test_a_second_loss_is_held_again(
    restored: Path, environ: Environ, drop: Drop, recorded: Recorded
) -> None:
    """Whatever was said of the first one is lost with it."""
    run(environ, TICK)
    run(environ, drop("drop/other.yaml", UPGRADE.replace(b"hall", b"other")))
    put_back(environ, restored)
    run(environ, TICK)
    assert [one["action"] for one in recorded()].count("sending.held") == 1


def test_a_log_with_all_its_records_goes_on(
    place: Path, environ: Environ, drop: Drop, recorded: Recorded
) -> None:
    """Each of its checkpoints is of a record that it has."""
    run(environ, drop("drop/hall.yaml", UPGRADE))
    assert "warnings" not in run(environ, TICK)
    assert list(CheckpointFolder(place).names())
    assert "sending.held" not in [one["action"] for one in recorded()]


def test_a_place_that_cannot_be_read_holds_nothing(
    environ: Environ, drop: Drop, recorded: Recorded
) -> None:
    """Whoever takes the checkpoints away must not stop all work; the reply says where to look."""
    environ["NIGHTDROP_CHECKPOINTS"] = f"obs://{BUCKET}-gone/heads/"
    run(environ, drop("drop/hall.yaml", UPGRADE))
    (said,) = run(environ, TICK)["warnings"]
    assert said.startswith("the end of the log was not compared with its checkpoints: ")
    assert said.endswith("`nightdrop doctor` says what is missing there")
    assert "sending.held" not in [one["action"] for one in recorded()]


def test_a_hold_is_shown_beside_a_place_that_cannot_be_read(environ: Environ, drop: Drop) -> None:
    """One is no reason to leave the other out."""
    environ["NIGHTDROP_CHECKPOINTS"] = f"obs://{BUCKET}-gone/heads/"
    run(environ, TICK)
    with closing(SqliteLog(log_file(environ))) as log:
        log.commit(hold("freeze", actor={"kind": "operator"}))
    run(environ, drop("drop/hall.yaml", UPGRADE))
    not_compared, held = run(environ, TICK)["warnings"]
    assert not_compared.startswith("the end of the log was not compared")
    assert held.startswith("sending is on hold (freeze)")


def test_checkpoints_in_a_bucket_cost_one_request(
    environ: Environ, emulator: Emulator, drop: Drop
) -> None:
    """They are listed from the end of the log on, and none is read."""
    environ["NIGHTDROP_CHECKPOINTS"] = f"obs://{BUCKET}/heads/"
    run(environ, drop("drop/hall.yaml", UPGRADE))
    before = len(emulator.state.requests)
    run(environ, TICK)
    asked = [one.operation for one in list(emulator.state.requests)[before:]]
    assert (asked.count("ListObjects"), asked.count("GetObject")) == (2, 0)  # one is the scan's


def kept(folder: Path, *checkpoints: Checkpoint) -> CheckpointFolder:
    """Return a place with some checkpoints, unsigned."""
    store = CheckpointFolder(folder)
    for one in checkpoints:
        store.put(one.name, written(one, None))
    return store


def of(size: int, at: datetime, origin: str = ORIGIN) -> Checkpoint:
    """Return a checkpoint of so many records."""
    return Checkpoint(origin, Head(size, f"{size:064x}"), at)


def test_a_checkpoint_of_a_record_after_the_last_one_is_ahead(tmp_path: Path) -> None:
    """The one nearest to the end is named; those of the records there are do not count."""
    store = kept(tmp_path, of(4, AT), of(5, AT), of(6, AT), of(7, AT))
    assert ahead_of(ORIGIN, Head(5, "b" * 64), AT - timedelta(1), store) == of(6, AT)
    assert ahead_of(ORIGIN, Head(7, "b" * 64), AT - timedelta(1), store) is None


def test_checkpoints_from_before_and_of_other_logs_do_not_count(tmp_path: Path) -> None:
    """Such as those of the log before this one, which had more records."""
    store = kept(tmp_path, of(6, AT), of(7, AT + timedelta(1), log_origin("c" * 64)))
    assert ahead_of(ORIGIN, Head(5, "b" * 64), AT, store) is None


def test_a_file_that_is_no_checkpoint_does_not_count(tmp_path: Path) -> None:
    """Nor one whose name is not that of what it holds."""
    store = kept(tmp_path, of(6, AT))
    (tmp_path / of(6, AT).name).rename(tmp_path / of(8, AT).name)
    (tmp_path / of(7, AT).name).write_bytes(b"\xff no note")
    assert ahead_of(ORIGIN, Head(5, "b" * 64), AT - timedelta(1), store) is None


def test_a_record_that_another_instance_appended_meanwhile_is_no_loss() -> None:
    """Its checkpoint was listed before it was read; the decision sees it."""
    view = OneJobView(None, head=Head(6, "d" * 64))
    assert hold_cut_off(of(6, AT))(view).drafts == ()
    assert hold_cut_off(of(7, AT))(view).drafts


def test_a_loss_that_was_recorded_meanwhile_is_not_recorded_again() -> None:
    """Two runs at once find the same."""
    view = OneJobView(None, head=Head(5, "d" * 64), cut_off=timestamp(AT))
    assert hold_cut_off(of(6, AT))(view).drafts == ()
