"""`nightdrop nodes`, `groups` and `plan`, against the emulator and against what can go wrong."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from click.testing import CliRunner
from rich.cells import cell_len

from handler.cli.main import main
from handler.emulator.ief.fleet import Fleet, Node
from handler.emulator.server import Emulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from click.testing import Result

    Run = Callable[..., Result]

COLOURS = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")
NORTH = "5a0f7c52-8e7b-4a57-9d43-1c1f0b8e2d11"
SPEC = "kind: node_upgrade\nname: hall\ntargets:\n  nodes: [{}]\n"


@pytest.fixture(scope="module")
def cloud() -> Iterator[Emulator]:
    """An emulator with the demo fleet; nothing here changes it."""
    with Emulator() as running:
        yield running


@pytest.fixture
def run(tmp_path: Path, cloud: Emulator, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command in an empty folder, with the settings of the emulator."""
    monkeypatch.chdir(tmp_path)
    for name, value in cloud.environment().items():
        monkeypatch.setenv(name, value)

    def nightdrop(*arguments: str, text: str | None = None, **more: str) -> Result:
        return CliRunner().invoke(main, [*arguments], input=text, env=more)

    return nightdrop


def names(result: Result) -> list[str]:
    """Return the lines of `-o name`."""
    assert result.exit_code == 0, result.output
    return result.stdout.splitlines()


def test_all_nodes_are_listed_by_name(run: Run) -> None:
    """Without a setting for the log."""
    assert names(run("nodes", "list", "-o", "name")) == [
        "camera-yard-1",
        "camera-yard-2",
        "gateway-north-1",
        "gateway-north-2",
        "gateway-south-1",
        "gateway-south-2",
    ]


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (["--name", "gateway-*-2"], ["gateway-north-2", "gateway-south-2"]),
        (["--state", "fail"], ["camera-yard-2"]),
        (["--tag", "site=north", "--tag", "line=2"], ["gateway-north-2"]),
        (["--upgradable", "--name", "gateway-south*"], ["gateway-south-2"]),
        (["--name", "nobody"], []),
    ],
)
def test_the_options_of_a_list_must_all_match(
    run: Run, options: list[str], found: list[str]
) -> None:
    """Name, state, tags, upgradable."""
    assert names(run("nodes", "list", "-o", "name", *options)) == found


def test_a_group_is_named_by_its_name(run: Run) -> None:
    """Where the edition has groups."""
    found = run("nodes", "list", "-o", "name", "--group", "docks", NIGHTDROP_IEF_INSTANCE="x")
    assert names(found) == ["gateway-north-1", "gateway-north-2", "gateway-south-1"]
    assert names(run("groups", "list", "-o", "name", NIGHTDROP_IEF_INSTANCE="x")) == ["docks"]


def test_a_node_is_shown_by_name_or_id_in_every_format(run: Run) -> None:
    """With all that is known of it."""
    shown = run("nodes", "show", NORTH, "-o", "yaml")
    assert yaml.safe_load(shown.stdout) == json.loads(
        run("nodes", "show", "gateway-north-1", "-o", "json").stdout
    )
    assert f"id          {NORTH}\n" in run("nodes", "show", "gateway-north-1").stdout


def test_a_node_is_shown_by_its_id_with_one_request(run: Run, cloud: Emulator) -> None:
    """However many nodes there are."""
    before = len(cloud.state.requests)
    assert run("nodes", "show", NORTH).exit_code == 0
    made = [one.operation for one in [*cloud.state.requests][before:]]
    assert made == ["ShowEdgeNode"]


@pytest.mark.parametrize("what", ["zzz", "00000000-0000-4000-8000-000000000000"])
def test_an_unknown_node_without_a_similar_name_names_the_list(run: Run, what: str) -> None:
    """What to do next."""
    result = run("nodes", "show", what)
    assert (result.exit_code, result.stdout) == (1, "")
    assert f"no node has the name or id {what}; see `nightdrop nodes list`" in result.stderr


def test_an_unknown_node_is_an_error_with_similar_names(run: Run) -> None:
    """Exit status 1."""
    result = run("nodes", "show", "gateway-nort-1")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "similar: gateway-north-1" in result.stderr


@pytest.mark.parametrize("command", [["nodes", "list"], ["nodes", "show", "x"], ["groups", "list"]])
@pytest.mark.parametrize(
    ("environ", "error"),
    [
        ({"NIGHTDROP_IEF_ENDPOINT": "http://127.0.0.1:9"}, "no connection to 127.0.0.1"),
        ({"HUAWEICLOUD_SDK_SK": "wrong"}, "IEF.011005"),
        ({"HUAWEICLOUD_SDK_AK": "", "HUAWEICLOUD_SDK_SK": ""}, "HUAWEICLOUD_SDK_AK"),
        ({"NIGHTDROP_SENDERS": "many"}, "NIGHTDROP_SENDERS"),
    ],
)
def test_what_goes_wrong_is_one_sentence_and_exit_status_2(
    run: Run, command: list[str], environ: dict[str, str], error: str
) -> None:
    """No network, wrong keys, no keys, no project: never a traceback."""
    result = run(*command, HOME="/nonexistent", **environ)
    assert result.exit_code == 2
    assert error in result.stderr
    assert "Traceback" not in result.output


def test_a_state_that_no_node_is_in_just_now_gives_an_empty_list(run: Run) -> None:
    """A script may wait until no node is upgrading."""
    result = run("nodes", "list", "--state", "freeze")
    assert (result.exit_code, result.stdout) == (0, "")


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("--state", "online"), "no node is ever online; give one of"),
        (("--tag", "site"), "has no value; write KEY=VALUE"),
    ],
)
def test_a_state_and_a_tag_that_no_node_can_have_are_refused(
    run: Run, words: tuple[str, ...], error: str
) -> None:
    """An empty list would say that there is nothing to upgrade."""
    result = run("nodes", "list", *words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert error in result.stderr


def test_without_the_right_to_list_nodes_the_answer_is_printed(run: Run, cloud: Emulator) -> None:
    """The service's own words."""
    cloud.faults.set([{"operation": "ListEdgeNodes", "fault": "status", "status": 403, "times": 1}])
    result = run("nodes", "list")
    assert result.exit_code == 2
    assert "IEF answered 403" in result.stderr
    assert "the keys need the right to list nodes, `ief:node:list`" in result.stderr


def test_ten_thousand_nodes_are_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them, in pages; and a plan finds one of them by its name."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hall.yaml").write_text(SPEC.format("gw-09999"))
    fleet = Fleet(nodes=tuple(Node(f"id-{one:05}", f"gw-{one:05}") for one in range(10_000)))
    with Emulator(fleet=fleet) as emulator:
        result = CliRunner().invoke(
            main, ["nodes", "list", "-o", "name"], env=emulator.environment()
        )
        settings = {**emulator.environment(), "NIGHTDROP_AUDIT": "sqlite:///my.db"}
        planned = CliRunner().invoke(main, ["plan", "hall.yaml"], env=settings)
    assert "gw-09999  RUNNING" in planned.stdout
    assert names(result) == [f"gw-{one:05}" for one in range(10_000)]


def test_a_plan_names_jobs_targets_and_states(run: Run, tmp_path: Path) -> None:
    """For each file; the exit status is the worst one."""
    (tmp_path / "good.yaml").write_text(SPEC.format("gateway-north-1, gateway-south-1"))
    (tmp_path / "bad.yaml").write_text(SPEC.format("gateway-nort-1"))
    result = run("plan", "good.yaml", "bad.yaml", NIGHTDROP_AUDIT="sqlite:///my.db")
    assert result.exit_code == 1
    assert result.stdout.splitlines()[:5] == [
        "✓ good.yaml: 1 job would be created",
        "job_name  target           state    note",
        "hall-…    gateway-north-1  RUNNING",
        "hall-…    gateway-south-1  RUNNING  has the newest EdgeCore already",
        "✗ bad.yaml: would be rejected",
    ]
    assert "line 4, targets.nodes[0]: no node has the name or id gateway-nort-1" in result.stdout


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("direct", "direct"),
        ("a/b.yaml", "obs://nightdrop-drop/a/b.yaml"),
        ("obs://nightdrop-drop/y.yaml",) * 2,
    ],
)
def test_a_plan_is_made_for_where_the_file_comes_from(run: Run, source: str, name: str) -> None:
    """Handed over, or dropped somewhere."""
    result = run(
        *("plan", "-", "--as", source, "-o", "json"),
        text=SPEC.format("gateway-north-1"),
        NIGHTDROP_AUDIT="sqlite:///my.db",
    )
    assert result.exit_code == 0, result.output
    reply: dict[str, Any] = json.loads(result.stdout)
    assert reply["plan"]["as"] == name


@pytest.mark.parametrize(
    "command",
    ["nodes list", "nodes show gateway-north-1", "groups list", "plan hall.yaml", "status"],
)
def test_a_narrow_terminal_shows_what_fits(run: Run, tmp_path: Path, command: str) -> None:
    """Sixty columns: what has no room is left out or cropped."""
    (tmp_path / "hall.yaml").write_text(SPEC.format("gateway-north-1"))
    settings = {"NIGHTDROP_AUDIT": "sqlite:///my.db", "NIGHTDROP_IEF_INSTANCE": "x"}
    assert run("invoke", "hall.yaml", **settings).exit_code == 0
    terminal = {"FORCE_COLOR": "1", "COLUMNS": "60", "TERM": "xterm"}
    shown = run(*command.split(), **settings, **terminal)
    lines = COLOURS.sub("", shown.stdout).splitlines()
    assert shown.exit_code == 0, shown.output
    assert max(map(cell_len, lines)) <= 60, lines


@pytest.mark.parametrize(
    ("environ", "status", "error"),
    [
        ({"NIGHTDROP_IEF_ENDPOINT": "http://127.0.0.1:9"}, 75, "no connection to 127.0.0.1"),
        ({"HUAWEICLOUD_SDK_SK": "wrong"}, 75, "IEF.011005"),
        ({"NIGHTDROP_AUDIT": ""}, 2, "NIGHTDROP_AUDIT"),
        ({"NIGHTDROP_AUDIT": "sqlite:////nonexistent/my.db"}, 2, "/nonexistent"),
    ],
)
def test_a_plan_that_cannot_be_made_is_one_sentence(
    run: Run, tmp_path: Path, environ: dict[str, str], status: int, error: str
) -> None:
    """No network, wrong keys, no log: with the exit status of what may work later."""
    (tmp_path / "hall.yaml").write_text(SPEC.format("gateway-north-1"))
    result = run("plan", "hall.yaml", **{"NIGHTDROP_AUDIT": "sqlite:///my.db", **environ})
    assert result.exit_code == status, result.output
    assert error in result.stderr
