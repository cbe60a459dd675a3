"""`nightdrop rollout show`: one rollout, with its waves and why nodes failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from rich.console import Group
from rich.text import Text

from handler.cli.audit.records.record_row import format_time
from handler.cli.console import complain, facts_grid, printable, prose, screen, table
from handler.cli.existing_log import open_to_read
from handler.cli.jobs.fleet import shown_jobs
from handler.cli.jobs.job_row import asked_by, progress_shown, shown_job
from handler.cli.listing import print_value
from handler.cli.operations import found_in
from handler.cli.rollouts.rollout_details import details_of, headline, wave_grid
from handler.cli.rollouts.rollout_row import operator_times
from handler.cli.shared_options import audit_option, exit_on_log_error, format_choice
from handler.rollouts.request import find_rollout
from handler.rollouts.waiting import settings_of
from handler.schedule.sentences import rollout_sentences, select_sentence
from handler.values.canonical_json import short_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rich.console import RenderableType

    from handler.cli.rollouts.rollout_details import RolloutDetails
    from handler.rollouts.progress import NodeReason

_JOB_COLUMNS = ("name", "state", "progress", "changed", "reason")


@click.command()
@audit_option
@format_choice("table", "json", "yaml", "name")
@click.argument("name")
def show(address: str, output: str, name: str) -> None:
    """Show rollout NAME: its waves, its gate and window, what it waits for, why nodes failed.

    IEF is asked about its jobs that run; a line on standard error says why if it does not tell.
    `nightdrop audit show` with its delivery has every record. Exit status: 0, 1 no rollout or
    several have this name, 2 the log cannot be read.

    \b
      nightdrop rollout show nightly
      nightdrop rollout show nightly-djesdurr -o json
    """
    times = operator_times()
    with exit_on_log_error(), open_to_read(address) as log:
        found = found_in(log, find_rollout, name)
        details, by = log.read(
            lambda view: (details_of(view, found.key, times), asked_by(view, found)), fresh=False
        )
    if output == "name":
        click.echo(printable(found.name))
        return
    fleet, why = shown_jobs([job.job_id for job in details.jobs if job.followed])
    if why:
        complain(why)
    shown = {job_id: progress_shown(job) for job_id, job in fleet.items()}
    jobs = [shown_job(job, by, shown.get(job.job_id)) for job in details.jobs]
    if output == "table":
        screen().print(Group(*_parts(details, by, jobs)), highlight=False)
    else:
        print_value({**details.to_json(), "asked_by": by, "running_jobs": jobs}, output)


def _parts(
    details: RolloutDetails, by: str, jobs: Sequence[Mapping[str, object]]
) -> Iterator[RenderableType]:
    yield headline(details)
    yield facts_grid((name, prose(value)) for name, value in _facts(details, by) if value)
    yield Text()
    yield wave_grid(details)
    yield from _reasons("Failed", details.standing.counts.failed, details.failed)
    yield from _reasons("Skipped", details.standing.counts.skipped, details.skipped)
    if jobs:
        yield Text(f"\nRunning jobs ({len(jobs)})", style="bold")
        rows = [{**job, "changed": format_time(job["changed"])} for job in jobs]
        cells = [[row[name] for name in _JOB_COLUMNS] for row in rows]
        yield table(_JOB_COLUMNS, cells, optional=("progress", "changed"))


def _facts(details: RolloutDetails, by: str) -> Iterator[tuple[str, str]]:
    rollout, _, waiting = details.standing
    settings = settings_of(rollout)
    yield "kind", rollout.type
    yield "asked by", by
    yield "delivery", short_key(rollout.delivery)
    yield "planned", format_time(rollout.planned_at)
    yield "selects", select_sentence(settings.select) if settings.select else ""
    yield "runs", "\n".join(rollout_sentences(settings))
    yield "gate", details.gate
    yield "why", "" if rollout.ended else waiting.text
    yield "note", rollout.note if rollout.note != waiting.text else ""


def _reasons(title: str, count: int, reasons: Sequence[NodeReason]) -> Iterator[RenderableType]:
    if not count:
        return
    yield Text(f"\n{title} ({count})", style="bold")
    for one in reasons:
        more = ", …" if len(one.names) < one.nodes else ""
        named = printable(", ".join(one.names))
        yield Text(f"{one.nodes:5}  {printable(one.reason)}: {named}{more}")
    listed = sum(one.nodes for one in reasons)
    if listed < count:
        yield Text(f"{count - listed:5}  other reasons")
