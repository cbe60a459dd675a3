"""`nightdrop rollout list`: the rollouts of the log, and what each waits for."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import click

from handler.audit.rollouts.state import RolloutWord
from handler.cli.existing_log import open_to_read
from handler.cli.listing import print_rows
from handler.cli.rollouts.rollout_row import ROLLOUTS, operator_times, rollout_cells, rollout_style
from handler.cli.shared_options import audit_option, exit_on_log_error, format_option
from handler.rollouts.advance import rollout_standing
from handler.rollouts.request import MOST_COMPARED
from handler.rollouts.standing import standing_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handler.audit.log import View
    from handler.rollouts.advance import JobTimes
    from handler.rollouts.standing import Standing


@click.command("list")
@audit_option
@format_option
@click.option(
    *("--state", "states"),
    type=click.Choice(get_args(RolloutWord), case_sensitive=False),
    metavar="STATE",
    multiple=True,
    help="Only this state, such as running or paused.",
)
@click.option(
    "--limit", type=click.IntRange(1, MOST_COMPARED), default=50, show_default=True, help="Most."
)
def list_(address: str, output: str, states: Sequence[str], limit: int) -> None:
    """List rollouts, those first that have not ended, with what each waits for and until when.

    Neither keys nor a network are needed. Exit status: 0, or 2 if the log cannot be read.

    \b
      nightdrop rollout list
      nightdrop rollout list --state paused -o json
    """
    times = operator_times()
    with exit_on_log_error(), open_to_read(address) as log:
        found = log.read(lambda view: rollout_standings(view, times, states, limit))
    rows = map(standing_json, found)
    print_rows(rows, ROLLOUTS, output, shown=rollout_cells, style=rollout_style)


def rollout_standings(
    view: View, times: JobTimes, states: Sequence[str], limit: int
) -> Sequence[Standing]:
    """Return how the latest rollouts stand; only those in some states, if any are given."""
    latest = view.rollouts.latest(MOST_COMPARED if states else limit)
    found = [one for one in latest if not states or one.state in states]
    return [rollout_standing(view, one, times) for one in found[:limit]]
