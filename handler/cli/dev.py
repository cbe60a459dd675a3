"""`nightdrop dev`: FunctionGraph on a desk, in one terminal."""

from __future__ import annotations

import signal
import sys
from contextlib import ExitStack
from pathlib import Path
from threading import Event

import click
from rich.live import Live

from handler.cli.dev_desk import DevDesk, DevOptions, local_zone
from handler.cli.screen import screen
from handler.local.clock import desk_clock
from handler.local.timers import read_timer


@click.command(short_help="FunctionGraph on a desk: drop files, watch jobs.")
@click.option(
    "--drop",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("drop"),
    show_default=True,
    help="Files dropped into this folder are uploaded to the bucket.",
)
@click.option(
    "--timer",
    "timers",
    multiple=True,
    metavar="NAME=SCHEDULE=USER_EVENT",
    help="A timer trigger, in FunctionGraph's own syntax; may be given several times.",
)
@click.option(
    "--settings",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="NAME=value lines: settings for the function.",
)
@click.option(
    "--dir",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("dev"),
    show_default=True,
    help="The audit log, the cloud's state, failure notices and output go here, and stay.",
)
@click.option(
    "--instances",
    default=1,
    show_default=True,
    type=click.IntRange(1, 8),
    help="How many instances of the function run side by side.",
)
@click.option(
    "--retries",
    default=1,
    show_default=True,
    type=click.IntRange(0, 3),
    help="How often a failed event is delivered again.",
)
@click.option(
    "--shape",
    default="obs",
    show_default=True,
    type=click.Choice(["obs", "obs-s3", "eventgrid"]),
    help="The form of the bucket's events.",
)
@click.option(
    "--speed",
    default=1.0,
    show_default=True,
    type=click.FloatRange(0.01, 86_400),
    help="How fast the timers' clock and the fleet run.",
)
@click.option("--start", type=click.DateTime(), help="What the timers' clock shows first.")
@click.option(
    "--chaos", type=int, metavar="SEED", help="Deliver some events twice, late or out of order."
)
@click.option(
    "--fleet",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The nodes of the emulated fleet, as YAML.",
)
@click.option(
    "--no-agency", is_flag=True, help="Run a function that was given no agency, and so has no keys."
)
@click.option(
    "--odd-clock",
    is_flag=True,
    help="Tell the remaining time as openEuler YuanRong does: over at once.",
)
def dev(**options: object) -> None:
    """Run the whole of it here: an emulated cloud, the function, timers, and a folder to drop into.

    The function runs under functions-framework, in processes of their own that start again when
    their source changes. Events arrive as FunctionGraph delivers them: asynchronously, with
    retries, and a notice for what was given up. Ctrl-C ends everything.

    \b
      nightdrop dev
      nightdrop dev --timer 'tick=@every 1m={"action": "reconcile"}'
      nightdrop dev --speed 3600 --timer 'nightly=0 0 2 * * ?={"spec": "obs://nightdrop-drop/drop/n.yaml"}'
    """
    chosen = DevOptions(**options)  # type: ignore[arg-type] # click has checked each of them
    try:
        clock = desk_clock(chosen.start.astimezone() if chosen.start else None, chosen.speed)
        timers = [read_timer(text, local_zone()) for text in chosen.timers]
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    # Ended by a supervisor or a shell's timeout, it ends what it started as well.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    ended = Event()
    console = screen()
    echo = None if console.is_terminal else click.echo
    with ExitStack() as stack:
        desk = stack.enter_context(DevDesk(chosen, timers, clock, echo))
        if console.is_terminal:
            stack.enter_context(Live(desk.board, console=console, refresh_per_second=4))
        try:
            desk.watch(ended)
        except KeyboardInterrupt:
            ended.set()
    click.echo(f"ended; the audit log stays in {chosen.folder / 'audit.db'}")
    sys.exit(0)
