"""`approval: required`: nothing runs until someone else approves this very spec."""

from __future__ import annotations

import hashlib
import json
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from handler.audit.sql.sqlite import SqliteLog
from handler.cli.main import main
from handler.cli.open_stores import open_any_log
from handler.deliveries.approval import approve, reject_late
from handler.deliveries.decisions import Rules, plan_it
from handler.deliveries.receiving import receive
from handler.errors import PolicyError
from handler.policy.rules import Source
from handler.policy.verdict import Approval, PolicyDecision
from handler.values.canonical_json import moment, sha256_hex
from tests.support.clock import Clock
from tests.unit.deliveries.test_daily_limit import NOW, RULES, ordered
from tests.unit.test_reconciler_outbox import tampered

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from handler.emulator.server import Emulator
    from tests.conftest import Drop, Environ, Fire, Reply

    Upload = Callable[..., Reply]

BUCKET = "nightdrop-drop"
UPGRADE = json.dumps(
    {"kind": "node_upgrade", "name": "x", "targets": {"nodes": [{"id": "n"}]}}
).encode()
DIGEST = sha256_hex(UPGRADE)
TICK = {"action": "reconcile"}
NEEDED = PolicyDecision("p" * 64, 1, approval=Approval(Source(), "rule 1 of the policy (everyone)"))


@pytest.fixture
def policy(environ: Environ, tmp_path: Path) -> Path:
    """Write a policy under which everything needs an approval."""
    file = tmp_path / "policy.yaml"
    file.write_text("rules: [{approval: required}]")
    environ["NIGHTDROP_POLICY"] = str(file)
    return file


@pytest.fixture
def upload(policy: Path, fire: Fire, drop: Drop) -> Upload:
    """Drop a file as some account."""
    assert policy.exists()

    def uploaded(name: str, data: bytes, account: str = "", principal: str = "") -> Reply:
        event = drop(f"drop/{name}", data)
        user = {"ID": account, "principalId": principal}
        etag = hashlib.md5(data, usedforsecurity=False).hexdigest()
        event["Records"][0]["obs"]["object"]["eTag"] = etag
        event["Records"][0]["userIdentity"] = {name: one for name, one in user.items() if one}
        return fire(event)

    return uploaded


def created(emulator: Emulator) -> int:
    """Return how many jobs the fleet has."""
    return len(emulator.state.all_jobs())


def result(emulator: Emulator, name: str) -> Any:  # noqa: ANN401 - JSON
    """Return the content of a result file."""
    return json.loads(emulator.state.buckets[BUCKET][f"results/{name}.result.json"].data)


def test_a_file_awaits_approval_and_runs_once_it_is_given(
    upload: Upload, fire: Fire, emulator: Emulator, recorded: Callable[[], list[Reply]]
) -> None:
    """By another account, with the digest; log, reply and result file say so until then."""
    waiting = upload("app.yaml", UPGRADE, "a")
    assert (waiting["outcome"], waiting["jobs"]) == ("awaiting", [])
    assert f"wants an approval of {DIGEST} by " in waiting["errors"][0]
    assert result(emulator, "app.yaml")["outcome"] == "awaiting"
    ticked = fire(TICK)
    assert (ticked["outcome"], ticked["open"]["awaiting"]) == ("completed", 1)
    assert (ticked["jobs"], created(emulator)) == ([], 0)
    assert upload("app.yaml.approve", f"{DIGEST}  app.yaml\n".encode(), "b")["outcome"] == "ignored"
    fire(TICK)
    assert [job["state"] for job in result(emulator, "app.yaml")["jobs"]]
    assert created(emulator) == 1
    [approved] = [one for one in recorded() if one["action"] == "delivery.approved"]
    assert (approved["actor"]["account"], approved["delivery"]["digest"]) == ("b", DIGEST)
    assert (fire(TICK)["outcome"], created(emulator)) in {("submitted", 1), ("completed", 1)}


@pytest.mark.parametrize("who", [("a", ""), ("", ""), ("b", "p"), ("a", "p")])
def test_whoever_uploaded_a_spec_cannot_approve_it(
    who: tuple[str, str], upload: Upload, fire: Fire, emulator: Emulator
) -> None:
    """Nor can an unknown writer, who may be the same person."""
    upload("app.yaml", UPGRADE, "a", "p")
    refused = upload("app.yaml.approve", DIGEST.encode(), *who)
    assert refused["outcome"] == "rejected"
    assert "cannot approve it" in str(refused) or "is unknown" in str(refused)
    assert (fire(TICK)["jobs"], created(emulator)) == ([], 0)


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("app.yaml.approve", b"yes", "must begin with the spec's SHA-256"),
        ("app.yaml.approve", b"0" * 64, "no delivery of a file with this name and digest"),
        ("other.yaml.approve", DIGEST.encode(), "no delivery of a file with this name and digest"),
    ],
)
def test_an_approval_names_the_file_and_its_digest(
    name: str, content: bytes, why: str, upload: Upload
) -> None:
    """Anything else is rejected, with the reason in its own result file."""
    upload("app.yaml", UPGRADE, "a")
    assert why in upload(name, content, "b")["errors"][0]


def test_another_content_than_was_approved_is_not_run(
    upload: Upload, fire: Fire, emulator: Emulator
) -> None:
    """Even if the object has changed after the approval."""
    upload("app.yaml", UPGRADE, "a")
    upload("app.yaml.approve", DIGEST.encode(), "b")
    emulator.state.put_object(BUCKET, "drop/app.yaml", UPGRADE.replace(b'"x"', b'"evil"'))
    fire(TICK)
    fire(TICK)
    assert created(emulator) == 0


def test_an_approval_whose_event_names_no_tag_counts_for_nothing(
    emulator: Emulator, fire: Fire, drop: Drop, upload: Upload
) -> None:
    """Another one may have written what was read."""
    upload("app.yaml", UPGRADE, "a")
    event = drop("drop/app.yaml.approve", DIGEST.encode())
    event["Records"][0]["userIdentity"] = {"ID": "b"}
    reply = fire(event)
    assert (reply["outcome"], created(emulator)) == ("rejected", 0)
    assert "no tag of it" in reply["errors"][0]


def test_only_the_approver_of_the_rule_can_approve(
    policy: Path, upload: Upload, fire: Fire, emulator: Emulator
) -> None:
    """A prefix that few may write to, say; the policy counts that is in force then."""
    policy.write_text("rules: [{approval: required, approver: {prefix: drop/chiefs/}}]")
    upload("app.yaml", UPGRADE, "a")
    refused = upload("app.yaml.approve", DIGEST.encode(), "b")
    assert "lets files under drop/chiefs/ approve, and no one else" in refused["errors"][0]
    assert upload("chiefs/app.yaml.approve", DIGEST.encode(), "b")["outcome"] == "ignored"
    policy.write_text("rules: [{kinds: []}]")
    assert "does not allow it" in str(fire(TICK)["errors"])
    assert created(emulator) == 0


def test_whoever_names_an_approver_requires_an_approval(policy: Path, upload: Upload) -> None:
    """Nobody would name one for nothing."""
    policy.write_text("rules: [{approver: {account: b}}]")
    assert upload("app.yaml", UPGRADE, "a")["outcome"] == "awaiting"


def test_an_approval_that_was_interrupted_is_processed_by_the_reconciler(
    policy: Path, upload: Upload, fire: Fire, emulator: Emulator
) -> None:
    """Nobody has to approve twice, and a second approval changes nothing."""
    upload("app.yaml", UPGRADE, "a")
    rules = policy.read_bytes()
    policy.unlink()
    with pytest.raises(PolicyError):
        upload("app.yaml.approve", DIGEST.encode(), "b")
    policy.write_bytes(rules)
    fire(TICK)  # approves
    fire(TICK)  # plans
    assert created(emulator) == 1
    assert upload("app.yaml.approve", DIGEST.encode(), "c")["outcome"] == "rejected"
    fire(TICK)
    assert created(emulator) == 1


def test_an_operator_approves_by_command(
    upload: Upload, environ: Environ, fire: Fire, emulator: Emulator
) -> None:
    """By the file's name; a second time there is nothing to approve."""
    upload("app.yaml", UPGRADE, "a")

    def command() -> Any:  # noqa: ANN401 - click's result
        return CliRunner().invoke(main, ["approve", "app", "--audit", environ["NIGHTDROP_AUDIT"]])

    done = command()
    assert done.output == f"Approved: SHA-256 {DIGEST}. The next reconciler run plans it.\n"
    assert command().exit_code == 1
    fire(TICK)
    assert created(emulator) == 1


@pytest.mark.parametrize("by_key", [False, True])
def test_an_operator_approves_every_file_of_a_name_and_content(
    by_key: bool,  # noqa: FBT001 - a parameter of the test
    upload: Upload,
    environ: Environ,
    fire: Fire,
) -> None:
    """As an approval file does: a file dropped twice, and its copy in another folder."""
    replies = [upload(name, UPGRADE, "a") for name in ("app.yaml", "app.yaml", "b/app.yaml")]
    what = replies[0]["deliveries"][0] if by_key else "app.yaml"
    done = CliRunner().invoke(main, ["approve", what, "--audit", environ["NIGHTDROP_AUDIT"]])
    said = f"Approved: SHA-256 {DIGEST}, 3 files. The next reconciler run plans them.\n"
    assert (done.exit_code, done.output) == (0, said)
    assert "awaiting" not in fire(TICK)["open"]


def test_an_operator_who_names_several_contents_is_shown_them_and_approves_none(
    upload: Upload, environ: Environ, fire: Fire
) -> None:
    """Each once, however many copies of it wait, with what tells them apart."""
    other = UPGRADE.replace(b'"x"', b'"y"')
    for content in (UPGRADE, UPGRADE, other):
        upload("app.yaml", content, "a")
    done = CliRunner().invoke(main, ["approve", "app.yaml", "--audit", environ["NIGHTDROP_AUDIT"]])
    first, *listed = done.stderr.splitlines()
    assert "app.yaml could be any of these; give more of it, or the key:" in first
    assert [line.partition("SHA-256 ")[2] for line in listed] == [
        f"{digest[:16]}…)" for digest in (sha256_hex(other), DIGEST)
    ]
    assert (done.exit_code, fire(TICK)["open"]["awaiting"]) == (1, 3)


def test_a_timers_spec_awaits_approval_too(
    policy: Path, fire: Fire, tick: Callable[..., Reply], environ: Environ, emulator: Emulator
) -> None:
    """A copy of its event changes nothing; an operator approves it."""
    assert policy.exists()
    event = tick(UPGRADE.decode())
    assert [fire(event)["outcome"] for _ in range(2)] == ["awaiting"] * 2
    CliRunner().invoke(main, ["approve", "timer", "--audit", environ["NIGHTDROP_AUDIT"]])
    assert fire(event)["outcome"] == "submitted"
    assert created(emulator) == 1


def test_it_expires_with_its_validity_and_outlives_a_rebuild(store_address: str) -> None:
    """In every store; what is over is rejected once, and cannot be approved any more."""
    log: Any = open_any_log(store_address)
    late, early = ordered("late", 1, NEEDED), ordered("early", 1, NEEDED)
    for order, hours in ((late, 0), (early, 6)):
        log.commit(receive(order.delivery))
        rules = Rules(timedelta(hours=hours), timedelta(seconds=30))
        assert log.commit(plan_it(order, rules)).value.run.state == "awaiting"
    log.rebuild()
    keys = [late.delivery.key, early.delivery.key]
    assert [one.key for one in log.read(lambda view: view.open(9).awaiting)] == keys
    assert set(log.bodies(keys)) == set(keys)
    assert len(log.commit(reject_late(keys)).records) == 1
    assert log.commit(reject_late(keys)).records == ()
    approved = [
        log.commit(approve([order.delivery.key], order.spec.digest, actor={"kind": "operator"}))
        for order in (late, early)
    ]
    assert [done.value for done in approved] == [(), (keys[1],)]
    assert [*log.bodies(keys)] == [keys[1]]
    assert log.commit(plan_it(early, rules)).value.run.state == "planned"
    assert log.bodies(keys) == {}
    log.close()


def test_whoever_replaced_a_file_before_its_event_cannot_approve_it(
    policy: Path, upload: Upload, drop: Drop, emulator: Emulator, fire: Fire
) -> None:
    """Who uploaded what was read is unknown then, whatever the event says."""
    policy.write_text("rules: [{approval: required, source_changed: true}]")
    good = UPGRADE.replace(b'"x"', b'"good"')
    event = drop("drop/app.yaml", good)
    event["Records"][0]["obs"]["object"]["eTag"] = "of-another"
    event["Records"][0]["userIdentity"] = {"ID": "alice"}
    drop("drop/app.yaml", UPGRADE)
    assert fire(event)["outcome"] == "awaiting"
    reply = upload("app.yaml.approve", DIGEST.encode(), "mallory")
    assert "who uploaded the spec or who wrote the approval is unknown" in reply["errors"][0]
    fire(TICK)
    assert created(emulator) == 0


def test_an_approval_that_comes_too_late_approves_nothing(tmp_path: Path) -> None:
    """Even before the reconciler has rejected what was not approved."""
    clock = Clock(NOW)
    with closing(SqliteLog(tmp_path / "late.db", clock=clock)) as log:
        order = ordered("a", 1, NEEDED)
        log.commit(receive(order.delivery))
        log.commit(plan_it(order, RULES))
        clock.now += timedelta(days=1)
        decide = approve([order.delivery.key], order.spec.digest, actor={"kind": "operator"})
        assert log.commit(decide).value == ()


def test_an_approval_says_what_it_approved(upload: Upload, fire: Fire, emulator: Emulator) -> None:
    """Many deliveries that wait do not hide the one that it is for."""
    for number in range(3):
        upload(f"junk-{number}.yaml", UPGRADE.replace(b'"x"', f'"j{number}"'.encode()), "mallory")
    upload("app.yaml", UPGRADE, "alice")
    assert upload("app.yaml.approve", DIGEST.encode(), "bob")["outcome"] == "ignored"
    fire(TICK)
    assert created(emulator) == 1


def test_a_copy_of_an_approved_file_awaits_no_approval_of_its_own(
    upload: Upload, fire: Fire, emulator: Emulator
) -> None:
    """Its bytes are approved; the reconciler finds them planned already."""
    upload("app.yaml", UPGRADE, "alice")
    upload("app.yaml.approve", DIGEST.encode(), "bob")
    assert upload("app.yaml", UPGRADE, "alice")["outcome"] != "awaiting"
    fire(TICK)
    assert created(emulator) == 1
    assert result(emulator, "app.yaml")["outcome"] != "awaiting"


def test_an_approval_of_one_tick_is_none_of_the_next(
    policy: Path, fire: Fire, tick: Callable[..., Reply], environ: Environ
) -> None:
    """They have the same spec, and each is a run of its own."""
    assert policy.exists()
    event = tick(UPGRADE.decode())
    assert fire({**event, "time": "2026-11-24T01:00:00Z"})["outcome"] == "awaiting"
    approved = ["approve", "timer", "--audit", environ["NIGHTDROP_AUDIT"]]
    assert CliRunner().invoke(main, approved).exit_code == 0
    assert fire({**event, "time": "2026-11-24T02:00:00Z"})["outcome"] == "awaiting"


def test_two_ticks_of_a_timer_are_approved_one_by_one(
    policy: Path, fire: Fire, tick: Callable[..., Reply], environ: Environ
) -> None:
    """By the key of each: the spec's name means both, and is answered with a list."""
    assert policy.exists()
    event = tick(UPGRADE.decode())
    replies = [fire({**event, "time": f"2026-11-24T0{hour}:00:00Z"}) for hour in (1, 2)]
    keys = [reply["deliveries"][0] for reply in replies]
    done = [
        CliRunner().invoke(main, ["approve", what, "--audit", environ["NIGHTDROP_AUDIT"]])
        for what in ("timer", keys[0])
    ]
    assert [one.exit_code for one in done] == [1, 0]
    assert "could be any of these" in done[0].stderr
    assert fire(TICK)["open"]["awaiting"] == 1


def test_an_uploader_that_was_exchanged_in_the_outbox_counts_for_nothing(
    upload: Upload, environ: Environ
) -> None:
    """Nobody makes their own file approvable by changing who uploaded it."""
    upload("app.yaml", UPGRADE, "a")
    change = """replace(body, '"account": "a"', '"account": "c"')"""
    tampered(environ, f"UPDATE outbox SET body = {change}")  # noqa: S608 - as named here
    refused = upload("app.yaml.approve", DIGEST.encode(), "a")
    assert "not in the outbox as it was received" in refused["errors"][0]


def test_an_uploader_of_what_the_event_does_not_identify_is_unknown(
    upload: Upload, drop: Drop, fire: Fire
) -> None:
    """Another one may have written it since, and then approve what is their own."""
    event = drop("drop/app.yaml", UPGRADE)
    event["Records"][0]["userIdentity"] = {"ID": "a"}
    assert fire(event)["outcome"] == "awaiting"
    refused = upload("app.yaml.approve", DIGEST.encode(), "b")
    assert "is unknown" in refused["errors"][0]


def test_an_approver_can_be_named_with_the_bucket(
    policy: Path, upload: Upload, drop: Drop, fire: Fire, environ: Environ
) -> None:
    """A folder of the same name in another watched bucket is another place."""
    environ["NIGHTDROP_BUCKETS"] = f"{BUCKET},team-b"
    policy.write_text(
        f"rules: [{{approver: {{bucket: {BUCKET}, prefix: drop/chiefs/}}}}]", encoding="utf-8"
    )
    upload("app.yaml", UPGRADE, "a")
    event = drop("drop/chiefs/app.yaml.approve", DIGEST.encode(), bucket="team-b")
    etag = hashlib.md5(DIGEST.encode(), usedforsecurity=False).hexdigest()
    event["Records"][0]["obs"]["object"]["eTag"] = etag
    event["Records"][0]["userIdentity"] = {"ID": "b"}
    assert fire(event)["outcome"] == "rejected"
    assert upload("chiefs/app.yaml.approve", DIGEST.encode(), "b")["outcome"] == "ignored"


def test_an_upload_that_awaits_approval_is_not_found_again_after_an_earlier_one_is_rejected(
    upload: Upload, fire: Fire, environ: Environ
) -> None:
    """The scan would let it wait once more, for longer than it is valid."""
    upload("app.yaml", UPGRADE.replace(b'"x"', b'"first"'), "a")
    upload("app.yaml", UPGRADE, "a")
    path = environ["NIGHTDROP_AUDIT"].removeprefix("sqlite:///")
    with closing(SqliteLog(path)) as log:
        first, second = log.read(lambda view: view.awaiting())
    clock = Clock(moment(second.awaits_until))
    with closing(SqliteLog(path, clock=clock)) as log:
        assert len(log.commit(reject_late([first.key, second.key])).records) == 1
    assert fire(TICK)["deliveries"] == []


def test_a_result_file_does_not_say_that_a_run_waits_which_only_repeats_another(
    upload: Upload, fire: Fire, emulator: Emulator, environ: Environ
) -> None:
    """After its approval the object was found to be what it was before: its run is shown."""

    def approve_by_command() -> None:
        CliRunner().invoke(main, ["approve", "app", "--audit", environ["NIGHTDROP_AUDIT"]])

    upload("app.yaml", UPGRADE, "a")
    approve_by_command()
    fire(TICK)
    emulator.state.put_object(BUCKET, "drop/app.yaml", UPGRADE.replace(b'"x"', b'"second"'))
    fire(TICK)
    assert result(emulator, "app.yaml")["outcome"] == "awaiting"
    approve_by_command()
    emulator.state.put_object(BUCKET, "drop/app.yaml", UPGRADE)
    fire(TICK)
    shown = result(emulator, "app.yaml")
    assert (shown["digest"], len(shown["jobs"]), created(emulator)) == (DIGEST, 1, 1)
