"""The `nightdrop` command, as a person runs it."""

from __future__ import annotations

import gzip
import html
import json
import os
import sqlite3
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from handler.cli.main import main

if TYPE_CHECKING:
    from click.testing import Result

    from handler.emulator.server import Emulator

EVENTS = Path(__file__).parents[3] / "events"


def nightdrop(
    *arguments: str, folder: Path, cloud: Emulator | None = None, text: str | None = None
) -> Result:
    """Run the command in a folder, with the settings of an emulator if there is one."""
    settings: dict[str, str | None] = {name: None for name in os.environ if "NIGHTDROP" in name}
    if cloud:
        settings |= {**cloud.environment(), "NIGHTDROP_AUDIT": "sqlite:///my.db"}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return CliRunner().invoke(main, [*arguments], input=text, env=settings)


def process(*arguments: str, folder: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "handler.cli", *arguments],
        cwd=folder,
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_invoke_creates_a_job_and_reports_it(tmp_path: Path, cloud: Emulator) -> None:
    """A timer's event ends with exit status 0, its job on the screen."""
    done = nightdrop("invoke", str(EVENTS / "timer-nightly.json"), folder=tmp_path, cloud=cloud)
    assert done.exit_code == 0, done.stderr
    assert done.stdout.startswith("submitted\n")
    assert "nightly-" in done.stdout


def test_invoke_with_json_prints_the_reply_alone(tmp_path: Path, cloud: Emulator) -> None:
    """Standard output is one JSON object; log lines go to standard error."""
    event = (EVENTS / "direct-spec.json").read_text()
    done = nightdrop("invoke", "-", "-ojson", folder=tmp_path, cloud=cloud, text=event)
    reply = json.loads(done.stdout)
    assert reply["outcome"] == "submitted"
    assert json.loads(done.stderr.splitlines()[-1])["action"] == "function.answered"


def test_invoke_shows_what_an_action_answers(tmp_path: Path, cloud: Emulator) -> None:
    """A plan, say, which is the whole answer."""
    spec = {"kind": "node_upgrade", "name": "hall", "targets": {"nodes": ["gateway-north-1"]}}
    event = json.dumps({"action": "plan", "spec": spec})
    done = nightdrop("invoke", "-", folder=tmp_path, cloud=cloud, text=event)
    assert done.exit_code == 0
    assert "plan:" in done.stdout
    assert "gateway-north-1" in done.stdout


def test_invoke_tells_what_is_doubtful_about_the_settings(
    tmp_path: Path, cloud: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reply says nothing about it."""
    monkeypatch.setattr(cloud, "environment", partial(_with_facts, cloud.environment()))
    event = (EVENTS / "direct-spec.json").read_text()
    done = nightdrop("invoke", "-", folder=tmp_path, cloud=cloud, text=event)
    assert done.exit_code == 0
    assert "the facts cannot be read" in done.stderr


def _with_facts(environment: dict[str, str]) -> dict[str, str]:
    return {**environment, "NIGHTDROP_FACTS": "no-such-file.json"}


def test_a_rejected_event_ends_with_status_1(tmp_path: Path, cloud: Emulator) -> None:
    """An event that is not JSON is recorded and rejected, without a traceback."""
    done = nightdrop("invoke", "-", folder=tmp_path, cloud=cloud, text="neither this nor that")
    assert done.exit_code == 1
    assert done.stdout.startswith("rejected\n")
    assert "Traceback" not in done.stdout + done.stderr
    listed = nightdrop("audit", "list", folder=tmp_path, cloud=cloud)
    assert "event.rejected" in listed.stdout


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("name", ["nightly-upgrade.yaml", "deploy-camera.yaml", "api-example.json"])
def test_invoke_takes_a_spec_in_either_language(
    tmp_path: Path, cloud: Emulator, name: str, mark: str
) -> None:
    """A file that can be dropped can be handed over, with an editor's byte order mark, too."""
    spec = tmp_path / name
    spec.write_text(f"{mark}{(EVENTS / 'specs' / name).read_text()}")
    done = nightdrop("invoke", str(spec), "-ojson", folder=tmp_path, cloud=cloud)
    assert done.exit_code == 0, done.stderr
    assert [job["state"] for job in json.loads(done.stdout)["jobs"]] == ["created"]


@pytest.mark.parametrize(
    ("data", "output"),
    [
        (b"kind: node_upgrade\nname: [\n", "line 3: not YAML here"),
        (b'{"kind": "node_upgrade",\n"name": "a", "name": "b"}', "line 2, name: duplicate key"),
        (b"kind: node_upgrade\nversion: 1.10\n", "line 2, version: this number would be sent"),
        ("kind: node_upgrade".encode("utf-16"), "UTF-16; save it as UTF-8"),
        (
            gzip.compress(b"kind: node_upgrade", mtime=0),
            "compressed with gzip; decompress it first",
        ),
        (b"kind: a\n---\nkind: b\n", "has 2 job specs; an event has one: drop the file, or"),
        (b"kind: node_upgrade\n---\nkind: b\n", "document 2, line 3, kind: "),
        (b"", ""),
    ],
)
def test_a_spec_that_cannot_be_read_is_not_run(
    tmp_path: Path, cloud: Emulator, data: bytes, output: str
) -> None:
    """Each error has its line, as for a dropped file."""
    spec = tmp_path / "spec.yaml"
    spec.write_bytes(data)
    done = nightdrop("invoke", str(spec), folder=tmp_path, cloud=cloud)
    assert done.exit_code == 1
    assert output in done.stderr
    assert "Traceback" not in done.stderr


def test_validate_shows_what_would_be_sent(tmp_path: Path) -> None:
    """The whole request body, each character as it is or as JSON escapes it."""
    spec = tmp_path / "spec.yaml"
    spec.write_text(
        "kind: node_upgrade\nname: a\ntargets: {nodes: [{id: n}]}\n"
        'tags: {version: "1.10"}\ndescription: "gr\u00f6\u00dfe \\t m"\n'
    )
    done = nightdrop("validate", "--show", str(spec), folder=tmp_path)
    assert done.exit_code == 0
    body = json.loads(done.stdout[done.stdout.index("{") :])
    assert body["tags"] == [{"key": "version", "value": "1.10"}]
    assert body["description"].endswith("gr\u00f6\u00dfe \t m")
    assert "gr\u00f6\u00dfe \\t m" in done.stdout
    output = json.loads(
        nightdrop("validate", "--show", "-ojson", str(spec), folder=tmp_path).stdout
    )
    assert output["requests"] == [body]


def test_validate_does_not_read_a_huge_file(tmp_path: Path) -> None:
    """A sparse file of gigabytes is too large, and costs nothing."""
    spec = tmp_path / "spec.yaml"
    with spec.open("wb") as opened:
        opened.truncate(3 * 1024**3)
    done = nightdrop("validate", str(spec), folder=tmp_path)
    assert done.exit_code == 1
    assert "larger than 262144 bytes; split it into several files" in done.stdout


def test_a_temporary_failure_ends_with_status_75(tmp_path: Path, cloud: Emulator) -> None:
    """Without a connection to object storage the platform would deliver again."""
    settings = {**cloud.environment(), "NIGHTDROP_AUDIT": "sqlite:///my.db"}
    settings["NIGHTDROP_OBS_ENDPOINT"] = "http://127.0.0.1:9"
    done = process("invoke", str(EVENTS / "obs.json"), folder=tmp_path, **settings)
    assert done.returncode == 75
    assert "no connection to 127.0.0.1" in done.stderr


def test_wrong_settings_end_with_status_2(tmp_path: Path) -> None:
    """Every missing setting is named, at once."""
    done = nightdrop("invoke", str(EVENTS / "obs.json"), folder=tmp_path)
    assert done.exit_code == 2
    assert "NIGHTDROP_PROJECT_ID is missing" in done.stderr
    assert "NIGHTDROP_AUDIT is missing" in done.stderr


def test_whoever_names_no_cloud_is_shown_how_to_run_without_one(tmp_path: Path) -> None:
    """The command of the hint works once the log is named, too."""
    event = str(EVENTS / "timer-nightly.json")
    hint = "without a cloud: nightdrop emulator -- nightdrop"
    assert hint in nightdrop("invoke", event, folder=tmp_path).stderr
    elsewhere = process("invoke", event, folder=tmp_path, NIGHTDROP_REGION="cn-north-4")
    assert hint not in elsewhere.stderr


def test_a_misspelt_spec_is_answered_with_its_lines_and_is_not_recorded(tmp_path: Path) -> None:
    """As `validate` does: what is written in YAML is no event."""
    (tmp_path / "a.yaml").write_text("knd: node_upgrade\nname: now\ntargets: {nodes: [n]}\n")
    done = nightdrop("invoke", "a.yaml", folder=tmp_path)
    assert done.exit_code == 1
    assert "line 1, knd: unknown field; did you mean `kind`?" in done.stderr
    assert not (tmp_path / "my.db").exists()


@pytest.mark.parametrize("command", ["invoke", "plan"])
def test_a_wrong_policy_is_a_wrong_setting(tmp_path: Path, cloud: Emulator, command: str) -> None:
    """Trying again does not help."""
    (tmp_path / "policy.yaml").write_text("rules: 1\n")
    (tmp_path / "operator.env").write_text(f"NIGHTDROP_POLICY={tmp_path / 'policy.yaml'}\n")
    spec = str(EVENTS / "specs/nightly-upgrade.yaml")
    words = ("--env-file", "operator.env", command, spec)
    done = nightdrop(*words, folder=tmp_path, cloud=cloud)
    assert done.exit_code == 2
    assert "the policy is not valid" in done.stderr
    assert "again" not in done.stderr


def test_a_misspelt_command_is_answered_with_a_similar_one(tmp_path: Path) -> None:
    """In each group."""
    for words, similar in ((("statsu",), "status"), (("audit", "sho"), "show")):
        done = nightdrop(*words, folder=tmp_path)
        assert (done.exit_code, f"Did you mean {similar}?" in done.stderr) == (2, True)


def test_validate_accepts_good_files(tmp_path: Path) -> None:
    """Every good sample is valid and says how many jobs it holds."""
    done = nightdrop("validate", str(EVENTS / "specs/many.jsonl"), folder=tmp_path)
    assert done.exit_code == 0
    assert done.stdout.rstrip().endswith("3 jobs")


def test_validate_lists_every_error(tmp_path: Path) -> None:
    """A broken file ends with status 1 and all its errors, as JSON too."""
    broken = str(EVENTS / "specs/broken.yaml")
    done = nightdrop("validate", broken, "-ojson", folder=tmp_path)
    assert done.exit_code == 1
    output = json.loads(done.stdout)
    assert not output["valid"]
    assert len(output["errors"]) > 10


def test_schema_prints_json_schema(tmp_path: Path) -> None:
    """The schema of both forms is JSON."""
    done = nightdrop("schema", folder=tmp_path)
    assert len(json.loads(done.stdout)["anyOf"]) == 2


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory, cloud: Emulator) -> Path:
    """A folder whose log holds one job."""
    folder = tmp_path_factory.mktemp("used")
    event = json.dumps(
        {"kind": "node_upgrade", "name": "shown", "targets": {"nodes": [{"id": "n1"}]}}
    )
    assert nightdrop("invoke", "-", folder=folder, cloud=cloud, text=event).exit_code == 0
    return folder


def test_audit_show_lists_the_history_of_a_job(used: Path, cloud: Emulator) -> None:
    """By its name, its id or its delivery: from the event to the outcome."""
    listed = nightdrop("audit", "list", "-ojson", folder=used, cloud=cloud)
    rows = [json.loads(line) for line in listed.stdout.splitlines()]
    created = next(row for row in rows if row["action"] == "job.created")
    for what in (created["job_name"], created["job_id"], created["delivery"]):
        output = nightdrop("audit", "show", what, "-ojson", folder=used, cloud=cloud)
        actions = [json.loads(line)["action"] for line in output.stdout.splitlines()]
        assert actions[0] == "delivery.planned"
        assert actions[-1] == "job.created"


def test_audit_show_reports_an_unknown_name(used: Path, cloud: Emulator) -> None:
    """An unknown name ends with status 1, and the message names where to look."""
    done = nightdrop("audit", "show", "unknown", folder=used, cloud=cloud)
    assert done.exit_code == 1
    assert "nightdrop audit list" in done.stderr


def test_audit_verify_finds_an_edit(used: Path, cloud: Emulator, tmp_path: Path) -> None:
    """An unchanged log is valid; one changed letter in a copy of it is found and named."""
    whole = nightdrop("audit", "verify", folder=used, cloud=cloud)
    assert (whole.exit_code, "chain valid, completeness not proven" in whole.stdout) == (2, True)
    with sqlite3.connect(used / "my.db") as source, sqlite3.connect(tmp_path / "my.db") as copy:
        source.backup(copy)
        copy.execute("DROP TRIGGER records_append_only_update")
        copy.execute("UPDATE records SET record = replace(record, 'node', 'nude') WHERE seq = 3")
    source.close()
    copy.close()
    done = nightdrop("audit", "verify", folder=tmp_path, cloud=cloud)
    assert done.exit_code == 1
    assert "record 3: was changed" in done.stdout


def test_a_missing_log_is_not_created_by_reading_it(tmp_path: Path) -> None:
    """The command reports that the log is missing, and creates none."""
    done = nightdrop("audit", "list", "--audit", "sqlite:///none.db", folder=tmp_path)
    assert done.exit_code == 2
    assert "there is no audit log at none.db" in done.stderr
    assert not (tmp_path / "none.db").exists()


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder in which the demo ran beside the files of an earlier one, and its output."""
    folder = tmp_path_factory.mktemp("beside")
    (folder / "demo").mkdir()
    (folder / "demo/audit.db").write_bytes(b"a log")
    done = process("demo", folder=folder, HOME=str(folder), XDG_RUNTIME_DIR="")
    assert done.returncode == 0, done.stdout + done.stderr
    return folder, done.stdout


def test_the_demo_shows_its_scenarios(demo: tuple[Path, str]) -> None:
    """Four scenarios, no duplicate, every error in the result file, a valid chain at the end."""
    folder, printed = demo
    assert {one.name for one in folder.iterdir()} == {"demo", "demo-2"}, "it writes nowhere else"
    for word in ("submitted", "duplicate", "rejected", "job_name: 31 characters", "valid"):
        assert word in printed
    with sqlite3.connect(folder / "demo-2/audit.db") as log:
        jobs = log.execute("SELECT state FROM jobs").fetchall()
    log.close()
    assert jobs == [("created",), ("created",), ("adopted",)]


def test_the_picture_of_the_demo_has_its_headings(demo: tuple[Path, str]) -> None:
    """It is recorded by hand, so a heading that changes would stay there."""
    picture = html.unescape((EVENTS.parent / "infra" / "demo.svg").read_text()).replace("\xa0", " ")
    headings = [line for line in demo[1].splitlines() if line[:1].isdigit() and line[1:3] == ". "]
    assert len(headings) >= 4
    assert [heading for heading in headings if heading not in picture] == []


def test_a_demo_does_not_change_the_folder_of_an_earlier_one(demo: tuple[Path, str]) -> None:
    """It runs in a new folder, whose name is in the command it ends with."""
    folder, printed = demo
    assert printed.rstrip().endswith("sqlite:///demo-2/audit.db")
    assert (folder / "demo/audit.db").read_bytes() == b"a log"


@pytest.mark.parametrize("name", ["audit.db", "emulator.env", "notes.txt"])
def test_a_demo_does_not_use_a_folder_that_is_not_empty(tmp_path: Path, name: str) -> None:
    """Such as that of `nightdrop dev`, with its log: it is refused in one sentence."""
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev" / name).write_bytes(b"mine")
    done = nightdrop("demo", "--dir", "dev", folder=tmp_path)
    assert done.exit_code == 2
    assert done.stderr == (
        "nightdrop: dev is not empty, and the demo overwrites nothing; "
        "name a new folder with --dir\n"
    )
    assert [one.read_bytes() for one in (tmp_path / "dev").iterdir()] == [b"mine"]


def on_a_full_disk(
    kilobytes: int, *arguments: str, folder: Path
) -> subprocess.CompletedProcess[str]:
    """Run the command where no file may grow beyond a size, as on a disk that is full."""
    shell = f'ulimit -f {kilobytes}; exec "$0" -m handler.cli "$@"'
    return subprocess.run(
        ["/bin/sh", "-c", shell, sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(EVENTS.parent)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("kilobytes", [0, 8])
def test_a_demo_on_a_full_disk_fails_with_one_sentence(tmp_path: Path, kilobytes: int) -> None:
    """Whichever of its files is the first that cannot be written."""
    done = on_a_full_disk(kilobytes, "demo", folder=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("nightdrop: ")
    assert "Traceback" not in done.stderr


def test_a_hold_on_a_log_that_cannot_be_written_fails_with_one_sentence(
    used: Path, tmp_path: Path
) -> None:
    """Every other command does the same."""
    (tmp_path / "my.db").write_bytes((used / "my.db").read_bytes())
    done = on_a_full_disk(0, "hold", "--audit", "sqlite:///my.db", folder=tmp_path)
    assert done.returncode in (2, 74)
    assert len(done.stderr.splitlines()) == 1
    assert "the audit log" in done.stderr
