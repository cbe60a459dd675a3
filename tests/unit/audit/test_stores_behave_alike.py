"""Every store gives the same guarantees: one protocol, the same tests."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from handler.audit.job_end import shown_state
from handler.audit.log import Decision, FleetEnds, ScanState
from handler.audit.record import Draft, Head, rule_id
from handler.audit.verification.verdict import verify
from handler.cli.open_stores import open_any_log
from handler.deliveries.reporting import start_result

if TYPE_CHECKING:
    from collections.abc import Iterator

    from handler.audit.log import Decide, Log, View
    from handler.audit.record import Part

SUBJECT = "obs://bucket/drop/\x00 strange ☃.yaml"
POLICY = "p" * 64
FIRST_RULE = rule_id({"policy": POLICY, "rule": 1})


@pytest.fixture
def log(store_address: str) -> Iterator[Log]:
    """An open, empty log."""
    opened = open_any_log(store_address)
    yield opened
    opened.close()


def noted(*notes: str) -> Decide[str]:
    """Make a decision that appends one record with each of these notes, and returns the last."""
    drafts = tuple(Draft(action="log.noted", outcome="success", note=note) for note in notes)
    return lambda _view: Decision(notes[-1], drafts)


def planned(delivery: str, *jobs: str, subject: str = SUBJECT, rule: int = 1) -> Decide[None]:
    """Make a decision that plans a delivery with some jobs, by their keys."""
    about: Part = {
        "key": delivery,
        "trigger": "object",
        "subject": subject,
        "digest": "d",
        "policy": POLICY,
        "rule": rule,
        "jobs": len(jobs),
    }
    read: Part = {"read_etag": f"etag-{delivery}"}
    plan = Draft(action="delivery.planned", outcome="pending", delivery=about, source=read)
    return recorded(plan, *(_planned_job(delivery, key, n) for n, key in enumerate(jobs, 1)))


def _planned_job(delivery: str, key: str, document: int) -> Draft:
    return Draft(
        action="job.planned",
        outcome="pending",
        delivery={"key": delivery},
        job={"key": key, "name": f"name-{key}", "type": "app_deployment", "document": document},
        body=f'{{"body": "{key}"}}',
    )


def about(action: str, key: str, delivery: str = "d", **response: str | int) -> Draft:
    """Return a draft about a job."""
    request: Part = {"attempt": 1, "date": "2026", "lease_until": "2027"}
    return Draft(
        action=action,
        outcome="success",
        delivery={"key": delivery},
        job={"key": key},
        request=request if action == "job.sending" else {},
        response=response,
    )


def recorded(*drafts: Draft) -> Decide[None]:
    """Make a decision that records these."""
    return lambda _view: Decision(None, drafts)


def test_a_commit_returns_what_it_appended(log: Log) -> None:
    """The value of the decision, and the records as they were stored."""
    done = log.commit(noted("a", "b ☃"))
    assert done.value == "b ☃"
    assert list(done.records) == list(log.records())
    assert log.read(lambda view: view.head) == Head(2, done.records[-1].hash)


def test_the_chain_is_valid(log: Log) -> None:
    """Over several commits, the texts as they were hashed."""
    for number in range(5):
        log.commit_all([noted(f"{number}"), noted("x", "y")])
    verdict = verify(log.records())
    assert (verdict.whole, verdict.head.seq) == (True, 15)


def test_later_decisions_see_the_earlier_ones_of_their_commit(log: Log) -> None:
    """Although nothing of it is durable yet."""

    def look(view: View) -> Decision[tuple[bool, int]]:
        return Decision((view.job("j") is not None, view.head.seq))

    answers = log.commit_all([look, planned("d", "j"), look])
    assert [done.value for done in answers] == [(False, 0), None, (True, 2)]


def test_one_commit_has_one_id_and_another_a_new_one(log: Log) -> None:
    """It shows which records were appended together."""
    log.commit_all([noted("a", "b"), noted("c")])
    log.commit(noted("d"))
    first, *_, last = ids = [record.fields["commit"] for record in log.records()]
    assert ids == [first, first, first, last]
    assert first != last


def test_decisions_without_records_append_nothing(log: Log) -> None:
    """Asking is free."""
    assert log.commit(lambda view: Decision(view.head)).value == Head()
    assert log.commit_all([]) == ()
    assert list(log.records()) == []


def test_a_decision_that_fails_appends_nothing(log: Log) -> None:
    """Nor do those beside it, and the log accepts the next commit."""

    def failing(_view: View) -> Decision[None]:
        raise LookupError("no")

    with pytest.raises(LookupError):
        log.commit_all([noted("a"), planned("d", "j"), failing])
    assert (list(log.records()), log.bodies(["j"])) == ([], {})
    assert log.commit(noted("b")).records[0].seq == 1


def test_a_question_that_fails_leaves_the_log_usable(log: Log) -> None:
    """Its transaction is rolled back."""
    with pytest.raises(ZeroDivisionError):
        log.read(lambda _view: 1 // 0)
    assert log.commit(noted("b")).records[0].seq == 1


def test_records_can_be_read_from_any_place(log: Log) -> None:
    """In order, also over more than one page."""
    log.commit(noted(*map(str, range(1005))))
    assert [record.seq for record in log.records(after=1002)] == [1003, 1004, 1005]
    assert [record.seq for record in log.records()] == list(range(1, 1006))


def test_the_clock_is_aware_and_right(log: Log) -> None:
    """In these tests it is the clock of this machine."""
    now = log.read(lambda view: view.now)
    assert now.tzinfo is not None
    assert abs(now - datetime.now(timezone.utc)) < timedelta(seconds=10)


def test_the_outbox_stores_a_body_until_its_job_is_final(log: Log) -> None:
    """The chain never holds it."""
    log.commit(planned("d", "one", "two"))
    log.commit(recorded(about("job.sending", "one"), about("job.created", "one", job_id="7")))
    assert log.bodies(["one", "two"]) == {"two": '{"body": "two"}'}
    assert not any("body" in record.text for record in log.records())


def test_a_job_is_found_by_its_key_and_by_its_id(log: Log) -> None:
    """The state as its records leave it, every field."""
    log.commit(planned("d", "one"))
    log.commit(recorded(about("job.sending", "one"), about("job.created", "one", job_id="7")))
    job = log.read(lambda view: view.job("one"))
    assert job
    assert (job.state, job.attempt, job.name, job.doubtful) == ("created", 1, "name-one", False)
    assert log.read(lambda view: view.jobs_by_id(["none", "7"])) == (job,)
    assert log.read(lambda view: (view.job("none"), view.jobs_by_id([""]))) == (None, ())


def test_jobs_are_found_by_many_ids_at_once(log: Log) -> None:
    """However many, and most of them of other people's jobs."""
    log.commit(planned("d", "one", "two", "three"))
    for key, job_id in (("one", "id-0"), ("two", "id-1200")):
        log.commit(recorded(about("job.sending", key), about("job.created", key, job_id=job_id)))
    asked = [f"id-{number}" for number in range(1201)]
    found = log.read(lambda view: view.jobs_by_id(asked))
    assert {job.key for job in found} == {"one", "two"}
    assert log.read(lambda view: view.jobs_by_id([])) == ()


def test_many_bodies_come_together(log: Log) -> None:
    """However many plans they are of."""
    keys = [f"j{number}" for number in range(600)]
    for begin in range(0, len(keys), 60):
        log.commit(planned(f"d{begin}", *keys[begin : begin + 60]))
    assert log.bodies([*keys, "none"]) == {key: f'{{"body": "{key}"}}' for key in keys}
    assert log.bodies([]) == {}


def test_the_ends_of_the_chain_are_known(log: Log) -> None:
    """The first record names the log, the last one is the subject of a checkpoint."""
    assert log.read(lambda view: (view.first, view.head)) == (None, Head())
    log.commit(noted("a", "b"))
    log.commit(noted("c"))
    first, _, last = log.records()
    head = Head(last.seq, last.hash)
    assert log.read(lambda view: (view.first, view.head)) == (first, head)
    assert log.read(lambda view: view.head, fresh=False) == head


def test_the_stored_part_of_a_checkpoint_is_known(log: Log) -> None:
    """An instance that starts cold says nothing new; anything else does."""
    found = []
    size: Part = {"size": 1}
    for draft in (
        Draft("a", "success"),
        Draft("log.checkpointed", "success", checkpoint=size),
        Draft("function.started", "success"),
        Draft("b", "success"),
        Draft("function.started", "success"),
    ):
        log.commit(recorded(draft))
        message = log.read(lambda view: view.confirmation)
        found.append((message.action, message.seq))
    sentences = "log.checkpointed"
    assert found == [("", 0), (sentences, 2), (sentences, 3), (sentences, 3), (sentences, 3)]


def test_a_delivery_has_its_jobs_in_order(log: Log) -> None:
    """As the file has them."""
    log.commit(planned("d", "z", "a"))
    delivery = log.read(lambda view: view.delivery("d"))
    assert delivery
    assert [job.key for job in delivery.jobs] == ["z", "a"]
    assert log.read(lambda view: view.delivery("other")) is None


def test_the_latest_run_of_an_object_with_a_job_on_the_fleet_is_found(log: Log) -> None:
    """A run whose jobs were all refused counts for nothing."""
    log.commit(planned("d", "one"))
    log.commit(planned("e", "two"))
    log.commit(recorded(about("job.refused", "two", "e", status=400)))
    latest = log.read(lambda view: view.latest_read(SUBJECT))
    run = log.read(lambda view: view.latest_run(SUBJECT))
    assert latest
    assert run
    assert (latest.key, run.key) == ("e", "d")
    assert log.read(lambda view: view.latest_run("obs://bucket/other")) is None


def test_open_work_is_listed_in_the_order_of_its_last_record(log: Log) -> None:
    """Deliveries to plan, jobs to send, jobs to follow, results to write; each bounded."""
    received = {"key": "r", "trigger": "timer", "subject": "timer:t"}
    log.commit(recorded(Draft(action="delivery.received", outcome="pending", delivery=received)))
    log.commit(planned("d", "one", "two", "three"))
    log.commit(recorded(about("job.created", "three", job_id="7")))
    log.commit(recorded(about("job.deferred", "one")))
    left = log.read(lambda view: view.open(10))
    assert [one.key for one in left.deliveries] == ["r"]
    assert [one.key for one in left.jobs] == ["two", "one"]
    assert [one.key for one in left.followed] == ["three"]
    assert [one.key for one in left.unreported] == ["d"]
    assert len(log.read(lambda view: view.open(1)).jobs) == 1


def decided(action: str, key: str, **read: str) -> Decide[None]:
    """Make a decision that closes a delivery of the subject."""
    subject = {"key": key, "trigger": "object", "subject": SUBJECT}
    return recorded(Draft(action=action, outcome="success", delivery=subject, source=read))


def test_only_what_was_read_or_rejected_counts_as_looked_at(log: Log) -> None:
    """An object that was ignored, or waits to be read, does not count."""
    seen = []
    for action, key, read in (
        ("delivery.ignored", "a", {}),
        ("delivery.planned", "b", {"read_etag": "1"}),
        ("delivery.ignored", "c", {}),
        ("delivery.received", "d", {}),
        ("delivery.rejected", "e", {}),
        ("delivery.repeated", "f", {"read_etag": "2"}),
        ("delivery.ignored", "g", {"read_etag": "3"}),
        ("delivery.ignored", "h", {}),
    ):
        log.commit(decided(action, key, **read))
        latest = log.read(lambda view: view.latest_read(SUBJECT))
        seen.append((latest.key, latest.etag) if latest else None)
    assert seen == [
        None, *[("b", "1")] * 3, ("e", ""), ("f", "2"), ("g", "3"), ("g", "3"),
    ]  # fmt: skip


def test_the_position_of_a_scan_is_stored_per_bucket_until_it_is_complete(log: Log) -> None:
    """With the time before which files were passed over."""
    seen = []
    for action, source in (
        ("scan.paused", {"bucket": "one", "key": "drop/☃"}),
        ("scan.limited", {"bucket": "one", "time": "2026"}),
        ("scan.completed", {"bucket": "one"}),
    ):
        log.commit(recorded(Draft(action=action, outcome="success", source=source)))
        state = log.read(lambda view: view.scan("one"))
        seen.append((state.position, state.limit))
        assert log.read(lambda view: view.scan("two")) == ScanState()
    assert seen == [("drop/☃", ""), ("drop/☃", "2026"), ("", "2026")]


def test_the_end_of_a_job_is_counted(log: Log) -> None:
    """With what the API said of it."""
    log.commit(planned("d", "one"))
    ended = about("job.finished", "one", final="Partially_successful", tasks=3, succeeded=2)
    log.commit(recorded(about("job.created", "one", job_id="7"), ended._replace(note="no disk")))
    job = log.read(lambda view: view.job("one"))
    assert job
    assert (job.finished, job.tasks, job.succeeded) == ("Partially_successful", 3, 2)
    assert (job.note, shown_state(job)) == ("no disk", "partly failed")
    assert log.read(lambda view: view.open(9).followed) == ()


def test_result_files_that_wait_come_after_those_that_can_be_written(log: Log) -> None:
    """The trouble of one is kept with it, and holds up no other."""
    log.commit(planned("d", "one"))
    log.commit(planned("e", "two", subject="obs://bucket/other"))
    log.commit(start_result("d", timedelta(hours=1)))
    waiting: Part = {"key": "d"}
    log.commit(recorded(Draft("result.failed", "failure", waiting, note="AccessDenied")))
    left = log.read(lambda view: view.open(9).unreported)
    assert [(one.key, one.tries, one.result_error) for one in left] == [
        ("e", 0, ""),
        ("d", 1, "AccessDenied"),
    ]
    assert log.read(lambda view: view.open(1).unreported) == left[:1]
    shows: Part = {"key": "d", "shows": left[1].changed}
    log.commit(recorded(Draft("result.written", "success", shows)))
    assert [one.key for one in log.read(lambda view: view.open(9).unreported)] == ["e"]


def test_jobs_are_counted_under_the_rule_that_allowed_them(log: Log) -> None:
    """The latest delivery first, whatever became of its jobs; another rule's are not counted."""
    log.commit(planned("d", "one", "two"))
    log.commit(planned("e", "three", subject="obs://bucket/other"))
    log.commit(planned("f", "four", subject="obs://bucket/third", rule=2))
    log.commit(recorded(about("job.refused", "three", "e", status=400)))
    rejected: Part = {"key": "g", "policy": POLICY, "rule": 1}
    log.commit(recorded(Draft("delivery.rejected", "failure", rejected)))

    def ask(view: View) -> list[tuple[tuple[str, int], ...]]:
        found = view.planned_since(FIRST_RULE, "", 9)
        return [
            found,
            view.planned_since(FIRST_RULE, found[1][0], 9),
            view.planned_since("", "", 9),
        ]

    at = [str(record.fields["at"]) for record in log.records()]
    expected = [((at[3], 1), (at[0], 2)), ((at[3], 1),), ()]
    assert log.read(ask) == expected
    _rebuild(log)
    assert log.read(ask) == expected


def test_jobs_that_ended_since_the_latest_release_are_counted(log: Log) -> None:
    """Failed in part is failed; a deleted or doubled job is neither."""
    ends = {
        "one": ("Successful", 2),
        "two": ("Failed", 0),
        "three": ("Partially_successful", 1),
        "four": ("deleted", 0),
        "five": ("unknown", 0),
        "six": ("Failed", 0),
    }
    log.commit(planned("d", *ends, "seven"))
    for number, (key, (final, succeeded)) in enumerate(ends.items()):
        created = about("job.created", key, job_id=str(number))
        ended = about("job.finished", key, final=final, tasks=2, succeeded=succeeded)
        log.commit(recorded(created, ended))
    log.commit(recorded(about("job.duplicated", "six", job_id="7")))

    def ask(view: View) -> FleetEnds:
        return view.fleet_ends("2026")

    assert log.read(ask) == FleetEnds(ended=4, failed=3)
    assert log.read(lambda view: view.fleet_ends("3000")) == FleetEnds(0, 0)
    log.commit(recorded(Draft("sending.held", "success"), Draft("sending.released", "success")))
    assert log.read(ask) == FleetEnds(0, 0)
    ended = about("job.finished", "seven", final="Failed")
    log.commit(recorded(about("job.created", "seven", job_id="8"), ended))
    assert log.read(ask) == FleetEnds(1, 1)
    _rebuild(log)
    assert log.read(ask) == FleetEnds(1, 1)


def test_jobs_that_run_are_followed_before_paused_ones(log: Log) -> None:
    """However many are paused: a run of the reconciler looks at some of them only."""
    log.commit(planned("d", "one", "two"))
    for number, key in enumerate(("one", "two")):
        log.commit(recorded(about("job.created", key, job_id=str(number))))
    log.commit(recorded(about("job.paused", "one", job_id="0")))
    log.commit(recorded(about("job.noted", "two")))
    (followed,) = log.read(lambda view: view.open(1)).followed
    assert (followed.key, followed.seq) == ("two", 7)


def _rebuild(log: Any) -> None:  # noqa: ANN401 - either store
    log.rebuild()


def test_a_switch_is_on_until_it_is_released(log: Log) -> None:
    """With its reason."""
    held = Draft(action="sending.held", outcome="success", note="maintenance")
    released = Draft(action="sending.released", outcome="success")
    seen = []
    for decide in (recorded(), recorded(held), recorded(released)):
        log.commit(decide)
        seen.append(log.read(lambda view: view.switch("hold")))
    assert seen == ["", "maintenance", ""]


def test_a_log_remembers_when_it_was_found_to_have_lost_its_end(log: Log) -> None:
    """A hold for another reason says nothing of it."""
    part: Part = {"size": 9, "head": "a" * 64, "name": "9.checkpoint"}
    seen = []
    nothing: Part = {}
    for checkpoint in (nothing, part):
        log.commit(recorded(Draft("sending.held", "failure", checkpoint=checkpoint)))
        seen.append(log.read(lambda view: view.cut_off))
    (_, last) = log.records()
    assert seen == ["", last.fields["at"]]
    _rebuild(log)
    assert log.read(lambda view: view.cut_off) == last.fields["at"]


def test_the_state_can_be_rebuilt_from_the_records(log: Any) -> None:  # noqa: ANN401 - either store
    """It comes out the same, the outbox included."""
    log.commit(planned("d", "one", "two"))
    log.commit(recorded(about("job.sending", "one"), about("job.created", "one", job_id="7")))
    log.commit(recorded(Draft(action="sending.held", outcome="success", note="why")))

    def everything(view: View) -> tuple[object, ...]:
        return (view.delivery("d"), view.open(9), view.switch("hold"), view.latest_read(SUBJECT))

    before = log.read(everything)
    log.rebuild()
    assert log.read(everything) == before
    assert log.bodies(["one", "two"]) == {"two": '{"body": "two"}'}


def test_the_records_are_there_for_the_next_instance(store_address: str) -> None:
    """A new instance continues where the last one stopped."""
    for _ in range(2):
        log = open_any_log(store_address)
        log.commit(noted("a"))
        log.close()
    log = open_any_log(store_address)
    assert verify(log.records()).head.seq == 2
    log.close()


def test_the_undecided_deliveries_of_some_subjects_are_found(log: Log) -> None:
    """Those that are planned, and those of other subjects, are not."""
    for key, subject in (("a", "one"), ("b", "two"), ("c", "three")):
        about_it: Part = {"key": key, "subject": f"obs://bucket/{subject}", "trigger": "object"}
        log.commit(recorded(Draft("delivery.received", "pending", about_it)))
    log.commit(planned("b", "job", subject="obs://bucket/two"))
    subjects = [f"obs://bucket/{subject}" for subject in ("one", "two", "four")]
    assert [one.key for one in log.read(lambda view: view.undecided(subjects))] == ["a"]
    about_it = {"key": "d", "subject": "obs://bucket/four", "trigger": "object"}
    log.commit(recorded(Draft("delivery.received", "pending", about_it)))
    log.commit(recorded(Draft("delivery.awaiting", "pending", about_it)))
    found = log.read(lambda view: view.undecided(subjects))
    assert {one.key: one.state for one in found} == {"a": "received", "d": "awaiting"}
