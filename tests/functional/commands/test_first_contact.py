"""Each deviation of the cloud: the probe finds it, and the function then behaves."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, get_args

import pytest
from click.testing import CliRunner

from handler.cli.main import main
from handler.cloud.credentials import credentials
from handler.cloud.ief.client import Ief
from handler.emulator.faults import FaultKind
from handler.emulator.server import Emulator
from handler.function import handle
from handler.invocation.instance import open_instance
from handler.jobs.hold import release
from handler.probe import fact, facts_file
from handler.probe.client import ObservedTransport, ProbeClient
from handler.probe.create_checks import ProbeJob
from handler.probe.report import to_json
from handler.probe.run_probe import run_probe
from tests.conftest import ROOT, context, environment, records, timer_event
from tests.support.depth import sampled

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from handler.invocation.instance import Instance
    from handler.probe.fact import Fact
    from handler.values.canonical_json import Json

    Fault = dict[str, Json]

AT, HOST, NODE = "2026-11-26T03:04:05Z", "127.0.0.1", "gateway-1"
SPEC = json.dumps({"kind": "node_upgrade", "name": "nightly", "targets": {"nodes": [{"id": "n1"}]}})
LIST, SHOW, CREATE, DELETE = "ListBatchJob", "ShowBatchJob", "CreateBatchJob", "DeleteBatchJob"
RIGHTS = {
    "list": LIST,
    "get": SHOW,
    "create": CREATE,
    "update": "StopBatchJob",
    "delete": DELETE,
}
LOST: Fault = {"operation": CREATE, "fault": "lost_answer", "times": 1}
EARLIER = 130


def fault(operation: str, kind: str, **more: Json) -> Fault:
    """Return a fault."""
    return {"operation": operation, "fault": kind, **more}


@dataclass
class Cloud:
    """An emulated cloud whose clock the probe moves by waiting."""

    emulator: Emulator
    offset: list[float]

    def now(self) -> datetime:
        """Return the cloud's time."""
        return datetime.fromtimestamp(time.time() + self.offset[0], timezone.utc)

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.offset[0] += seconds

    def asked(self) -> list[Any]:
        """Return the lists that were asked for."""
        snapshot: Any = self.emulator.state.snapshot("requests")
        return [one for one in snapshot["requests"] if one["operation"] == LIST]

    def probe(self, *faults: Fault, rate: int = 0, create: bool = True) -> dict[str, Fact]:
        """Probe under faults, with two jobs, and return the facts by name."""
        self.emulator.faults.set([*faults])
        transport = ObservedTransport(timeout=5)
        account = self.emulator.account
        keys = credentials(None, self.emulator.environment())
        ief = Ief(self.emulator.url, account.project_id, keys, transport, self.now)
        client = ProbeClient(ief, self.sleep, lambda: self.offset[0])
        job = ProbeJob(NODE, "deployment_upgrade") if create else None
        facts = run_probe(client, transport, job, rate=rate)
        transport.close()
        self.offset[0] = 0.0
        return {one.name: one for one in facts}

    def named(self, name: str) -> list[Any]:
        """Return the jobs whose name begins so."""
        return [job for job in self.emulator.state.all_jobs() if job.name.startswith(name)]


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    """A cloud with many jobs, one a minute until now."""
    offset = [0.0]
    with Emulator(clock=lambda: time.time() + offset[0]) as emulator:
        for number in range(EARLIER):
            offset[0] = 60.0 * (number - EARLIER)
            emulator.state.create_job(
                {"job_name": f"earlier-{number}", "job_type": "node_upgrade", "description": "x"}
            )
        offset[0] = 0.0
        yield Cloud(emulator, offset)


@pytest.fixture
def instance_with(cloud: Cloud, tmp_path: Path) -> Iterator[Any]:
    """Open an instance that settles at once, but for the facts."""
    opened: list[Instance] = []

    def open_with(facts: dict[str, Fact]) -> tuple[Instance, dict[str, str]]:
        path = tmp_path / "facts.json"
        path.write_text(to_json(list(facts.values()), AT, HOST))
        settings = {"NIGHTDROP_FACTS": str(path), "NIGHTDROP_SETTLE_AFTER": "0"}
        environ = {**environment(cloud.emulator, tmp_path), **settings}
        opened.append(open_instance(context(environ), environ, lambda _line: None))
        return opened[-1], environ

    yield open_with
    for one in opened:
        one.close()


@pytest.fixture
def operator(cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Set the environment of an operator's commands, and return a folder."""
    for name, value in environment(cloud.emulator, tmp_path).items():
        monkeypatch.setenv(name, value)
    return tmp_path


DEVIATIONS: list[tuple[str, list[Fault], str, str, str, int]] = [
    ("none", [], "clean-up", "as assumed", "adopted", 1200),
    ("list", [fault(LIST, "no_descriptions")], "descriptions in list", "differs", "unknown", 1200),
    ("show", [fault(SHOW, "no_descriptions")], "descriptions in show", "differs", "adopted", 1200),
    ("old", [fault(LIST, "long_signature", seconds=1500)], "signature window", "differs",
     "adopted", 2100),
    ("code", [fault(LIST, "other_auth_code")], "code of a refused signature", "differs",
     "adopted", 1200),
    ("order", [fault(LIST, "oldest_first")], "list order", "differs", "adopted", 1200),
    ("pages", [fault(LIST, "small_pages")], "page size", "differs", "adopted", 1200),
    ("offset", [fault(LIST, "page_offsets")], "list offset", "differs", "adopted", 1200),
    ("times", [fault(LIST, "milliseconds")], "times in list", "differs", "adopted", 1200),
    ("status", [fault(LIST, "new_status")], "status words", "differs", "adopted", 1200),
    ("lag", [fault(LIST, "stale_list", seconds=60)], "list lag", "as assumed", "unknown", 1200),
    ("late", [fault(LIST, "stale_list", seconds=400)], "list lag", "differs", "unknown", 1700),
    ("never", [fault(LIST, "stale_list", seconds=80_000)], "list lag", "differs", "unknown", 1200),
    ("names", [fault(CREATE, "duplicate_name")], "equal names", "differs", "adopted", 1200),
    ("busy", [fault(LIST, "status", status=429, seconds=3, times=2)], "rate limit", "as assumed",
     "adopted", 1200),
    ("pause", [fault(LIST, "status", status=429, times=2)], "rate limit", "differs",
     "adopted", 1200),
]  # fmt: skip


@pytest.mark.parametrize("row", sampled(DEVIATIONS), ids=sampled(one[0] for one in DEVIATIONS))
def test_a_deviation_is_found_and_the_function_behaves(
    cloud: Cloud,
    instance_with: Any,  # noqa: ANN401 - a function of this module
    row: tuple[str, list[Fault], str, str, str, int],
) -> None:
    """After a lost answer there is one job, found by its mark or left for later; never two."""
    _, faults, name, verdict, state, settle_after = row
    facts = cloud.probe(*faults)
    others = {one.name for one in facts.values() if one.verdict == "differs"} - {name}
    assert facts[name].verdict == verdict
    assert others <= {"descriptions in list", "descriptions in show", "list order"}
    assert cloud.named("nightdrop-probe") == []

    cloud.emulator.faults.set([*faults, LOST])
    instance, environ = instance_with(facts)
    assert settle_after <= instance.settings.settle_after <= settle_after + 100
    handle(timer_event(SPEC), context(environ), instance)
    for _ in range(3):  # the first two may be limited
        handle({"action": "reconcile"}, context(environ), instance)
    assert len(cloud.named("nightly")) == 1
    actions = [one["action"] for one in records(environ)]
    assert ("job.adopted" in actions) == (state == "adopted")
    assert "job.absent" not in actions


def test_every_deviation_is_on_the_operators_page() -> None:
    """With what follows from it; there are enough of them."""
    page = (ROOT / "infra/OPERATIONS.md").read_text()
    table = page.partition("| fact | deviation in the emulator |")[2].partition("\n\n")[0]
    failures = {"cut", "delay", "late_commit", "lost_answer"}
    for kind in set(get_args(FaultKind)) - failures:
        assert f"`{kind}`" in table, kind
    rows = [line.split("|")[1].strip() for line in table.splitlines()[2:]]
    assert len(rows) >= 15
    names = {"right", "OBS", "EventGrid keys", "remaining time", "object list"}
    assert names | {one[2] for one in DEVIATIONS} - {"clean-up"} <= {
        one if one in names else one.split(" ief")[0].split(":")[0] for one in rows
    }


def test_without_descriptions_no_job_is_ever_absent(
    cloud: Cloud,
    instance_with: Any,  # noqa: ANN401 - a function of this module
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Although the list is late enough: that is on record, and a release does not help."""
    monkeypatch.setattr(fact, "LONGEST_FLIGHT", 0)
    monkeypatch.setattr(fact, "_LEAST_MARGIN", 0)
    missing = fault(LIST, "no_descriptions")
    facts = {
        name: one for name, one in cloud.probe(missing).items() if name == "descriptions in list"
    }
    instance, environ = instance_with(facts)
    assert instance.settings.settle_after == 0
    cut = fault(CREATE, "cut", times=1)
    cloud.emulator.faults.set([missing, cut])
    handle(timer_event(SPEC), context(environ), instance)
    for _ in range(2):
        handle({"action": "reconcile"}, context(environ), instance)
        instance.log.commit(release(actor={"kind": "operator", "name": "test"}))
    handle({"action": "reconcile"}, context(environ), instance)
    actions = [one["action"] for one in records(environ)]
    assert "job.absent" not in actions
    assert cloud.named("nightly") == []
    (first, *_) = (one for one in records(environ) if one["action"] == "settling.suspended")
    assert "does not return descriptions" in first["note"]
    assert actions.count("settling.suspended") == 3


def test_without_facts_the_same_job_is_absent_and_sent(cloud: Cloud, tmp_path: Path) -> None:
    """So that the test above can fail."""
    environ = {**environment(cloud.emulator, tmp_path), "NIGHTDROP_SETTLE_AFTER": "0"}
    cloud.emulator.faults.set([fault(CREATE, "cut", times=1)])
    instance = open_instance(context(environ), environ, lambda _line: None)
    handle(timer_event(SPEC), context(environ), instance)
    handle({"action": "reconcile"}, context(environ), instance)
    instance.close()
    assert "job.absent" in [one["action"] for one in records(environ)]
    assert len(cloud.named("nightly")) == 1


def test_a_signature_that_never_expires_is_found() -> None:
    """No time is long enough then."""
    with Emulator(signature_seconds=10.0**7) as emulator:
        facts = Cloud(emulator, [0.0]).probe()
    assert facts["signature window"].value is None
    assert facts_file.caution_of(list(facts.values())).absent_doubt


def test_a_shorter_window_is_found_and_nothing_gets_shorter() -> None:
    """Clocks must be right then."""
    with Emulator(signature_seconds=500) as emulator:
        facts = Cloud(emulator, [0.0]).probe()
    assert facts["signature window"].seen == "accepted 300 s after its date, refused 840 s after it"
    assert facts["date ahead"].verdict == "differs"
    assert facts_file.caution_of(list(facts.values())).settle_after == 1200


@pytest.mark.parametrize("action", RIGHTS)
@pytest.mark.parametrize("status", [401, 403])
def test_a_right_that_is_missing_is_named(
    cloud: Cloud,
    instance_with: Any,  # noqa: ANN401 - a function of this module
    action: str,
    status: int,
) -> None:
    """It alone, with the code; once it is granted, the function creates what it deferred."""
    denied = fault(RIGHTS[action], "status", status=status)
    facts = cloud.probe(denied)
    missing = {name for name, one in facts.items() if one.seen.startswith("missing")}
    assert missing == {f"right ief:batchjob:{action}"}
    [fact] = (facts[name] for name in missing)
    assert (fact.verdict, fact.seen) == ("differs", f"missing: {status} APIGW.0999")
    assert fact.change.startswith(f"grant ief:batchjob:{action} to these keys")
    assert ("create" in facts) == (action != "list")

    instance, environ = instance_with(facts)
    handle(timer_event(SPEC), context(environ), instance)
    cloud.emulator.faults.set([])
    handle({"action": "reconcile"}, context(environ), instance)
    assert len(cloud.named("nightly")) == 1


def test_the_right_to_list_nodes_is_looked_at(cloud: Cloud) -> None:
    """Without it specs that name nodes by their names are not planned."""
    fact = cloud.probe(fault("ListEdgeNodes", "status", status=403))["right ief:node:list"]
    assert (fact.verdict, fact.seen) == ("differs", "missing: 403 APIGW.0999")
    assert fact.change.startswith("grant ief:node:list to these keys: specs that name nodes")


def test_rights_that_only_a_change_shows_are_not_claimed(cloud: Cloud) -> None:
    """Without --create-on; to look at a job that does not exist needs the right to look."""
    cloud.emulator.state.reset()
    facts = cloud.probe(create=False)
    rights = {name[len("right ief:") :]: one for name, one in facts.items() if "right" in name}
    assert {name: one.verdict for name, one in rights.items()} == {
        **dict.fromkeys(("batchjob:list", "batchjob:get", "node:list"), "as assumed"),
        **dict.fromkeys(("batchjob:create", "batchjob:update", "batchjob:delete"), "not seen"),
    }
    assert rights["batchjob:get"].seen == "granted: 404 IEF.100404 for a job that does not exist"


@pytest.mark.parametrize(
    ("more", "verdict", "counted"),
    [({"seconds": 7}, "as assumed", "1 with Retry-After"), ({}, "differs", "0 with Retry-After")],
)
def test_a_limit_on_requests_is_found_if_it_is_looked_for(
    cloud: Cloud, more: Fault, verdict: str, counted: str
) -> None:
    """It is lists of one job that are asked for, no more of them than were allowed."""
    cloud.probe()
    before = len(cloud.asked())
    limited = fault(LIST, "status", status=429, skip=len(cloud.asked()) + 9, **more)
    facts = cloud.probe(limited, rate=200)
    assert facts["rate limit"].verdict == verdict
    assert "429 APIGW.0308" in facts["rate limit"].seen
    assert counted in facts["rate limit"].seen
    assert len(cloud.asked()) < 2 * before + 40
    assert "50 lists in a row" in cloud.probe(rate=50)["rate limit"].seen


def test_a_job_that_cannot_be_created_is_a_fact(cloud: Cloud) -> None:
    """The rest is probed nevertheless."""
    facts = cloud.probe(fault(CREATE, "status", status=403))
    assert "--kind node_upgrade" in facts["create"].change
    assert facts["page size"].verdict == "as assumed"


def test_a_job_whose_answer_was_lost_is_deleted_too(cloud: Cloud) -> None:
    """It is found by its name."""
    facts = cloud.probe(LOST)
    assert facts["create"].verdict == "differs"
    assert facts["clean-up"].seen == "1 of 1 jobs deleted"
    assert cloud.named("nightdrop-probe") == []


def test_a_job_that_may_be_there_and_is_not_listed_is_named(cloud: Cloud) -> None:
    """The list lags, so that the operator must look later."""
    facts = cloud.probe(LOST, fault(LIST, "stale_list", seconds=60))
    (left,) = cloud.named("nightdrop-probe")
    assert facts["clean-up"].verdict == "differs"
    assert left.name in facts["clean-up"].change


@pytest.mark.parametrize("kind", ["oldest_first", "small_pages"])
def test_a_job_is_found_wherever_the_list_has_it(cloud: Cloud, kind: str) -> None:
    """Another order is no lag."""
    for number in range(EARLIER):
        job: Fault = {"job_name": f"other-{number}", "job_type": "deployment_upgrade"}
        cloud.emulator.state.create_job({**job, "description": ""})
    facts = cloud.probe(fault(LIST, kind))
    assert facts["list lag"].verdict == "as assumed"
    assert facts["clean-up"].seen == "2 of 2 jobs deleted"


def test_an_interrupted_probe_deletes_its_jobs(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also at Ctrl-C while it waits for the list."""

    def interrupted(_seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cloud, "sleep", interrupted)
    with pytest.raises(KeyboardInterrupt):
        cloud.probe(fault(LIST, "stale_list", seconds=60))
    assert cloud.named("nightdrop-probe") == []


def test_jobs_that_cannot_be_deleted_are_named(cloud: Cloud) -> None:
    """For a person with the right to delete them."""
    facts = cloud.probe(fault(DELETE, "status", status=403))
    left = cloud.named("nightdrop-probe")
    assert len(left) == 2
    assert all(job.job_id in facts["clean-up"].change for job in left)


def test_the_command_writes_both_files_and_changes_nothing(cloud: Cloud, operator: Path) -> None:
    """Without --create-on and --objects only lists and one job are read."""
    files = ("--report", str(operator / "report.md"), "--json", str(operator / "facts.json"))
    done = CliRunner().invoke(main, ["probe", *files])
    assert done.exit_code == 0, done.output
    snapshot: Any = cloud.emulator.state.snapshot("requests")
    asked = {one["operation"] for one in snapshot["requests"]}
    assert asked == {LIST, SHOW, "ListEdgeNodes"}
    written = (operator / "report.md").read_text() + (operator / "facts.json").read_text()
    account = cloud.emulator.account
    assert "signature window" in written
    assert account.access_key not in written
    assert account.secret_key not in written
    doctor = CliRunner().invoke(
        main, ["doctor", "-ojson"], env={"NIGHTDROP_FACTS": str(operator / "facts.json")}
    )
    assert "rate limit, EventGrid keys, remaining time" in doctor.output


def test_the_doctor_shows_what_differs_and_fails_without_the_file(
    cloud: Cloud, operator: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what to do."""
    path = operator / "facts.json"
    path.write_text(to_json(list(cloud.probe(fault(LIST, "oldest_first")).values()), AT, HOST))
    monkeypatch.setenv("NIGHTDROP_FACTS", str(path))
    assert "list order: another order" in CliRunner().invoke(main, ["doctor", "-ojson"]).output
    path.unlink()
    done = CliRunner().invoke(main, ["doctor", "-ojson"])
    assert done.exit_code == 1
    assert "no job is declared absent" in done.output


@pytest.mark.parametrize(
    ("deviation", "name", "seen"),
    [
        (fault("ListObjects", "stale_objects", seconds=60), "object list", "5 of 5 new objects"),
        (fault("AppendObject", "append_anywhere"), "exactly one succeeds", "appends succeeded"),
        (fault("AppendObject", "append_anywhere"), "except at the end", "was accepted"),
    ],
)
def test_a_deviation_of_obs_is_found(
    cloud: Cloud, operator: Path, deviation: Fault, name: str, seen: str
) -> None:
    """With what it means for the log, and for the bucket scan."""
    cloud.emulator.faults.set([deviation])
    file = operator / "facts.json"
    words = ["--objects", "obs://nightdrop-drop/try/", "--json", str(file)]
    assert CliRunner().invoke(main, ["probe", *words]).exit_code == 1
    (fact,) = (one for one in json.loads(file.read_text())["facts"] if name in one["name"])
    assert fact["verdict"] == "differs"
    assert seen in fact["seen"]


def test_a_bucket_that_does_not_exist_shows_nothing(operator: Path) -> None:
    """The probe could not be tried, and leaves no facts."""
    file = operator / "facts.json"
    words = ["probe", "--objects", "obs://nobucket/x/", "--json", str(file)]
    done = CliRunner().invoke(main, words)
    assert (done.exit_code, done.stdout, file.exists()) == (2, "", False)
    assert "no such bucket" in done.stderr


@pytest.mark.usefixtures("operator")
def test_objects_are_written_only_where_they_were_asked_for(cloud: Cloud) -> None:
    """And nothing is left."""
    done = CliRunner().invoke(main, ["probe", "--objects", "obs://nightdrop-drop/try/"])
    assert "object list" in done.output
    assert "one succeeds" in done.output
    assert cloud.emulator.state.snapshot("objects")["objects"] == {"nightdrop-drop": {}}
