"""Rollouts as their records tell them, folded once more by other code: plain dictionaries.

Each step is compared with what it may do at that record: waves, approvals, windows, gates, nodes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from handler.audit.record import part
from handler.schedule.rollout_settings import RolloutSettings
from handler.schedule.waves import breached
from handler.schedule.window import open_period
from handler.specs.planner import mark_of
from handler.values.canonical_json import moment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from handler.audit.record import Fields
    from tests.faults.simulation.services.simulated_tasks import Made

SKEW = timedelta(seconds=10)
"""Clocks of instances, and of the log on one of them, are up to 5 s ahead or behind."""

TIMED = ", with its time"
"""How the reason of a request ends that says when it was asked for: none of its copies counts."""

_MOVES = {
    "job.finished": "succeeded",
    "job.expired": "pending",
    "job.refused": "failed",
    "job.abandoned": "failed",
    "job.deleted": "failed",
}
"""The records that end a job, and what its running nodes are then."""


@dataclass
class Node:
    """One node: its place, its state, its latest job, and which of its tries that is."""

    place: int
    state: str = "pending"
    job: str = ""
    rounds: int = 0
    tries: int = 1
    excused: bool = False


@dataclass
class Job:
    """One job of a rollout: its nodes with the try of each, and whether it has ended."""

    rollout: str
    tries: dict[str, int]
    ended: bool = False


@dataclass
class Story:
    """One rollout, as its records tell it."""

    name: str
    settings: RolloutSettings
    ends: list[int]
    state: str = "running"
    wave: int = 0
    done: bool = True
    done_at: datetime | None = None
    approved: set[int] = field(default_factory=set)
    nodes: dict[str, Node] = field(default_factory=dict)
    needs_template: bool = True

    def count(self, *states: str) -> int:
        """Return how many nodes are in one of some states."""
        return sum(node.state in states for node in self.nodes.values())

    def excuse(self) -> None:
        """Let what has ended not count for the gate any more."""
        for node in self.nodes.values():
            node.excused = node.state in {"succeeded", "failed"}

    def is_breached(self) -> bool:
        """Return whether the gate is closed."""
        states = [node.state for node in self.nodes.values() if not node.excused]
        failed = states.count("failed")
        return breached(failed, failed + states.count("succeeded"), self.settings)


class Replay:
    """All rollouts of a run, read from the records; what must not be is in `wrong`."""

    def __init__(self, job_seconds: timedelta) -> None:
        self.stories: dict[str, Story] = {}
        self.jobs: dict[str, Job] = {}
        self.wrong: list[str] = []
        self.requests: set[str] = set()
        self.orders: set[tuple[str, object]] = set()
        self.subjects: dict[str, str] = {}
        self.given_up: set[str] = set()
        self._longest = job_seconds

    def add(self, fields: Fields) -> None:
        """Tell one more record."""
        action, said = str(fields["action"]), part(fields, "rollout")
        delivery = part(fields, "delivery")
        if "subject" in delivery:
            self.subjects[str(delivery["key"])] = str(delivery["subject"])
        if action == "rollout.planned":
            order = (self.subjects[str(part(fields, "delivery")["key"])], said["document"])
            if order in self.orders:
                self._say(fields, f"document {order[1]} of {order[0]} is a rollout already")
            self.orders.add(order)
            settings = RolloutSettings.from_json(str(said["settings"]))
            ends = [int(one) for one in str(said["waves"]).split()]
            self.stories[str(said["key"])] = Story(str(said["name"]), settings, ends)
        elif action.startswith("job."):
            self._job(action, fields)
        elif action in {"rollout.selected", "rollout.skipped", "rollout.joined"}:
            self._nodes(self.stories[str(said["key"])], action, said)
        elif said:
            story = self.stories[str(said["key"])]
            kind, word = action.split(".")
            getattr(self, f"_{kind}")(story, word, fields, said)

    def tries(self, made: Iterable[Made]) -> Iterator[tuple[str, str, int]]:
        """Yield which try of which node of a rollout each job was that the API has created."""
        by_mark = {mark_of(key): job for key, job in self.jobs.items()}
        for one in made:
            job = by_mark.get(one.mark)
            if job:
                yield from ((job.rollout, node, job.tries[node]) for node in one.targets)

    def _asked(self, fields: Fields) -> None:
        """Note a request of a person; each counts once, however often it arrives."""
        reason = str(fields.get("note"))
        if reason in self.requests:
            self._say(fields, f"{reason} counts twice")
        self.requests |= {reason} - {"None"}

    def _say(self, fields: Fields, text: str) -> None:
        self.wrong.append(f"record {fields['seq']} ({fields['action']}): {text}")

    def _nodes(self, story: Story, action: str, said: Any) -> None:  # noqa: ANN401 - a part
        for index, (node_id, _) in enumerate(json.loads(said["nodes"])):
            if action == "rollout.skipped":
                story.nodes[node_id] = Node(0, "skipped")
                continue
            known = story.nodes.get(node_id)
            if known and known.place:
                self.wrong.append(f"{node_id} is in {story.name} twice")
            story.nodes[node_id] = Node(said["place"] + index)
        if action == "rollout.joined":
            story.ends = [int(one) for one in said["waves"].split()]

    def _wave(self, story: Story, word: str, fields: Fields, said: Any) -> None:  # noqa: ANN401 - a part
        number, now = int(said.get("wave", 0)), moment(str(fields["at"]))
        if word == "approved":
            story.approved.add(number)
            self._asked(fields)
        elif word == "started":
            self._started(story, fields, number, now)
            story.wave, story.done = number, False
        elif word == "finished":
            left = [one for one in story.nodes.values() if 0 < one.place <= story.ends[number - 1]]
            if any(one.state in {"pending", "running"} for one in left):
                self._say(fields, "nodes of it have not ended")
            story.done, story.done_at = True, now
        elif word == "retried":
            self._retried(story, said)
            if str(fields.get("note")).endswith(TIMED):
                self._asked(fields)

    def _started(self, story: Story, fields: Fields, number: int, now: datetime) -> None:
        settings = story.settings
        if number != story.wave + 1 or not story.done or story.state != "running":
            self._say(fields, f"after wave {story.wave}, {story.state}")
        if number in settings.approve_before and number not in story.approved:
            self._say(fields, f"wave {number} was not approved")
        if story.done_at and now + SKEW < story.done_at + timedelta(seconds=settings.soak):
            self._say(fields, "before the soak is over")
        if not open_period(settings.window, now):
            self._say(fields, "outside of the window")
        if story.is_breached():
            self._say(fields, "behind a closed gate")

    def _rollout(self, story: Story, word: str, fields: Fields, said: Any) -> None:  # noqa: ANN401 - a part
        if story.state in {"stopped", "finished"} and word != "retried":
            self._say(fields, f"it is {story.state}")
        if str(fields.get("note")).endswith(TIMED):
            self._asked(fields)
        if word in {"resumed", "retried"}:
            story.state, story.needs_template = "running", True
            if word == "retried":
                self._retried(story, said)
            story.excuse()
        if word in {"paused", "breached"}:
            story.state = "paused"
        if word in {"stopped", "finished"}:
            story.state = word
            story.needs_template = word == "finished" and bool(story.count("failed"))
        if word == "finished" and story.count("pending", "running"):
            self._say(fields, "nodes of it have not ended")

    def _retried(self, story: Story, said: Any) -> None:  # noqa: ANN401 - a part
        story.done = False
        for node in story.nodes.values():
            is_meant = node.place >= int(said["place"]) and node.rounds <= int(said["round"])
            if node.state == "failed" and is_meant:
                node.state, node.tries, node.excused = "pending", node.tries + 1, False

    def _node(self, story: Story, word: str, _fields: Fields, said: Any) -> None:  # noqa: ANN401 - a part
        story.nodes[said["node"]].state = word

    def _job(self, action: str, fields: Fields) -> None:
        key = str(part(fields, "job")["key"])
        if action == "job.planned" and "rollout" in fields:
            self._planned(key, fields, part(fields, "rollout"))
        job = self.jobs.get(key)
        if job is None:
            return
        story = self.stories[job.rollout]
        if action == "job.abandoned":
            self.given_up.add(key)
        if action == "job.sending":
            self._sending(story, fields)
        if action in _MOVES:
            job.ended = True
            for node in map(story.nodes.__getitem__, job.tries):
                if node.job == key and node.state == "running":
                    self._moved(node, _MOVES[action])

    @staticmethod
    def _moved(node: Node, state: str) -> None:
        node.state = state
        if state == "pending":
            node.job, node.rounds = "", node.rounds - 1

    def _planned(self, key: str, fields: Fields, said: Any) -> None:  # noqa: ANN401 - a part
        story = self.stories[said["key"]]
        settings, ids = story.settings, said["nodes"].split()
        if story.state != "running" or story.done or said["wave"] != story.wave:
            self._say(fields, f"wave {story.wave} of it is {story.state}, done: {story.done}")
        if story.is_breached():
            self._say(fields, "behind a closed gate")
        if len(ids) > settings.max_targets_per_job or len(set(ids)) != len(ids):
            self._say(fields, f"it has {len(ids)} nodes")
        runs = sum(one.rollout == said["key"] and not one.ended for one in self.jobs.values())
        if runs >= settings.max_parallel_jobs:
            self._say(fields, f"{runs} jobs run already")
        for node_id in ids:
            self._assigned(story, node_id, fields)
            node = story.nodes[node_id]
            node.state, node.job, node.rounds = "running", key, node.rounds + 1
        self.jobs[key] = Job(said["key"], {one: story.nodes[one].tries for one in ids})

    def _assigned(self, story: Story, node_id: str, fields: Fields) -> None:
        node = story.nodes[node_id]
        if node.state != "pending" or not 0 < node.place <= story.ends[story.wave - 1]:
            self._say(fields, f"{node_id} is {node.state}, at place {node.place}")
        for other in self.stories.values():
            busy = other.nodes.get(node_id)
            if other is not story and busy and busy.state == "running":
                self._say(fields, f"{node_id} is in a job of {other.name}")

    def _sending(self, story: Story, fields: Fields) -> None:
        now = moment(str(fields["at"]))
        if story.state != "running":
            self._say(fields, f"its rollout is {story.state}")
        if story.is_breached():
            self._say(fields, "behind a closed gate")
        period = open_period(story.settings.window, now)
        if period is None or now + self._longest > period.end + SKEW:
            self._say(fields, f"its window is {period}")
