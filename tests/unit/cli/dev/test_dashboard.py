"""The screen of `nightdrop dev`."""

from __future__ import annotations

import io
import json
from datetime import datetime, timezone

import pytest
from rich.console import Console

from handler.cli.dev.dashboard import Dashboard
from handler.cli.dev.event_line import format_event
from handler.local.async_invocation.async_request import Accepted, AsyncRequest, Failed, Returned
from handler.local.async_invocation.instance_client import InvocationOutcome

NOW = datetime(2026, 11, 25, 12, 0, 0, tzinfo=timezone.utc)
LONG = "CredentialsError: cannot fetch keys from DESK_AGENCY; start the emulator " * 5
ADDRESSES = {
    "drop job specs into": "drop/",
    "audit log": "nightdrop audit list --audit sqlite:///d",
}
REQUEST = AsyncRequest(
    "0c46b96d-0000", "object", '{"trigger_name": "nightly-upgrade"}', NOW
)  # fmt: skip
JOB = {
    "job_id": "1",
    "job_name": "nightly-wgbv7gve",
    "job_type": "node_upgrade",
    "status": "Running",
    "task_total_count": 2,
    "task_success_count": 1,
}


def failed(error: str, request: AsyncRequest = REQUEST) -> Failed:
    """Return a step that failed."""
    return Failed(request, NOW, InvocationOutcome(500, "", error))


def new_board() -> Dashboard:
    """Return an empty screen."""
    board = Dashboard(lambda: NOW)
    board.show_addresses(ADDRESSES)
    return board


def shown(board: Dashboard, width: int, height: int = 40) -> list[str]:
    """Return the lines of the screen."""
    console = Console(file=io.StringIO(), width=width, height=height, no_color=True)
    console.print(board)
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().rstrip("\n").split("\n")]


@pytest.mark.parametrize("width", [80, 100, 130])
def test_one_long_message_takes_nothing_from_the_other_columns(width: int) -> None:
    """Time, name and outcome are whole; the note alone is cropped, with an ellipsis."""
    board = new_board()
    board.add_event(failed(LONG))
    board.add_event(Accepted(REQUEST, NOW))
    [long, short] = [line for line in shown(board, width) if "nightly-upgrade" in line]
    assert long.startswith("12:00:00  timer nightly-upgrade ")
    assert long.endswith("…")
    assert len(long) <= width
    assert long.index("failed") == short.index("arrived")
    assert "request 0c46b96d" in short


@pytest.mark.parametrize("width", [80, 100, 130])
def test_a_long_name_continues_in_the_next_line(width: int) -> None:
    """No character of it is lost."""
    name = "hall-4/" * 12 + "camera.yaml"
    event = f'{{"trigger_name": "{name}"}}'
    board = new_board()
    board.add_event(Accepted(AsyncRequest("1", "object", event, NOW), NOW))
    board.add_event(failed("why"))
    lines = shown(board, width)
    column = next(line.index("failed") for line in lines if "failed" in line)
    text = "".join(line[10 : column - 2].strip() for line in lines if "nightly" not in line)
    assert name in text


def test_a_sentence_about_the_run_is_complete() -> None:
    """It is shown nowhere else."""
    board = new_board()
    board.add_sentence(LONG)
    assert "".join("".join(shown(board, 80)).split()).endswith("".join(LONG.split()))


@pytest.mark.parametrize("height", [16, 24, 50])
def test_the_latest_lines_and_the_fleet_fit_on_the_screen(height: int) -> None:
    """However many lines there were; what does not fit are the oldest."""
    board = new_board()
    for number in range(60):
        board.add_event(failed(f"error {number}"))
    board.show_jobs([JOB])
    lines = shown(board, 80, height)
    assert len(lines) <= height
    assert lines[-1] == "nightly-wgbv7gve  node_upgrade  Running  1 of 2 done"
    assert any("error 59" in line for line in lines)
    assert not any(line.endswith("error 0") for line in lines)


def test_markup_in_a_name_is_text() -> None:
    """The person who drops a file chooses its name."""
    board = new_board()
    event = '{"trigger_name": "a[/bold]b\\u001b[2K"}'
    board.add_event(Accepted(AsyncRequest("1", "object", event, NOW), NOW))
    assert any("timer a[/bold]b\\x1b[2K" in line for line in shown(board, 80))


def test_injected_faults_are_marked() -> None:
    """A second delivery and a late one are marked in every line about them."""
    first = format_event(Accepted(AsyncRequest("1", "timer", "{}", NOW, copy=1, late=0.0), NOW))
    second = format_event(Accepted(AsyncRequest("2", "timer", "{}", NOW, copy=2, late=12.4), NOW))
    assert first is not None
    assert second is not None
    assert (first.subject, first.note) == ("event", "request 1")
    assert second.subject == "event (copy 2)"
    assert second.note == "request 2, a second delivery (--chaos), delivered 12 s late (--chaos)"


def test_an_event_that_asks_for_something_has_its_name() -> None:
    """Such as that of the reconciler's timer."""
    event = AsyncRequest("1", "timer", '{"action": "reconcile"}', NOW)
    line = format_event(Accepted(event, NOW))
    assert line is not None
    assert line.subject == "reconcile"


def test_every_error_is_named() -> None:
    """The first in the line, the others below it where there is room for them."""
    reply = '{"outcome": "rejected", "jobs": [], "errors": ["one", "two", "three"]}'
    line = format_event(Returned(REQUEST, NOW, InvocationOutcome(200, reply, "")))
    assert str(line).split("\n") == [
        "12:00:00  timer nightly-upgrade  rejected   3 errors: one",
        "          two",
        "          three",
    ]


def replied(**given: object) -> Returned:
    """Return a reply about a rollout."""
    counts = {"total": 40, "pending": 4, "running": 1, "succeeded": 33, "failed": 1, "skipped": 1}
    rollout = {
        "name": "nightly-k",
        "rollout": "k",
        "state": "running",
        "wave": 2,
        "waves": 4,
        "nodes": counts,
        "waits": {"for": "running"},
        **given,
    }
    reply = {"outcome": "submitted", "jobs": [], "errors": [], "rollouts": [rollout]}
    return Returned(REQUEST, NOW, InvocationOutcome(200, json.dumps(reply), ""))


def test_a_rollout_is_one_line_of_its_latest_reply() -> None:
    """However many there were, and however many jobs it has."""
    board = new_board()
    for wave in (1, 2):
        board.add_event(replied(wave=wave))
    lines = [line for line in shown(board, 120) if line.startswith("nightly-k")]
    assert lines == [
        "nightly-k  running  wave 2/4  35 of 40 (87%) nodes, 1 failed  waits for its jobs"
    ]
    assert any("submitted  nightly-k  running  wave 1/4" in line for line in shown(board, 120))


def test_a_reply_whose_rollouts_are_of_another_form_is_shown_without_them() -> None:
    """A function of another version."""
    board = new_board()
    board.add_event(replied(nodes=None))
    assert any(line.endswith("submitted") for line in shown(board, 120))


def test_each_new_notice_is_a_line() -> None:
    """Those that an earlier run left in the folder are not shown."""
    board = new_board()
    messages = [{"message_id": "1", "subject": "Nightdrop: old"}]
    board.show_notices(messages)
    messages.append({"message_id": "2", "subject": "Nightdrop: \x1b[2K"})
    for _ in range(2):
        board.show_notices(messages)
    lines = [line for line in shown(board, 80) if "notice" in line]
    assert [line.split()[1:] for line in lines] == [["notice", "sent", "Nightdrop:", "\\x1b[2K"]]
