"""What only the function sees of the cloud: from inside, by event, and by the events it gets."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from handler.cli.main import main
from handler.emulator.credentials import CredentialIssuer
from handler.emulator.server import Emulator
from handler.function import handle
from handler.invocation.instance import open_instance
from handler.local.triggers.event_factory import SHAPES, Upload
from handler.probe import event_check
from handler.probe.event_check import KEY_ENCODING
from handler.probe.function_checks import REMAINING
from tests.conftest import ROOT, context, environment, records

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from handler.emulator.obs.notifications import Notification
    from handler.invocation.instance import Instance
    from handler.values.canonical_json import Json
    from tests.conftest import Environ, Reply

NODE = "gateway-1"
PROBE = {"action": "probe"}
RAW: dict[str, Json] = {"operation": "PutObject", "fault": "raw_keys"}


class Deployment:
    """An emulated cloud whose bucket notifies a function, in the shape of a trigger."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.shape = folder, "eventgrid"
        self.emulator = Emulator(raise_event=self.announce)
        self.instances: list[Instance] = []
        self.environ: Environ = {}

    def open(self, **settings: str) -> None:
        """Open the function, with temporary keys and some settings."""
        keys: Any = CredentialIssuer(self.emulator.account, time.time).credentials()
        self.environ = {
            **environment(self.emulator, self.folder),
            "HUAWEICLOUD_SDK_AK": keys["ak"],
            "HUAWEICLOUD_SDK_SK": keys["sk"],
            "HUAWEICLOUD_SDK_SECURITY_TOKEN": keys["token"],
            "RUNTIME_TIMEOUT": "60",
            **settings,
        }
        opened = open_instance(context(self.environ), self.environ, lambda _line: None)
        self.instances.append(opened)

    def announce(self, notification: Notification) -> None:
        """Hand the event of a new object to the function."""
        if self.instances:
            at = datetime.now(timezone.utc)
            self.fire(SHAPES[self.shape](Upload(**asdict(notification), at=at)))

    def fire(self, event: object) -> Reply:
        """Hand an event to the function."""
        return handle(event, context(self.environ), self.instances[-1])

    def facts(self, *words: str) -> dict[str, Any]:
        """Run the command in the function's environment; return its facts by name."""
        file = self.folder / "facts.json"
        done = CliRunner().invoke(main, ["probe", *words, "--json", str(file)], env=self.environ)
        assert done.exit_code in {0, 1}, done.output
        return {one["name"]: one for one in json.loads(file.read_text())["facts"]}


@pytest.fixture
def deployment(tmp_path: Path) -> Iterator[Deployment]:
    """A deployment."""
    deployed = Deployment(tmp_path)
    with deployed.emulator:
        yield deployed
        for one in deployed.instances:
            one.close()


def test_the_function_answers_what_it_sees_from_inside(deployment: Deployment) -> None:
    """And only reads; nothing of its keys is in the answer."""
    deployment.open()
    answer = deployment.fire(PROBE)
    assert (answer["outcome"], answer["errors"], answer.get("warnings")) == ("completed", [], None)
    facts = {one["name"]: one for one in answer["facts"]["facts"]}
    assert facts[REMAINING]["seen"].endswith("a second: milliseconds")
    assert facts["packages"]["verdict"] == "not seen"
    assert facts["right ief:batchjob:list"]["verdict"] == "as assumed"
    asked: Any = deployment.emulator.state.snapshot("requests")
    looks = {"ListBatchJob", "ShowBatchJob", "ListEdgeNodes"}
    assert {one["operation"] for one in asked["requests"]} <= looks
    for name in ("AK", "SK", "SECURITY_TOKEN"):
        assert deployment.environ[f"HUAWEICLOUD_SDK_{name}"] not in json.dumps(answer)


def test_an_odd_clock_is_found_and_the_time_out_counts(deployment: Deployment) -> None:
    """The remaining time is over at once; the function works on nevertheless."""
    deployment.open(DESK_ODD_CLOCK="1")
    answer = deployment.fire(PROBE)
    [warning] = answer["warnings"]
    assert warning.startswith("remaining time: ")
    assert warning.endswith("RUNTIME_TIMEOUT counts instead")
    spec = {"kind": "node_upgrade", "name": "x", "targets": {"nodes": [{"id": "n1"}]}}
    assert deployment.fire(spec)["outcome"] == "submitted"


def test_elsewhere_these_are_not_seen_and_come_from_the_answer(deployment: Deployment) -> None:
    """The answer, as it was saved, is read as facts: by the command, and by NIGHTDROP_FACTS."""
    deployment.open(DESK_ODD_CLOCK="1")
    alone = deployment.facts()
    for name in (REMAINING, "packages"):
        assert alone[name]["verdict"] == "not seen"
        assert alone[name]["seen"].startswith("not seen here; invoke the function")
    file = deployment.folder / "answer.json"
    file.write_text(json.dumps(deployment.fire(PROBE)))
    both = deployment.facts("--merge", str(file))
    assert both[REMAINING]["verdict"] == "differs"
    assert list(both) == list(alone)
    doctor = CliRunner().invoke(
        main, ["doctor", "-o", "json"], env={**deployment.environ, "NIGHTDROP_FACTS": str(file)}
    )
    assert "remaining time: " in doctor.output
    assert "the facts cannot be read" not in doctor.output


@pytest.mark.parametrize("setting", ["encoded", "raw"])
@pytest.mark.parametrize("written", ["encoded", "raw"])
@pytest.mark.parametrize("prefix", ["drop/", "a+b c", ""])
def test_how_eventgrid_writes_keys_is_found(
    deployment: Deployment, setting: str, written: str, prefix: str
) -> None:
    """With the setting to change; nothing is run for the object, and it is gone afterwards."""
    deployment.open(NIGHTDROP_EVENTGRID_KEYS=setting, NIGHTDROP_PREFIX=prefix)
    deployment.emulator.faults.set([RAW] if written == "raw" else [])
    fact = deployment.facts("--events")[KEY_ENCODING]
    assert fact["seen"] == written
    assert fact["change"] == ("" if written == setting else f"NIGHTDROP_EVENTGRID_KEYS={written}")
    recorded = [one["action"] for one in records(deployment.environ) if "delivery" in one]
    assert recorded == ["delivery.received", "delivery.ignored"]
    assert deployment.emulator.state.buckets["nightdrop-drop"] == {}


def test_with_the_setting_that_it_names_files_are_run(deployment: Deployment) -> None:
    """With the other one they were not found."""
    deployment.emulator.faults.set([RAW])
    deployment.open()
    spec = b"kind: node_upgrade\nname: x\ntargets: {nodes: [{id: n1}]}\n"
    name = "drop/50% a+b.yaml"
    deployment.emulator.state.put_object("nightdrop-drop", name, spec)
    upload = Upload("nightdrop-drop", name, 1, "", "r1", datetime.now(timezone.utc), raw_key=True)
    assert deployment.fire(SHAPES["eventgrid"](upload))["outcome"] == "rejected"
    setting, value = deployment.facts("--events")[KEY_ENCODING]["change"].split("=")
    deployment.open(**{setting: value})
    again = SHAPES["eventgrid"](Upload(**{**asdict(upload), "request_id": "r2"}))
    assert deployment.fire(again)["outcome"] == "submitted"


@pytest.mark.parametrize(
    ("shape", "seen"),
    [("obs", "are classic ones"), ("obs-s3", "are classic ones"), ("", "came into the log within")],
)
def test_without_an_event_of_eventgrid_nothing_is_claimed(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, shape: str, seen: str
) -> None:
    """The trigger is another one, or there is none."""
    deployment.shape = shape
    deployment.open()
    if not shape:
        deployment.instances.pop().close()
        monkeypatch.setattr(event_check, "_PAUSES", (0.01,))
        monkeypatch.setattr(event_check, "LONGEST_WAIT", 0)
    fact = deployment.facts("--events")[KEY_ENCODING]
    assert fact["verdict"] == "not seen"
    assert seen in fact["seen"]


def test_events_need_a_bucket(deployment: Deployment) -> None:
    """The function's own."""
    deployment.open()
    environ = {**deployment.environ, "NIGHTDROP_BUCKETS": ""}
    done = CliRunner().invoke(main, ["probe", "--events"], env=environ)
    assert done.exit_code == 2
    assert "NIGHTDROP_BUCKETS" in done.output


def test_the_report_in_infra_is_what_the_probe_writes(deployment: Deployment) -> None:
    """But for times and counts: the whole probe, with what the function sees."""
    deployment.open()
    for number in range(130):
        job: Json = {"job_name": f"earlier-{number}", "job_type": "node_upgrade"}
        deployment.emulator.state.create_job({**job, "description": "x"})  # type: ignore[dict-item]
    answer, report = deployment.folder / "answer.json", deployment.folder / "report.md"
    answer.write_text(json.dumps(deployment.fire(PROBE)))
    places = ["--objects", "obs://nightdrop-drop/try/", "--merge", str(answer)]
    asked = ["--create-on", NODE, "--events", "--rate", "100"]
    deployment.facts(*asked, *places, "--report", str(report))

    def rows(page: str) -> list[list[str]]:
        return [line.split("|")[1:4] for line in page.splitlines() if line.startswith("| ")]

    assert rows(report.read_text()) == rows((ROOT / "infra/first-contact.md").read_text())
