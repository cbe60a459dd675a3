"""`nightdrop rollout` against the emulator: a rollout of a few dozen nodes, by hand."""

from __future__ import annotations

import getpass
import json
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from handler.cli.main import main
from handler.emulator.ief.fleet_file import read_fleet
from handler.emulator.server import Emulator
from tests.conftest import dropping, environment, records

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from click.testing import Result

FLEET = """
nodes:
  - {name: "gw-{number}", count: 36, version: 2.53.0}
  - {name: "gw-full-{number}", count: 4, version: 2.53.0, failing: 100%}
  - {name: "gw-off-{number}", count: 3, version: 2.53.0, offline: 100%}
newest: 2.56.0
"""
SPEC = {
    "kind": "node_upgrade",
    "name": "nightly",
    "targets": {"select": {"name": "gw-*", "upgradable": True}},
    "rollout": {"waves": [2, "50%", "100%"], "max_targets_per_job": 7, "approve_before": [2]},
}
AT_ONCE = 1e6  # seconds of the fleet's time in a real second


@dataclass(frozen=True)
class Site:
    """A log, and an emulated fleet on which every job ends at once.

    Attributes:
        environ: The command's environment.
        fire: Hands an event to the function.
    """

    environ: dict[str, str]
    fire: Callable[[object], dict[str, Any]]

    def run(self, *arguments: str, **more: str) -> Result:
        """Run a command of `nightdrop rollout`."""
        return CliRunner().invoke(main, ["rollout", *arguments], env={**self.environ, **more})

    def begin(self, **rollout: object) -> str:
        """Begin a rollout, run the reconciler once, and return the rollout's name."""
        spec = {**SPEC, "rollout": {**SPEC["rollout"], **rollout}}  # type: ignore[dict-item]
        [one] = self.fire(spec)["rollouts"]
        self.reconcile()
        return str(one["name"])

    def reconcile(self, times: int = 1) -> None:
        """Run the reconciler; each run ends what runs, and begins what comes next."""
        for _ in range(times):
            self.fire({"action": "reconcile"})

    def standing(self) -> dict[str, Any]:
        """Return the only rollout as `list` has it."""
        return dict(json.loads(self.run("list", "-o", "json").stdout))

    def actions(self, actor: str = "") -> list[str]:
        """Return the actions of all records, or of those of an actor of some kind."""
        kept = records(self.environ)
        return [
            one["action"] for one in kept if not actor or one.get("actor", {}).get("kind") == actor
        ]


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """The fleet, for all tests: what is upgraded stays upgradable, since each test resets it."""
    file = tmp_path_factory.mktemp("fleet") / "fleet.yaml"
    file.write_text(FLEET)
    with Emulator(fleet=read_fleet(file), speed=AT_ONCE) as running:
        yield running


@pytest.fixture
def site(
    fleet: Emulator,
    tmp_path: Path,
    fire_in: Callable[..., dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> Site:
    """The fleet as it was at first, and a log of its own."""
    monkeypatch.chdir(tmp_path)
    fleet.state.reset()
    environ = environment(fleet, tmp_path)
    return Site(environ, lambda event: fire_in(environ, event))


def test_a_rollout_is_listed_with_what_it_waits_for(site: Site) -> None:
    """In one row; -o json has the reply's words."""
    name = site.begin()
    header, row = site.run("list").stdout.splitlines()
    assert header.split() == [*("name", "state", "wave", "nodes", "waits", "for", "note")]
    assert row.split()[:8] == [name, "running", "1/3", "2", "of", "40", "(5%)", "approval"]
    assert site.standing()["waits"]["for"] == "approval"
    assert site.run("list", "-o", "name", "--state", "running").stdout == f"{name}\n"
    empty = site.run("list", "--state", "paused")
    assert (empty.exit_code, empty.stdout, empty.stderr) == (0, "", "No rollout matches.\n")


def test_a_rollout_is_shown_with_its_waves_and_reasons(site: Site) -> None:
    """A bar for each wave, and how many nodes failed or were skipped why."""
    name = site.begin(approve_before=[], max_failed=0)
    site.reconcile(2)
    shown = site.run("show", "night")
    assert shown.exit_code == 0
    lines = [line.rstrip() for line in shown.stdout.splitlines()]
    assert lines[0] == (f"{name}  paused, wave 2 of 3, 20 of 40 (50%) nodes, waits for resume")
    assert any(
        line.startswith("wave 2  ███") and "✗" in line and "paused" in line for line in lines
    )
    assert any(line.startswith("wave 3  ░░░") and line.endswith("20 pending") for line in lines)
    assert any("more than 0 pauses it" in line for line in lines)
    assert "    3  offline: gw-off-" in shown.stdout
    said = json.loads(site.run("show", name, "-o", "json").stdout)
    assert sum(one["nodes"] for one in said["failures"]) == said["nodes"]["failed"] > 0
    assert all(node.startswith("gw-full-") for one in said["failures"] for node in one["names"])
    assert site.run("show", name[:9], "-o", "name").stdout == f"{name}\n"


def test_jobs_that_run_are_shown_and_without_ief_the_rest(site: Site) -> None:
    """A line on standard error says why IEF does not tell."""
    site.fire(SPEC)
    assert "Running jobs (1)" in site.run("show", "nightly").stdout
    for command in (["list"], ["show", "nightly"], ["watch", "nightly", "--timeout", "0"]):
        done = site.run(*command, NIGHTDROP_IEF_ENDPOINT="http://127.0.0.1:9")
        assert "running" in done.stdout, command
        assert ("IEF is not asked" in done.stderr) == (command[0] == "show")


def test_a_rollout_is_watched_to_its_end(site: Site) -> None:
    """A line for each change; the exit status says how it ended, or that it has not."""
    name = site.begin()
    waits = site.run("watch", "nightly", "--timeout", "0")
    assert waits.exit_code == 75
    assert waits.stdout == f"{name}  running  wave 1/3  2 of 40 (5%) nodes  waits for approval\n"
    site.run("approve", "nightly")
    site.reconcile(9)
    ended = site.run("watch", "nightly")
    assert ended.exit_code == 1
    assert ended.stdout == f"{name}  finished  wave 3/3  40 of 40 (100%) nodes, 4 failed\n"


def test_the_exit_status_of_a_rollout_without_failures_is_zero(site: Site) -> None:
    """Nodes that were left out do not count."""
    spec = {**SPEC, "targets": {"select": {"name": "gw-??"}}, "rollout": {"waves": ["100%"]}}
    site.fire(spec)
    site.reconcile(2)
    assert site.run("watch", "nightly").exit_code == 0


def test_an_operator_brings_a_rollout_through(site: Site) -> None:
    """Approved, paused, resumed, retried, stopped: each once, on record with who asked."""
    name = site.begin()
    for operation in ("approve", "pause", "resume"):
        done = site.run(operation, "nightly", "--reason", "ticket 4711")
        assert (done.exit_code, done.stdout.split()[0]) == (0, name), done.stderr
        again = site.run(operation, "nightly")
        assert again.exit_code == (1 if operation == "approve" else 0)
    site.reconcile(9)
    assert site.run("resume", "nightly").exit_code == 1
    retried = site.run("retry", "nightly")
    assert (retried.exit_code, "running" in retried.stdout) == (0, True)
    site.reconcile(2)
    assert site.standing()["nodes"]["failed"] == 4
    assert site.actions("operator") == [
        *("wave.approved", "rollout.paused", "rollout.resumed", "rollout.retried")
    ]
    [paused] = [one for one in records(site.environ) if one["action"] == "rollout.paused"]
    assert paused["actor"] == {"kind": "operator", "name": getpass.getuser()}
    assert paused["note"] == "ticket 4711"


def test_a_stop_is_asked_about_and_final(site: Site) -> None:
    """No answer is no."""
    site.begin()
    assert site.run("stop", "nightly").exit_code == 2
    assert site.standing()["state"] == "running"
    assert site.run("stop", "nightly", "--yes").exit_code == 0
    assert site.standing()["state"] == "stopped"
    assert site.run("watch", "nightly").exit_code == 1
    refused = site.run("resume", "nightly")
    assert (refused.exit_code, "is stopped: it has ended" in refused.stderr) == (1, True)


def test_a_wave_is_approved_by_its_number_before_it_waits(site: Site) -> None:
    """In their order, and only those that need it."""
    site.fire({**SPEC, "rollout": {"waves": [2, "50%", "100%"], "approve_before": [2, 3]}})
    for wave, why in ((1, "no approval of wave 1 is needed"), (3, "approve wave 2 first")):
        refused = site.run("approve", "nightly", "--wave", str(wave))
        assert (refused.exit_code, why in refused.stderr) == (1, True)
    assert site.run("approve", "nightly", "--wave", "2").exit_code == 0
    site.reconcile(9)
    assert site.standing()["wave"] == 2
    assert site.run("approve", "nightly").exit_code == 0
    site.reconcile(9)
    assert site.standing()["state"] == "finished"


def test_a_late_copy_of_an_event_with_its_time_changes_nothing(site: Site) -> None:
    """The rollout was paused again in between, and stays so."""
    name = site.begin()
    site.fire({"action": "rollout.pause", "rollout": name})
    asked_at = datetime.now(timezone.utc).isoformat()
    resume = {"action": "rollout.resume", "rollout": name, "asked_at": asked_at}
    assert site.fire(resume)["outcome"] == "completed"
    site.fire({"action": "rollout.pause", "rollout": name})
    copy = site.fire(resume)
    assert (copy["outcome"], "look at it, and ask again" in copy["errors"][0]) == ("rejected", True)
    assert site.standing()["state"] == "paused"


@pytest.mark.parametrize(
    "command", ["show", "watch", "pause", "resume", "approve", "stop", "retry"]
)
def test_an_unknown_or_ambiguous_rollout_is_an_error(site: Site, command: str) -> None:
    """With similar names, or all that are meant; nothing is recorded."""
    name = site.begin()
    site.fire({**SPEC, "name": "nightly", "rollout": {"waves": [1, "100%"]}})
    before = site.actions()
    unknown, several = site.run(command, "nihgtly"), site.run(command, "nightly")
    assert (unknown.exit_code, several.exit_code) == (1, 1)
    assert name in unknown.stderr
    assert several.stderr.count("(rollout ") == 2
    assert site.actions() == before


@pytest.mark.parametrize("store", ["sqlite", "obs"])
def test_the_audit_trail_of_a_rollout_is_found_by_its_name(site: Site, store: str) -> None:
    """It is that of its delivery; the beginning of the name is enough."""
    if store == "obs":
        site.environ["NIGHTDROP_AUDIT"] = "obs://nightdrop-drop/audit/"
    [delivery] = site.fire(SPEC)["deliveries"]
    name = site.standing()["name"]

    def shown(what: str) -> str:
        done = CliRunner().invoke(main, ["audit", "show", what], env=site.environ)
        assert done.exit_code == 0, done.stderr
        return done.stdout

    assert shown(name) == shown(name[:-2]) == shown(delivery)
    assert "rollout.planned" in shown(name)


def test_status_has_a_line_for_a_rollout_and_none_for_its_jobs(site: Site) -> None:
    """Its wave, its nodes, what it waits for, why nodes failed; a paused one is not well."""
    name = site.begin()
    first = CliRunner().invoke(main, ["status"], env=site.environ)
    lines = first.stdout.splitlines()
    assert lines[:3] == ["Waiting        nothing", "Running        nothing", "Rollouts (1)"]
    assert lines[3] == f"{name}  running  wave 1/3  2 of 40 (5%) nodes  waits for approval"
    assert (first.exit_code, "Last day       no job, those of rollouts aside" in lines) == (0, True)
    site.run("pause", "nightly")
    assert CliRunner().invoke(main, ["status"], env=site.environ).exit_code == 1
    site.run("resume", "nightly")
    site.run("approve", "nightly")
    site.reconcile(9)
    ended = CliRunner().invoke(main, ["status", "-o", "json"], env=site.environ)
    [rollout] = json.loads(ended.stdout)["rollouts"]
    assert (ended.exit_code, rollout["state"]) == (1, "finished")
    assert sum(one["nodes"] for one in rollout["failures"]) == 4


def test_a_drop_is_followed_to_where_a_person_is_needed_and_to_the_end(
    site: Site, fleet: Emulator, tmp_path: Path
) -> None:
    """By its result file: exit status 75 for an approval, 1 for nodes that failed."""
    text = json.dumps(SPEC)
    (tmp_path / "nightly.yaml").write_text(text)
    site.fire(dropping(fleet)("drop/nightly.yaml", text.encode()))
    site.reconcile()
    command = ["drop", "nightly.yaml", "--wait"]
    waits = CliRunner().invoke(main, command, env=site.environ)
    [line] = waits.stdout.splitlines()
    assert (waits.exit_code, line.split()[1:4]) == (75, ["running", "wave", "1/3,"])
    assert "waits for approval: `nightdrop rollout approve nightly-" in line
    site.run("approve", "nightly")
    site.reconcile(9)
    ended = CliRunner().invoke(main, [*command, "-o", "json"], env=site.environ)
    row = json.loads(ended.stdout)
    assert (ended.exit_code, row["state"]) == (1, "finished")
    assert row["progress"] == "wave 3/3, 40 of 40 (100%), 4 failed"


def test_replies_have_a_line_for_a_rollout_and_no_jobs_of_it(site: Site, tmp_path: Path) -> None:
    """A run that ended one with failed nodes has exit status 1."""
    (tmp_path / "nightly.yaml").write_text(json.dumps(SPEC))
    first = CliRunner().invoke(main, ["invoke", "nightly.yaml"], env=site.environ)
    lines = first.stdout.splitlines()
    assert (first.exit_code, lines[0], lines[1].split()[0]) == (0, "submitted", "name")
    assert (lines[2].split()[1:3], lines[-1][:4]) == (["running", "1/3"], "log:")
    site.reconcile()
    site.run("approve", "nightly")
    statuses = []
    for _ in range(9):
        done = CliRunner().invoke(main, ["reconcile"], env=site.environ)
        assert "job name" not in done.stdout
        statuses.append(done.exit_code)
    assert sorted(set(statuses)) == [0, 1, 75]
    assert statuses.count(1) == 1


def test_a_plan_draws_the_waves_before_anything_is_done(site: Site, tmp_path: Path) -> None:
    """What is selected and skipped, the policy's rule, and a time line; the same again is known."""
    (tmp_path / "nightly.yaml").write_text(json.dumps(SPEC))
    command = ["plan", "--as", "direct", "nightly.yaml"]
    lines = CliRunner().invoke(main, command, env=site.environ).stdout.splitlines()
    assert lines[0] == "✓ nightly.yaml: 1 rollout would be created"
    assert "  rule 1 of the built-in policy allows it" in lines
    assert any(line.startswith("  nodes     40 nodes: gw-") for line in lines)
    assert "  skips     3 offline" in lines
    assert [line.split()[:3] for line in lines[-4:-1]] == [
        *(["1", "2", "1"], ["2", "18", "3"], ["3", "20", "3"])
    ]
    assert all("█" in line for line in lines[-4:-1])
    assert not (tmp_path / "audit.db").exists() or site.actions() == []
    site.fire(SPEC)
    again = CliRunner().invoke(main, command, env=site.environ).stdout.splitlines()
    assert (again[0], again[-1].split()[1]) == (
        *("= nightly.yaml: nothing to do: it was run before", "running"),
    )


@pytest.mark.parametrize("command", ["list", "show x", "watch x", "pause x"])
def test_an_empty_log_is_an_error(site: Site, tmp_path: Path, command: str) -> None:
    """After a typing error in its address an empty table would be believed."""
    missing = site.run(*command.split(), NIGHTDROP_AUDIT=f"sqlite:///{tmp_path}/other.db")
    assert (missing.exit_code, "there is no audit log" in missing.stderr) == (2, True)
