"""What a rollout waits for, in one word and a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from handler.schedule.rollout_settings import RolloutSettings
from handler.values.named_tuple import NamedTuple

if TYPE_CHECKING:
    from datetime import datetime

    from handler.audit.rollouts.state import RolloutState

WaitingWord: TypeAlias = Literal[
    "due", "running", "soak", "approval", "window", "busy", "held", "joiners",
    "planned", "paused", "stop", "stopped", "finished",
]  # fmt: skip

_TEXTS: dict[WaitingWord, str] = {
    "due": "the next run of the reconciler goes on with it",
    "soak": "the next wave starts after the soak",
    "window": "the window is closed, or too short for what comes next",
    "busy": "its nodes are in jobs of other rollouts",
    "joiners": "the nodes are selected again before the next wave",
}


class Waiting(NamedTuple):
    """What a rollout waits for.

    Attributes:
        word: For tables and programs.
        text: For people; it may be empty.
        until: When that ends, if it is known.
    """

    word: WaitingWord
    text: str = ""
    until: datetime | None = None


def wait_for(word: WaitingWord, text: str = "", until: datetime | None = None) -> Waiting:
    """Return what is waited for, with the usual text where there is no other."""
    return Waiting(word, text or _TEXTS.get(word, ""), until)


def settings_of(rollout: RolloutState) -> RolloutSettings:
    """Return the settings of a rollout."""
    return RolloutSettings.from_json(rollout.settings)


def wave_places(rollout: RolloutState, number: int) -> tuple[int, int]:
    """Return the places of the first and the last node of a wave."""
    ends = (0, *rollout.wave_ends)
    return ends[number - 1] + 1, ends[number]
