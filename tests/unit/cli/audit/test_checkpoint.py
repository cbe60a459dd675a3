"""`nightdrop audit checkpoint`: its output about the checkpoint that it wrote."""

from __future__ import annotations

from contextlib import closing
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from handler.audit.sql.sqlite import SqliteLog
from handler.cli.main import main
from handler.errors import LogBusyError
from handler.invocation.checkpoint_writer import checkpoint
from handler.jobs.hold import hold, release

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import TypeAlias

    from click.testing import Result

    Environ: TypeAlias = dict[str, str]

MODULE = import_module("handler.cli.audit.checkpoint")  # the package gives the name to the command


@pytest.fixture
def folder(environ: Environ, tmp_path: Path) -> Path:
    """The folder of the checkpoints."""
    environ["NIGHTDROP_CHECKPOINTS"] = str(tmp_path / "checkpoints")
    return tmp_path / "checkpoints"


@pytest.fixture
def run(environ: Environ, folder: Path) -> Callable[[], Result]:
    """Run the command."""
    assert not folder.exists()
    return lambda: CliRunner().invoke(main, ["audit", "checkpoint"], env=environ)


def record_something(environ: Environ, reason: str) -> None:
    """Record something as another instance does."""
    with closing(SqliteLog(environ["NIGHTDROP_AUDIT"].removeprefix("sqlite:///"))) as log:
        log.commit(hold(reason, actor={"kind": "operator"}))


def test_it_names_its_own_checkpoint_though_another_instance_records_beside_it(
    run: Callable[[], Result], environ: Environ, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last record of the log may be of another instance."""
    record_something(environ, "first")

    def raced(*invocation: Any, **due: Any) -> Any:  # noqa: ANN401 - hands on what it is given
        written = checkpoint(*invocation, **due)
        with closing(SqliteLog(environ["NIGHTDROP_AUDIT"].removeprefix("sqlite:///"))) as log:
            log.commit(release(actor={"kind": "operator"}))
        return written

    monkeypatch.setattr(MODULE, "write_checkpoint", raced)
    done = run()
    [kept] = folder.iterdir()
    assert (done.exit_code, done.stdout.splitlines()[0]) == (0, kept.name)


def test_an_empty_log_has_no_checkpoint(run: Callable[[], Result], folder: Path) -> None:
    """A typing error in the address is not taken for a log."""
    done = run()
    assert (done.exit_code, "the log is empty" in done.stderr) == (2, True)
    assert not folder.exists()


def test_a_checkpoint_that_cannot_be_written_may_be_retried(
    run: Callable[[], Result], environ: Environ, folder: Path
) -> None:
    """The failure is recorded with its reason."""
    record_something(environ, "first")
    folder.write_text("a file in the folder's way")
    done = run()
    assert (done.exit_code, "was not written: " in done.stderr) == (75, True)


def test_a_busy_log_is_a_temporary_failure(
    run: Callable[[], Result], environ: Environ, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The settings are correct."""
    record_something(environ, "first")

    def busy(*_services: Any, **_due: Any) -> None:  # noqa: ANN401 - as called
        raise LogBusyError("the audit log is held by other writers")

    monkeypatch.setattr(MODULE, "write_checkpoint", busy)
    done = run()
    assert (done.exit_code, "held by other writers" in done.stderr) == (75, True)


def test_a_key_can_be_written_to_a_new_file_for_its_owner_alone(tmp_path: Path) -> None:
    """It is not printed then, and no existing file is replaced by it."""
    path = tmp_path / "key.env"
    call = ["audit", "key", "example.org/nightdrop", "--output", str(path)]
    done = CliRunner().invoke(main, call)
    assert done.exit_code == 0, done.output
    kept = path.read_text()
    assert kept.startswith("NIGHTDROP_CHECKPOINT_KEY=PRIVATE+KEY+")
    assert path.stat().st_mode & 0o777 == 0o600
    assert done.stdout.startswith(f"private  in {path}\npublic   nightdrop audit verify --key ")
    assert kept.partition("=")[2].strip() not in done.output
    again = CliRunner().invoke(main, call)
    assert (again.exit_code, "is there already" in again.stderr) == (2, True)
    assert path.read_text() == kept
