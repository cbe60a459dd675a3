"""The final report of a rollout as a page in Markdown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from handler.rollouts.waiting import settings_of
from handler.schedule.sentences import rollout_sentences, select_sentence
from handler.values.display import display

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from handler.rollouts.progress import NodeReason
    from handler.rollouts.report import RolloutReport

_MARKS = re.compile(
    r"([\\`*_\[\]<>|~&]|(?:(?<=http)|(?<=https)|(?<=ftp)):(?=//)|(?<=www)\.)", re.IGNORECASE
)
_BEGINS_A_BLOCK = re.compile(r"^(\d*)([-#+=.)])")
_LONGEST = 500


def report_page(spec: str, reports: Sequence[RolloutReport]) -> str:
    """Return a page with reports, one after the other.

    Args:
        spec: What the rollouts were asked for with, such as the address of a file.
        reports: The reports.
    """
    return "\n".join(line for report in reports for line in (*_lines(spec, report), ""))


def _lines(spec: str, report: RolloutReport) -> Iterator[str]:
    rollout, counts = report.rollout, report.counts
    began = next((wave.started_at for wave in report.waves if wave.started_at), "")
    words = ", ".join(f"{count} {state}" for state, count in counts._asdict().items() if count)
    settings = settings_of(rollout)
    yield f"# Rollout {_text(rollout.name)}: {rollout.state}"
    yield ""
    if rollout.note:
        yield from (_line(rollout.note), "")
    yield from _table(
        ("", ""),
        [
            ("what", f"{rollout.type}, document {rollout.document} of {spec}"),
            *([("nodes selected", select_sentence(settings.select))] if settings.select else []),
            ("how", "; ".join(rollout_sentences(settings))),
            ("asked by", report.asked_by or "unknown"),
            ("planned", _time(rollout.planned_at)),
            ("began", _time(began)),
            ("ended", _time(rollout.changed_at)),
            ("nodes", words),
            ("jobs", str(rollout.jobs)),
        ],
    )
    yield from ("", "## Waves", "")
    yield from _table(
        ("wave", "nodes", "succeeded", "failed", "skipped", "started", "ended"),
        [(*map(str, wave[:5]), _time(wave.started_at), _time(wave.finished_at))
         for wave in report.waves],
    )  # fmt: skip
    yield from _listed("Failed", report.failed, counts.failed)
    yield from _listed("Skipped", report.skipped, counts.skipped)
    yield from ("", "## Steps", "")
    yield from _table(
        ("time", "what", "wave", "by", "why"),
        [(_time(one.at), one.action, str(one.wave or ""), one.by, one.note)
         for one in report.steps],
    )  # fmt: skip


def _listed(title: str, reasons: Sequence[NodeReason], count: int) -> Iterator[str]:
    """Yield a section with the reasons for some nodes and the nodes' names; none without any."""
    if not reasons:
        return
    yield from ("", f"## {title}: {count}", "")
    for one in reasons:
        more = f" and {one.nodes - len(one.names)} more" if one.nodes > len(one.names) else ""
        names = ", ".join(map(_text, one.names))
        yield f"- {_line(one.reason) or 'no reason is known'} ({one.nodes}): {names}{more}"
    listed = sum(one.nodes for one in reasons)
    if count > listed:
        yield f"- other reasons ({count - listed})"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield "|---" * len(head) + "|"
    for row in rows:
        yield f"| {' | '.join(map(_text, row))} |"


def _text(text: str) -> str:
    """Return foreign text that neither ends a line or a cell nor is markup."""
    return _MARKS.sub(r"\\\1", display(text, longest=_LONGEST))


def _line(text: str) -> str:
    """Return foreign text as a line of its own: also no heading, list or rule."""
    return _BEGINS_A_BLOCK.sub(r"\1\\\2", _text(text))


def _time(text: str) -> str:
    return f"{text[:10]} {text[11:19]} UTC" if text else "-"
