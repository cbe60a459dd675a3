"""The function with its log in PostgreSQL, under the role that owns nothing."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

from handler.audit.open_log import open_log
from handler.audit.verification.verdict import verify

if TYPE_CHECKING:
    from collections.abc import Callable

Reply = dict[str, Any]


def test_a_delivery_is_recorded_and_its_repetition_does_nothing(
    environ: dict[str, str],
    postgres_address: str,
    fire_in: Callable[[dict[str, str], object], Reply],
    drop: Callable[..., Reply],
    sample: Callable[[str], bytes],
) -> None:
    """From the event to the job, and once more from another instance."""
    event = drop("drop/camera.yaml", sample("specs/deploy-camera.yaml"))
    first = {**environ, "NIGHTDROP_AUDIT": postgres_address}
    second = {**first, "NIGHTDROP_SENDERS": "4"}
    replies = [fire_in(one, event) for one in (first, second)]
    tick = fire_in(second, _tick())
    with closing(open_log(postgres_address)) as log:
        actions = [record.fields["action"] for record in log.records()]
        assert verify(log.records()).whole
    assert [reply["outcome"] for reply in replies] == ["submitted", "duplicate"]
    assert tick["outcome"]
    assert actions.count("job.created") == 1


def _tick() -> Reply:
    tick = {"version": "v1.0", "trigger_type": "TIMER", "trigger_name": "tick"}
    return {**tick, "time": "2026-11-24T02:00:00+08:00", "user_event": '{"action": "reconcile"}'}
