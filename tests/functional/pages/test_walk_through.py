"""From an empty account to the first job: what Terraform renders, run on the emulated cloud.

The buckets and settings are those of `infra/`, the commands those of infra/README.md.
Only the endpoints are the emulator's, and what stands between bucket and function is the test.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from handler.cli.main import main
from handler.emulator.state.changes import VersioningSet
from tests.support.terraform.configuration import Configuration
from tests.support.terraform.rendering import LEAST, TERRAFORM, rendered

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result

    from handler.emulator.server import Emulator

    Environ = dict[str, str]
    Fire = Callable[[Environ, object], dict[str, Any]]

INFRA = Path(__file__).parents[3] / "infra"
PREFIX = "example-nightdrop"

pytestmark = pytest.mark.skipif(
    TERRAFORM is None, reason="TERRAFORM IS NOT HERE: what it deploys is not tried"
)


@pytest.fixture(scope="module")
def outputs() -> dict[str, Any]:
    """The deployment's outputs when only required variables are set."""
    return rendered(INFRA / "shape", LEAST | {"bucket_prefix": PREFIX})


@pytest.fixture
def deployed(
    outputs: dict[str, Any], emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> Environ:
    """The buckets exist, and the operator's environment has the function's settings and keys."""
    buckets = {one.name: one for one in Configuration(INFRA).resources() if "bucket" in one.body}
    for name, bucket in outputs["buckets"].items():
        emulator.state.create_bucket(bucket)
        if buckets[name].body.get("versioning") is True:
            emulator.state.change(VersioningSet(bucket, "Enabled"))
    environ = {**emulator.environment(), **json.loads(outputs["user_data"])}
    for name, text in environ.items():
        monkeypatch.setenv(name, text)
    return environ


@pytest.fixture
def dropped(
    outputs: dict[str, Any], drop: Callable[..., Any], sample: Callable[[str], bytes]
) -> object:
    """The event of a file that was dropped where infra/README.md says."""
    data = sample("specs/deploy-camera.yaml")
    return drop("drop/upgrade.yaml", data, bucket=outputs["buckets"]["drop"])


def run(*arguments: str) -> Result:
    """Run a command of the operator's."""
    return CliRunner().invoke(main, [*arguments])


def test_the_walk_through_leads_to_a_job(
    outputs: dict[str, Any], deployed: Environ, emulator: Emulator, dropped: object, fire_in: Fire
) -> None:
    """Probe, doctor, drop, look, lock, verify: each command reports success."""
    tick = json.loads(json.loads(outputs["timers"]["tick"]["event_data"])["user_event"])
    assert run("audit", "probe", deployed["NIGHTDROP_AUDIT"]).exit_code == 0
    examined = run("doctor")
    assert examined.exit_code == 0, examined.stdout
    assert "warn" not in examined.stdout
    assert run("probe").exit_code == 0
    assert fire_in(deployed, dropped)["outcome"] == "submitted"
    assert fire_in(deployed, tick)["errors"] == []
    assert len(emulator.state.all_jobs()) == 1
    assert "job.created" in run("audit", "list").stdout
    results = emulator.state.buckets[outputs["buckets"]["results"]]
    assert [*results] == ["results/upgrade.yaml.result.json"]
    locked = run("audit", "lock", f"obs://{outputs['buckets']['checkpoints']}", "--days=9", "--yes")
    assert locked.exit_code == 0, locked.stderr
    assert fire_in(deployed, tick)["errors"] == []
    verified = run("audit", "verify")
    assert (verified.exit_code, "confirmed from outside" in verified.stdout) == (0, True)


def test_the_log_must_not_be_locked(outputs: dict[str, Any], deployed: Environ) -> None:
    """A typing error would end all recording."""
    assert deployed
    locked = run("audit", "lock", f"obs://{outputs['buckets']['log']}", "--days=9", "--yes")
    assert (locked.exit_code, "lock another" in locked.stderr) == (2, True)
