"""The longest reply: what an asynchronous caller is given back is cut where it is larger."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from handler.values.canonical_json import Json

LONGEST_REPLY = 250_000
"""Bytes of JSON; above 256 KB the platform hands on nothing (functiongraph_01_0390_03)."""

LONGEST_TEXT = 2_000
"""Characters of one error or warning."""

_TEXTS = ("errors", "warnings")
_LISTS = ("deliveries", "jobs", "rollouts", *_TEXTS)
_STEPS = (1000, 300, 100, 30, 10, 3, 0)


def limited(answer: dict[str, Json]) -> dict[str, Json]:
    """Return a reply whose texts and lists fit into `LONGEST_REPLY` bytes.

    `plan`, `checks` and `facts` are never cut: who asks for them waits for this reply alone.
    Long texts end in an ellipsis. Where lists have to be cut, `left_out` has how many of each are
    missing; all of them are in the log.
    """
    answer = {
        name: _cut_texts(value) if name in _TEXTS else value for name, value in answer.items()
    }
    shorter = answer
    for most in _STEPS:
        if len(json.dumps(shorter)) <= LONGEST_REPLY:
            break
        shorter = _first(answer, most)
    return shorter


def _first(answer: dict[str, Json], most: int) -> dict[str, Json]:
    cut: dict[str, Json] = {}
    left_out: dict[str, Json] = {}
    for name, value in answer.items():
        cut[name] = value[:most] if name in _LISTS and isinstance(value, list) else value
        if name in _LISTS and isinstance(value, list) and len(value) > most:
            left_out[name] = len(value) - most
    return {**cut, "left_out": left_out} if left_out else cut


def _cut_texts(texts: Json) -> Json:
    if not isinstance(texts, list):
        return texts
    return [
        f"{text[: LONGEST_TEXT - 1]}…"
        if isinstance(text, str) and len(text) > LONGEST_TEXT
        else text
        for text in texts
    ]
