"""SIGKILL at every step of a notice: it is sent once, or on record as perhaps not delivered."""

from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from handler.audit.sql.sqlite import SqliteLog
from handler.notices.decisions import LOST, claim_notice
from tests.faults.kills.scene import TICK, Killed, Scene, killed_side_by_side, scene

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from handler.values.canonical_json import Json

OPERATIONS = ("commit", "GET", "commit", "commit", "POST", "commit")
"""Received, read, rejected; claimed, published, recorded."""

STEPS = tuple(f"{when} {what}" for what in OPERATIONS for when in ("before", "after"))
CLAIMED, PUBLISHED = STEPS.index("before POST"), STEPS.index("after POST") + 1
SPEC, BAD = "drop/hall.json", b'{"kind": "node_upgrade"}'


@contextmanager
def notifying(address: str, folder: Path) -> Iterator[Scene]:
    """Open a scene whose function sends notices, and writes no result files."""
    with scene(address, folder, {"RUNTIME_TIMEOUT": "60", "NIGHTDROP_RESULTS": ""}) as opened:
        topic = f"urn:smn:cn-north-4:{opened.emulator.account.project_id}:nightdrop-notices"
        where = {"NIGHTDROP_NOTIFY": topic, "NIGHTDROP_SMN_ENDPOINT": opened.emulator.url}
        yield Scene(opened.emulator, {**opened.environ, **where}, opened.folder)


@pytest.fixture(scope="module")
def kills(
    quick_address: Callable[[], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[int, Killed]]:
    """An event of a file with an error, killed at every step, side by side."""
    folder = tmp_path_factory.mktemp("kills")

    def kill(opened: Scene, step: int) -> Killed:
        return Killed(opened, opened.run([opened.drop(SPEC, BAD)], f"kill:{step}"))

    with killed_side_by_side(
        range(1, len(STEPS) + 1), lambda: notifying(quick_address(), folder), kill
    ) as killed:
        yield killed


def said(opened: Scene) -> list[str]:
    """Return the last word of the actions about notices."""
    found = [str(fields["action"]) for fields in opened.records().values()]
    return [name.removeprefix("notice.") for name in found if name.startswith("notice.")]


def test_a_notice_takes_exactly_these_steps(
    quick_address: Callable[[], str], tmp_path: Path
) -> None:
    """If it takes others, the kills below miss some."""
    with notifying(quick_address(), tmp_path) as opened:
        assert tuple(opened.run([opened.drop(SPEC, BAD)]).all("step")) == STEPS
        assert said(opened) == ["sending", "sent"]


@pytest.mark.parametrize(
    "step", range(1, len(STEPS) + 1), ids=lambda step: f"{step:02} {STEPS[step - 1]}"
)
def test_a_killed_notice_is_sent_once_or_on_record(kills: dict[int, Killed], step: int) -> None:
    """Before its claim the next run sends it; after it, nobody does."""
    opened, child = kills[step]
    assert child.status == -signal.SIGKILL
    event = opened.drop(SPEC, BAD) if step == 1 else TICK  # nothing is promised before the receipt
    for one in (event, TICK):
        assert opened.run([one]).status == 0
    messages = opened.emulator.state.messages
    if step < CLAIMED:
        assert (len(messages), said(opened)) == (1, ["sending", "sent"])
    elif step < len(STEPS):
        assert len(messages) == (step >= PUBLISHED)
        assert said(opened) == ["sending"]
        if opened.environ["NIGHTDROP_AUDIT"].startswith(
            "sqlite"
        ):  # others have clocks of their own
            assert run_out(opened) == ["sending", "failed"]
    else:
        assert (len(messages), said(opened)) == (1, ["sending", "sent"])


def run_out(opened: Scene) -> list[str]:
    """Let the claim run out, look twice, and return the actions about notices."""
    path = opened.environ["NIGHTDROP_AUDIT"].removeprefix("sqlite:///")

    def later() -> datetime:
        return datetime.now(timezone.utc) + timedelta(minutes=3)

    with closing(SqliteLog(path, clock=later)) as log:
        for _ in range(2):
            assert log.commit(claim_notice(timedelta(minutes=1))).value is None
    notes = [one["note"] for one in opened.records().values() if one["action"] == "notice.failed"]
    assert notes == [LOST]
    return said(opened)


def test_two_instances_at_once_send_one_notice(
    new_address: Callable[[], str], tmp_path: Path
) -> None:
    """While the one waits for the answer, the other finds it claimed."""
    with notifying(new_address(), tmp_path) as opened:
        slow: Json = {"operation": "PublishMessage", "fault": "delay", "seconds": 0.3}
        opened.emulator.faults.set([slow])
        event = opened.drop(SPEC, BAD)
        with ThreadPoolExecutor(2) as threads:
            ended = list(threads.map(lambda one: opened.run([one]), [event, event]))
        assert [child.status for child in ended] == [0, 0]
        assert len(opened.emulator.state.messages) == 1
        assert said(opened) == ["sending", "sent"]
