"""`nightdrop dev`, started as a user starts it."""

from __future__ import annotations

import os
import pty
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner

from handler.audit.sql.sqlite import SqliteLog
from handler.audit.verification.verdict import verify
from handler.cli.main import main
from tests.support.depth import DEEP

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from click.testing import Result

ROOT = Path(__file__).parents[3]
NOTICE = "Nightdrop: obs://nightdrop-drop/drop/hall/line 4 + more.yaml"
TICK = 'tick=@every 2s={"action": "reconcile"}'


@contextmanager
def dev(folder: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """Run `nightdrop dev` in a folder; ended by Ctrl-C, and by its id if that does nothing."""
    with (folder / "printed.txt").open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "handler.cli", "dev", *options],
            cwd=folder,
            env=environment(folder),
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
        )
    try:
        wait_for(lambda: "ready: drop" in printed(folder), seconds=60)
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def environment(folder: Path) -> dict[str, str]:
    """Return this process's environment without settings, and with a home of its own."""
    (folder / "home").mkdir(exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if "NIGHTDROP" not in name}
    kept.pop("XDG_RUNTIME_DIR", None)
    return {**kept, "PYTHONPATH": str(ROOT), "HOME": str(folder / "home")}


def refused(folder: Path, *options: str) -> str:
    """Run `nightdrop dev` with something wrong; return its only sentence."""
    done = in_process(folder, *options)
    assert (done.exit_code, done.stdout) == (2, "")
    return done.stderr.removeprefix("nightdrop: ").rstrip("\n")


def in_process(folder: Path, *options: str) -> Result:
    """Run `nightdrop dev` here; it ends by itself even if nothing is wrong."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name in set(os.environ) - environment(folder).keys():
            patch.delenv(name)
        return CliRunner().invoke(main, ["dev", "--once", *options])


def printed(folder: Path) -> str:
    """Return its output so far."""
    return (folder / "printed.txt").read_text()


def wait_for(ready: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until the condition holds; fail if it takes too long."""
    end = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.05)


def children(pid: int) -> dict[int, str]:
    """Return the processes below one, with their command lines."""
    found: dict[int, str] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except (OSError, IndexError):
            continue
        if parent == pid:
            found[int(entry.name)] = line
            found |= children(int(entry.name))
    return found


def jobs(folder: Path) -> list[tuple[str, str]]:
    """Return name and state of every job in the log, which may still be without tables."""
    with closing(sqlite3.connect(folder / "dev/audit.db")) as log:
        if not log.execute("SELECT 1 FROM sqlite_master WHERE name = 'jobs'").fetchall():
            return []
        return log.execute("SELECT name, state FROM jobs ORDER BY name").fetchall()


def test_every_dropped_file_becomes_its_jobs_once_though_the_function_is_killed(
    tmp_path: Path,
) -> None:
    """Three files, a kill in the middle, reconciler runs: five jobs, each once; a valid chain."""
    settings = tmp_path / "short_wait.env"
    settings.write_text(
        "NIGHTDROP_SETTLE_AFTER=1\nNIGHTDROP_REQUEST_TIMEOUT=2\nRUNTIME_TIMEOUT=8\n"
    )
    options = ["--timer", TICK, "--retries", "2", "--settings", str(settings)]
    with dev(tmp_path, *options) as process:
        samples = ROOT / "events/specs"
        for name in ("nightly-upgrade.yaml", "many.jsonl", "deploy-camera.yaml"):
            (tmp_path / "drop" / name).write_bytes((samples / name).read_bytes())
        wait_for(lambda: "arrived" in printed(tmp_path))
        for pid, line in children(process.pid).items():
            if "functions_framework" in line:
                os.kill(pid, signal.SIGKILL)
        wait_for(lambda: "was restarted" in printed(tmp_path))
        wait_for(
            lambda: len(jobs(tmp_path)) == 5 and "sending" not in dict(jobs(tmp_path)).values()
        )
        wait_for(lambda: {state for _, state in jobs(tmp_path)} <= {"created", "adopted"})
        below = children(process.pid)
    assert process.returncode == 0
    assert not [pid for pid in below if Path(f"/proc/{pid}").exists()], "something is left behind"
    with closing(SqliteLog(tmp_path / "dev/audit.db")) as log:
        assert verify(log.records()).whole


@dataclass(frozen=True)
class Session:
    """One run of `nightdrop dev` that several tests look at.

    Attributes:
        folder: Where it ran.
        pid: The id of its process.
        status: Its exit status.
        refusal: The sentence of a second run in the same folder.
        kept: Whether that one left the environment file as it was.
    """

    folder: Path
    pid: int
    status: int
    refusal: str
    kept: bool


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """A run with settings from another editor, a second run beside it, and three dropped files."""
    folder = tmp_path_factory.mktemp("session")
    settings = folder / "other.env"
    settings.write_bytes(b"\xef\xbb\xbfexport NIGHTDROP_MAX_SPEC_BYTES=999\r\n")
    with dev(folder, "--settings", str(settings)) as process:
        before = (folder / "dev/emulator.env").read_text()
        refusal = refused(folder)
        kept = (folder / "dev/emulator.env").read_text() == before
        (folder / "drop/large.yaml").write_text("kind: node_upgrade\n" * 400)
        (folder / "drop" / "hall").mkdir()
        dropped = folder / "drop" / "hall" / "line 4 + more.yaml"
        dropped.write_text("kind: node_upgrade\nname: Bad\n")
        wait_for(lambda: "2 errors: " in printed(folder) and "at most 999" in printed(folder))
        dropped.write_text("kind: node_upgrade\nname: good\ntargets: {nodes: [{id: n1}]}\n")
        wait_for(lambda: "submitted" in printed(folder) and NOTICE in printed(folder))
    return Session(folder, process.pid, process.returncode, refusal, kept)


def test_a_broken_file_and_a_corrected_one(session: Session) -> None:
    """The first is reported as rejected; corrected and dropped again under its name, it runs."""
    assert "file hall/line 4 + more.yaml" in printed(session.folder)
    assert "2 errors: document 1, line 1, targets: missing" in printed(session.folder)
    assert "          document 1, line 2, name: only lower-case letters" in printed(session.folder)
    assert [state for _, state in jobs(session.folder)] == ["created"]


def test_once_it_ends_by_itself_with_the_log_complete(tmp_path: Path) -> None:
    """What is in the folder is done, also in several waves, and on record."""
    (tmp_path / "drop").mkdir()
    spec = (ROOT / "events/specs/nightly-upgrade.yaml").read_text()
    (tmp_path / "drop" / "upgrade.yaml").write_text(spec)
    rollout = (
        'targets: {nodes: [gateway-north-1, gateway-north-2]}\nrollout: {waves: [1, "100%"]}\n'
    )
    (tmp_path / "drop" / "waves.yaml").write_text(f"kind: node_upgrade\nname: waves\n{rollout}")
    done = subprocess.run(
        [sys.executable, "-m", "handler.cli", "dev", "--once", "--speed", "600"],
        cwd=tmp_path,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    with closing(SqliteLog(str(tmp_path / "dev" / "audit.db"))) as log:
        actions = [record.fields["action"] for record in log.records()]
    assert actions.count("job.created") == actions.count("job.finished") == 3
    assert "rollout.finished" in actions


def test_a_notice_is_a_line(session: Session) -> None:
    """The function sends it to the emulated topic."""
    (line,) = [line for line in printed(session.folder).splitlines() if NOTICE in line]
    assert line.split()[1:] == ["notice", "sent", *NOTICE.split(), "was", "rejected"]


def test_an_abandoned_event_leaves_a_failure_notice(tmp_path: Path) -> None:
    """Without an agency the function raises, and the failure message names the missing setting."""
    with dev(tmp_path, "--no-agency", "--odd-clock", "--retries", "0"):
        (tmp_path / "drop" / "n.yaml").write_text("kind: node_upgrade\n")
        wait_for(lambda: "given up" in printed(tmp_path))
    (notice,) = (tmp_path / "dev/failures").iterdir()
    assert "CredentialsError" in notice.read_text()
    assert "give the function an execution agency" in notice.read_text()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--timer", "tick=sometimes=x"], "a cron expression has six fields"),
        (["--timer", "tick=0 2 * * *=x"], "write 0 0 2 * * *"),
        (["--settings", "typo.env"], "typo.env: NIGHTDROP_SETTLE_AFTR: no such setting, perhaps"),
        (["--settings", "wrong.env"], "wrong.env: NIGHTDROP_SETTLE_AFTER: must be a whole number"),
        (["--settings", "near.env"], "near.env: NIGHTDRP_PREFIX: no such setting, perhaps NIGHT"),
        (["--settings", "timeout.env"], "timeout.env: RUNTIME_TIMEOUT must be a number of seconds"),
        (["--settings", "form.env"], "form.env, line 1: must be NAME=value"),
        (["--fleet", "fleet.yaml"], "fleet.yaml: line 1, nodes[0].state: must be one"),
    ],
)
def test_a_wrong_option_is_reported_before_anything_starts(
    tmp_path: Path, options: list[str], sentence: str
) -> None:
    """With status 2, in one sentence that names the file; no folder is created."""
    files = {
        "typo.env": "NIGHTDROP_SETTLE_AFTR=60",
        "wrong.env": "NIGHTDROP_SETTLE_AFTER=soon",
        "near.env": "NIGHTDRP_PREFIX=x/",
        "timeout.env": "RUNTIME_TIMEOUT=never",
        "form.env": "NIGHTDROP_SETTLE_AFTER: 60",
        "fleet.yaml": "nodes: [{name: a, state: x}]",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert sentence in refused(tmp_path, *options)
    assert not (tmp_path / "dev").exists()


def test_a_folder_that_cannot_be_created_fails_with_one_sentence(tmp_path: Path) -> None:
    """With the option that names another."""
    (tmp_path / "file").touch()
    (tmp_path / "drop").mkdir()
    assert refused(tmp_path, "--dir", "file/dev") == (
        "cannot use the folder file/dev: Not a directory; name another with --dir"
    )


def test_a_second_run_in_a_folder_is_refused_at_once(session: Session) -> None:
    """It names the first one, and takes nothing away from it."""
    assert session.refusal == (
        f"the folder dev is in use by another run, process {session.pid}; stop it, or name "
        "another folder with --dir"
    )
    assert session.kept
    assert session.status == 0


def test_the_environment_file_of_another_emulator_is_not_removed(tmp_path: Path) -> None:
    """Its environment file is left, even where nothing holds the folder."""
    (tmp_path / "dev").mkdir()
    (tmp_path / "drop").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        text = f"NIGHTDROP_OBS_ENDPOINT=http://127.0.0.1:{listening.getsockname()[1]}\n"
        (tmp_path / "dev/emulator.env").write_text(text)
        done = in_process(tmp_path)
    assert done.exit_code == 2
    assert "dev/emulator.env belongs to the emulator at http" in done.stderr
    assert (tmp_path / "dev/emulator.env").read_text() == text


def test_the_settings_file_may_come_from_any_editor(session: Session) -> None:
    """A byte-order mark, CRLF and `export` lose no setting."""
    assert "a spec file has at most 999 (NIGHTDROP_MAX" in printed(session.folder)


def test_nothing_is_written_outside_its_folders(session: Session) -> None:
    """Neither into the user's home, nor by the processes it starts."""
    assert [*(session.folder / "home").iterdir()] == []
    names = {one.name for one in session.folder.iterdir()}
    assert names == {"dev", "drop", "home", "other.env", "printed.txt"}


@pytest.mark.parametrize(("command", "number"), [("dev", signal.SIGINT), ("demo", signal.SIGHUP)])
def test_a_signal_before_it_has_started_ends_it_quietly(
    tmp_path: Path, command: str, number: signal.Signals
) -> None:
    """With status 130, and no process is left."""
    with (tmp_path / "printed.txt").open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-u", "-m", "handler.cli", command],
            cwd=tmp_path,
            env=environment(tmp_path),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    wait_for(lambda: "starting the emulator" in printed(tmp_path))
    wait_for(lambda: bool(children(process.pid)))
    below = children(process.pid)
    process.send_signal(number)
    assert process.wait(30) == 130
    assert "Traceback" not in printed(tmp_path)
    assert "Aborted" not in printed(tmp_path)
    assert not [pid for pid in below if Path(f"/proc/{pid}").exists()]


def test_an_emulator_that_dies_ends_the_run_with_a_sentence(tmp_path: Path) -> None:
    """Without it no event would be delivered any more."""
    with dev(tmp_path) as process:
        for pid, line in children(process.pid).items():
            if "handler.cli emulator" in line:
                os.kill(pid, signal.SIGKILL)
        assert process.wait(60) == 1
    assert "it ended, because the emulator ended by itself" in printed(tmp_path)


def test_a_closed_terminal_ends_the_started_processes_too(tmp_path: Path) -> None:
    """The screen cannot be drawn any more, and the user could not end the processes."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "handler.cli", "dev"],
        cwd=tmp_path,
        env=environment(tmp_path) | {"TERM": "xterm"},
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    os.close(slave)
    shown = b""
    while b"ready: drop" not in shown:
        shown += os.read(master, 4096)
    below = children(process.pid)
    assert below
    os.close(master)
    process.send_signal(signal.SIGHUP)
    process.wait(30)
    assert not [pid for pid in below if Path(f"/proc/{pid}").exists()]


@pytest.mark.skipif(not DEEP, reason="`make deep` tries it; a closed terminal does the same")
def test_a_supervisors_signal_ends_the_started_processes_too(tmp_path: Path) -> None:
    """As Ctrl-C does: neither the emulator nor the function is left running."""
    with dev(tmp_path) as process:
        process.terminate()
        assert process.wait(30) == 0
    [cloud] = [line for line in printed(tmp_path).splitlines() if line.startswith("the cloud: ")]
    port = urlsplit(cloud.removeprefix("the cloud: ")).port or 0
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)
