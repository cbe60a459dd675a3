"""`nightdrop policy` and `nightdrop validate --policy`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from handler.cli.main import main
from handler.policy.policy_file import PolicyForm, RuleForm, read_policy
from handler.policy.rules import BUILT_IN
from tests.unit.policy.cases import Case

if TYPE_CHECKING:
    from handler.emulator.server import Emulator

PLAIN = json.dumps(Case("", {}).short_form())
NODES = "kind: node_upgrade\nname: hall\ntargets:\n  nodes: [{}]\n"
PRIVILEGED = json.dumps(Case("", {}, container={"privileged": True}).api_form())


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run commands in a folder with two specs and a policy."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plain.json").write_text(PLAIN)
    (tmp_path / "privileged.json").write_text(PRIVILEGED)
    rules = "rules: [{from: {prefix: ops/, account: a-1}, privileged: true}, {from: {timer: n*}}]"
    (tmp_path / "policy.yaml").write_text(rules)


def run(*words: str, status: int = 0) -> str:
    """Run a command and return its output."""
    done = CliRunner().invoke(main, words)
    assert done.exit_code == status, done.output
    return done.output


@pytest.mark.parametrize(
    ("source", "uploader", "status"),
    [
        ("ops/x.yaml", "a-1", 0),
        ("ops/x.yaml", "a-2/p", 1),
        ("ops/x.yaml", "", 1),
        ("timer:nightly", "", 1),
    ],
)
def test_check_decides_as_the_function_would(source: str, uploader: str, status: int) -> None:
    """For an object with its uploader, a timer, and a direct invocation."""
    words = ("check", "privileged.json", "--as", source, "--uploader", uploader)
    said = run("policy", *words, "--policy", "policy.yaml", status=status)
    assert ("allowed by rule 1" in said) == (status == 0)


@pytest.mark.parametrize("source", ["timr:nightly", "timer:", "Direct", "foo"])
def test_check_refuses_a_source_that_is_none(source: str) -> None:
    """Or a misspelling would be decided about like an object."""
    said = run("policy", "check", "plain.json", "--as", source, status=2)
    assert f"{source} is no source: a job spec is named *.yaml" in said


@pytest.mark.parametrize(("bucket", "status"), [("drops", 0), ("others", 1)])
def test_check_takes_the_address_of_an_object(bucket: str, status: int, tmp_path: Path) -> None:
    """For rules that name a bucket."""
    (tmp_path / "bucket.yaml").write_text("rules: [{from: {bucket: drops, prefix: ops/}}]")
    words = ("check", "plain.json", "--as", f"obs://{bucket}/ops/x.json")
    run("policy", *words, "--policy", "bucket.yaml", status=status)
    said = run("policy", "explain", "--policy", "bucket.yaml")
    assert said.startswith("1. Files under ops/ in bucket drops:")


def test_check_names_rule_and_sentence() -> None:
    """And the exit status says that one of the files is refused."""
    said = run("policy", "check", "plain.json", "privileged.json", "--as", "direct", status=1)
    sentence = (
        "  document 1: a privileged container (deployment.template.containers[0].privileged): "
        "rule 1 of the built-in policy (everyone) does not allow it"
    )
    assert said.splitlines() == [
        "✓ plain.json: allowed by rule 1",
        "✗ privileged.json: refused",
        sentence,
    ]


def test_check_reads_a_policy_in_obs(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the keys of the environment, as the function does."""
    for name, value in emulator.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("NIGHTDROP_POLICY", "obs://nightdrop-drop/policy.yaml")
    emulator.state.put_object("nightdrop-drop", "policy.yaml", b"rules: [{kinds: []}]")
    run("policy", "check", "plain.json", "--as", "direct", status=1)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("explain", "--policy", "missing.yaml"), "missing.yaml cannot be read"),
        (("explain", "--policy", "plain.json"), "line 1, kind: unknown field"),
        (("check", "plain.json", "--as", "obs://bucket"), "--as: "),
        (("check", "policy.yaml", "--as", "direct"), "policy.yaml is not a valid spec"),
    ],
)
def test_an_unusable_policy_is_reported(words: tuple[str, ...], message: str) -> None:
    """With exit status 2."""
    assert message in run("policy", *words, status=2)


def test_explain_prints_each_rule_as_sentences() -> None:
    """Who it is for, and what is allowed."""
    said = run("policy", "explain", "--policy", "policy.yaml").splitlines()
    assert said[0] == "1. Files under ops/ from account a-1:"
    assert "   - allowed: privileged containers, running as root" in said
    assert "2. The timer n*:" in said


def test_jobs_per_day_is_named_but_not_counted() -> None:
    """No command knows what was planned today."""
    Path("day.yaml").write_text("rules: [{jobs_per_day: 7, approval: required}]")
    said = run("policy", "check", "plain.json", "--as", "direct", "--policy", "day.yaml")
    assert "allowed by rule 1\n  once it is approved by someone else\n" in said
    assert "  at most 7 jobs in 24 hours, which only the log can count" in said
    output = run("policy", "explain", "--policy", "day.yaml")
    assert "at most 7 jobs in 24 hours" in output
    assert (
        "nothing runs until it is approved by an operator, or by anyone but its uploader" in output
    )


def test_the_schema_describes_every_field() -> None:
    """Under the names that a file has."""
    schema: Any = json.loads(run("policy", "schema"))
    fields = schema["$defs"]["RuleForm"]["properties"]
    assert fields.keys() == {field.alias or n for n, field in RuleForm.model_fields.items()}
    assert all(one["description"] for one in fields.values())
    assert schema["title"] == "Nightdrop policy"
    assert schema["properties"].keys() == PolicyForm.model_fields.keys()


def test_an_empty_rule_is_the_built_in_one() -> None:
    """What a file leaves out has the same value in both."""
    [rule] = read_policy(b"rules: [{}]").rules
    assert (rule._replace(source_key=""),) == BUILT_IN.rules


def test_validate_uses_a_policy_only_if_one_is_named() -> None:
    """Its refusals are errors of the file."""
    assert run("validate", "privileged.json").startswith("✓")
    assert run("validate", "--policy", "built-in", "plain.json").startswith("✓")
    said = run("validate", "--policy", "built-in", "-ojson", "privileged.json", status=1)
    found = json.loads(said)
    assert (found["valid"], found["jobs"], len(found["errors"])) == (False, 1, 1)


def test_validate_judges_a_file_as_if_it_was_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Under the watched prefix, unless a source is named."""
    rules = ("--policy", "policy.yaml")
    assert "no rule of the policy is for this source" in run(
        "validate", *rules, "plain.json", status=1
    )
    run("validate", *rules, "--as", "timer:nightly", "plain.json")
    monkeypatch.setenv("NIGHTDROP_POLICY", "closed.yaml")
    monkeypatch.setenv("NIGHTDROP_PREFIX", "ops/")
    Path("closed.yaml").write_text("rules: [{from: {prefix: ops/}}]")
    run("validate", "plain.json")


@pytest.mark.parametrize("command", [("policy", "check"), ("validate",)])
def test_names_of_nodes_are_judged_as_names(command: tuple[str, ...]) -> None:
    """As the function judges them once it has looked them up."""
    Path("names.yaml").write_text("rules: [{from: {timer: n*}, node_names: [gateway-*]}]")
    for name, status in (("gateway-north-1", 0), ("camera-yard-2", 1)):
        Path("spec.yaml").write_text(NODES.format(name))
        words = ("spec.yaml", "--as", "timer:nightly", "--policy", "names.yaml")
        said = run(*command, *words, status=status)
        assert ("a node whose name is not listed" in said) == bool(status)


@pytest.mark.parametrize("command", [("policy", "check"), ("validate",)])
def test_a_window_is_judged_with_the_operators_grace(
    command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is how long a job of a rollout may take."""
    window = "window: {from: '01:00', to: '01:18', timezone: UTC}\n"
    Path("spec.yaml").write_text(NODES.format("gateway-north-1") + window)
    words = (*command, "spec.yaml", "--as", "direct", "--policy", "built-in")
    assert "a window of" in run(*words, status=1 if command == ("validate",) else 2)
    monkeypatch.setenv("NIGHTDROP_JOB_GRACE", "2m")
    run(*words)


def test_a_wrong_validity_in_the_environment_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the operator's limit."""
    monkeypatch.setenv("NIGHTDROP_VALID_FOR", "soon")
    assert "NIGHTDROP_VALID_FOR: must be" in run(
        "policy", "check", "plain.json", "--as", "direct", status=2
    )


def test_each_error_of_a_policy_has_a_line_of_its_own(tmp_path: Path) -> None:
    """In the order of the file, as those of a spec."""
    (tmp_path / "bad.yaml").write_text("rules:\n- from: {prefx: a/}\n  kind: []\n  tags: x\n")
    wrong, *errors = run("policy", "explain", "--policy", "bad.yaml", status=2).splitlines()
    assert wrong == "nightdrop: bad.yaml: the policy is not valid"
    assert [error[:18] for error in errors] == [f"document 1, line {line}" for line in (2, 3, 4)]


def test_a_policy_that_is_missing_is_named_once() -> None:
    """What cannot be read, and why."""
    said = run("policy", "explain", "--policy", "missing.yaml", status=2)
    assert said == "nightdrop: missing.yaml cannot be read: No such file or directory\n"
