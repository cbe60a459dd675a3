"""`nightdrop rollout`: list, show and watch rollouts; pause, resume, approve, stop, retry them."""

from __future__ import annotations

import click

from handler.cli.command_group import Command, CommandGroup

COMMANDS = {
    "list": Command("rollouts.list", "The rollouts of the log, and what each waits for."),
    "show": Command("rollouts.show", "One rollout: its waves, its gate, why nodes failed."),
    "watch": Command("rollouts.watch", "Follow a rollout until it has ended."),
    "pause": Command("rollouts.operate", "Start no more jobs; `resume` goes on."),
    "resume": Command("rollouts.operate", "Go on with a paused rollout."),
    "approve": Command("rollouts.operate", "Let a wave start that waits for approval."),
    "stop": Command("rollouts.operate", "End a rollout before all of its nodes had their turn."),
    "retry": Command("rollouts.operate", "Try the failed nodes of a rollout again."),
}
"""All commands."""


@click.group(cls=CommandGroup, lazy=COMMANDS)
def rollout() -> None:
    """List, show and watch rollouts; pause, resume, approve, stop or retry them.

    NAME is a rollout's name or its key, or the beginning of one.

    \b
      nightdrop rollout show nightly
      nightdrop rollout approve nightly-djesdurr --reason "the first node is well"
    """
