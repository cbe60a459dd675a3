"""The facts as Markdown for people and as JSON for NIGHTDROP_FACTS; no secret is in either."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from handler.values.display import display

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handler.probe.fact import Fact
    from handler.values.canonical_json import Json

_VERSION = 1
"""The version of the JSON's form."""

_LONGEST = 400


def facts_document(facts: Sequence[Fact], at: str, host: str) -> dict[str, Json]:
    """Return the facts as NIGHTDROP_FACTS is read.

    Args:
        facts: What was seen.
        at: When, such as `2026-11-26T03:04:05Z`.
        host: The host name of the API.
    """
    rows: list[Json] = [
        {**asdict(one), "seen": display(one.seen, longest=_LONGEST)} for one in facts
    ]
    return {"version": _VERSION, "probed_at": at, "host": host, "facts": rows}


def to_json(facts: Sequence[Fact], at: str, host: str) -> str:
    """Return the document of `facts_document` as text."""
    return json.dumps(facts_document(facts, at, host), indent=2) + "\n"


def to_markdown(facts: Sequence[Fact], at: str, host: str) -> str:
    """Return the facts as a page with a table, and what to change."""
    changes = [f"- {_cell(one.name)}: {_cell(one.change)}" for one in facts if one.change]
    rows = [
        f"| {one.verdict} | {_cell(one.name)} | {_cell(one.assumed)} | {_cell(one.seen)} |"
        for one in facts
    ]
    return "\n".join(
        [
            "# First contact",
            "",
            f"What was seen of {_cell(host)} at {at}.",
            "",
            "| verdict | what | assumed | seen |",
            "|---|---|---|---|",
            *rows,
            "",
            "## What to change",
            "",
            *(changes or ["Nothing."]),
            "",
        ]
    )


def _cell(text: str) -> str:
    return display(text, longest=_LONGEST).replace("|", r"\|")
