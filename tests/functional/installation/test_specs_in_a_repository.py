"""The pre-commit hook and the steps of the GitHub Action, run in a repository with specs."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from handler.local.env_file import read_env_file
from tests.functional.commands.test_dev import dev

ROOT = Path(__file__).parents[3]
ACTION = yaml.safe_load((ROOT / ".github/actions/validate-and-drop/action.yml").read_text())
STEPS = {step["name"]: step for step in ACTION["runs"]["steps"]}
GIT, BASH = shutil.which("git") or "git", shutil.which("bash") or "bash"
GOOD = "kind: node_upgrade\nname: {}\ntargets:\n  nodes: [gateway-north-1]\n"
DROP = """\
#!/bin/sh
case "$*" in
*drop*) echo "$*" >> "$RUNNER_TEMP/calls"
  printf '%s\\n' '{"job_name": "a-2b", "state": "succeeded", "note": null}'
  printf '%s\\n' '{"job_name": "c|d", "state": "failed", "note": "one\\ntwo"}'
  exit 1 ;;
*) exec REAL "$@" ;;
esac
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with one valid spec in it."""
    folder = tmp_path / "checkout"
    (folder / "specs").mkdir(parents=True)
    (folder / "specs" / "a b.yaml").write_text(GOOD.format("first"))
    git(folder, "init", "-q")
    commit(folder)
    return folder


def git(folder: Path, *words: str) -> str:
    """Run git in a folder and return its output."""
    name = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    done = subprocess.run(
        [GIT, *name, *words], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def commit(folder: Path) -> str:
    """Commit everything and return the commit's id."""
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "x")
    return git(folder, "rev-parse", "HEAD")


def run_step(name: str, folder: Path, **environ: str) -> tuple[int, str, str]:
    """Run a step as GitHub does; return its status, its output and what it wrote as summary."""
    temp = folder.parent / "runner"
    temp.mkdir(exist_ok=True)
    real = Path(sys.executable).parent / "nightdrop"
    if "NIGHTDROP_BUCKETS" in environ:
        (temp / "nightdrop").symlink_to(real)
    else:
        (temp / "nightdrop").write_text(DROP.replace("REAL", str(real)))
        (temp / "nightdrop").chmod(0o755)
    (summary := temp / "summary.md").unlink(missing_ok=True)
    given = {
        "PATH": f"{temp}{os.pathsep}{os.environ['PATH']}",
        "SPECS": "specs",
        "PROFILE": "",
        "RUNNER_TEMP": str(temp),
        "GITHUB_STEP_SUMMARY": str(summary),
        "GITHUB_SHA": git(folder, "rev-parse", "HEAD"),
    }
    done = subprocess.run(
        [BASH, "--noprofile", "--norc", "-eo", "pipefail", "-c", STEPS[name]["run"]],
        cwd=folder,
        env={**os.environ, **given, **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    return (
        done.returncode,
        done.stdout + done.stderr,
        summary.read_text() if summary.exists() else "",
    )


def drops(folder: Path) -> list[str]:
    """Return the calls of `nightdrop drop`."""
    return sorted((folder.parent / "runner" / "calls").read_text().splitlines())


def test_valid_specs_pass_with_a_summary(checkout: Path) -> None:
    """Whatever characters are in their names."""
    status, said, summary = run_step("Validate", checkout)
    assert (status, said) == (0, "")
    assert "    ✓ specs/a b.yaml: 1 job" in summary


def test_an_error_is_annotated_and_fails_the_step(checkout: Path) -> None:
    """On its line; the summary has all errors."""
    (checkout / "specs" / "bad.yaml").write_text("kind: node_upgrade\nname: X\n")
    commit(checkout)
    status, said, summary = run_step("Validate", checkout)
    assert status == 1
    assert "::error file=specs/bad.yaml,line=2,title=Nightdrop::name: only lower-case" in said
    assert "    ✗ specs/bad.yaml: 2 errors" in summary


def test_a_folder_without_specs_passes(checkout: Path) -> None:
    """It says so."""
    status, said, summary = run_step("Validate", checkout, SPECS="nowhere")
    assert (status, said) == (0, summary)


def test_only_what_a_push_changed_is_dropped(checkout: Path) -> None:
    """Each file below its folder in the bucket; the summary and the status have all of them."""
    before = git(checkout, "rev-parse", "HEAD")
    (checkout / "specs" / "team-a").mkdir()
    (checkout / "specs" / "team-a" / "new.yaml").write_text(GOOD.format("new"))
    (checkout / "specs" / "notes.txt").write_text("no spec")
    commit(checkout)
    status, _, summary = run_step("Drop what changed", checkout, BEFORE=before, PROFILE="p")
    assert status == 1
    assert drops(checkout) == [
        "--profile p drop --wait -o json --as team-a/new.yaml -- specs/team-a/new.yaml"
    ]
    assert summary.splitlines() == [
        "### Dropped: exit status 1",
        "",
        "| job_name | state | note |",
        "| --- | --- | --- |",
        "| a-2b | succeeded |  |",
        "| c\\|d | failed | one two |",
    ]


def test_the_first_push_drops_everything(checkout: Path) -> None:
    """Nothing was there before."""
    (checkout / "specs" / "c.json").write_text("{}")
    commit(checkout)
    run_step("Drop what changed", checkout, BEFORE="0" * 40)
    assert drops(checkout) == [
        "drop --wait -o json --as a b.yaml -- specs/a b.yaml",
        "drop --wait -o json --as c.json -- specs/c.json",
    ]


def test_a_push_reaches_the_fleet(checkout: Path, tmp_path: Path) -> None:
    """Against the emulated cloud and the function, with what became of each job."""
    (checkout / "specs" / "second.yaml").write_text(GOOD.format("second"))
    commit(checkout)
    with dev(tmp_path, "--speed", "600"):
        environ = read_env_file(tmp_path / "dev" / "operator.env")
        status, said, summary = run_step("Drop what changed", checkout, BEFORE="0" * 40, **environ)
    assert status == 0, said
    rows = [line.split(" | ") for line in summary.splitlines()[4:]]
    assert [(row[0], row[1][:6], row[2]) for row in rows] == [
        ("| a b.yaml", "first-", "succeeded"),
        ("| second.yaml", "second", "succeeded"),
    ]


def test_a_shallow_checkout_is_an_error_that_says_what_to_do(checkout: Path) -> None:
    """What a push changed is unknown then."""
    status, said, _ = run_step("Drop what changed", checkout, BEFORE="1" * 40)
    assert (status, "check out with fetch-depth: 0" in said) == (1, True)


def test_a_push_without_specs_drops_nothing(checkout: Path) -> None:
    """It says so."""
    head = git(checkout, "rev-parse", "HEAD")
    status, said, summary = run_step("Drop what changed", checkout, BEFORE=head)
    assert (status, said, summary) == (0, "No job spec changed.\n", "No job spec changed.\n")


def test_no_step_pastes_an_expression_into_its_script() -> None:
    """A branch or an input could hold a command; they come in as variables."""
    for step in STEPS.values():
        assert "${{" not in step["run"]
        assert set(re.findall(r"inputs\.(\w+)", json.dumps(step.get("env", {})))) <= {
            *ACTION["inputs"]
        }
    assert STEPS["Drop what changed"]["if"].startswith("github.event_name == 'push' && ")


def test_the_files_that_are_installed_are_there() -> None:
    """Below the folder that the step computes."""
    script = STEPS["Install nightdrop"]["run"]
    for path in re.findall(r'"\$root/([\w./-]+)"', script):
        assert (ROOT / path).exists(), path
    subprocess.run([BASH, "-n", "-c", script], check=True)


@pytest.fixture
def hook() -> dict[str, Any]:
    """The hook of pre-commit."""
    (found,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    return dict(found)


def test_the_hook_runs_on_specs_and_fails_on_an_error(hook: dict[str, Any], checkout: Path) -> None:
    """With the names of files behind its entry, as pre-commit adds them."""
    assert re.search(hook["files"], "specs/a b.yaml")
    assert not re.search(hook["files"], ".github/workflows/ci.yml")
    (checkout / "bad.yaml").write_text("kind: node_upgrade\n")
    environ = {**os.environ, "PATH": str(Path(sys.executable).parent)}
    for file, status in (("specs/a b.yaml", 0), ("bad.yaml", 1)):
        words = [*hook["entry"].split(), file]
        command = shutil.which(words[0], path=environ["PATH"])
        assert command
        done = subprocess.run(
            [command, *words[1:]], cwd=checkout, env=environ, capture_output=True, check=False
        )
        assert done.returncode == status
