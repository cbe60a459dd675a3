"""`nightdrop dev`: FunctionGraph on your machine, in one terminal."""

from __future__ import annotations

import sys
import threading
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.live import Live

from handler.cli.console import complain, screen
from handler.cli.dev.environment import DevDesk
from handler.cli.dev.run_plan import DevOptions, plan_of
from handler.cli.shared_options import NumberRange
from handler.errors import SettingsError, StartError
from handler.local.processes.stop_signals import stop_signals
from handler.values.display import display

if TYPE_CHECKING:
    from collections.abc import Iterator
    from threading import Event

    from handler.cli.dev.run_plan import DevPlan

_FAILED, _WRONG, _INTERRUPTED = 1, 2, 130


@click.command(short_help="FunctionGraph on your machine: drop files, watch jobs.")
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
    type=NumberRange(0.01, 86_400),
    help="Seconds of the timers' clock and of the fleet's time in a second; without it the clock "
    "is the real one, and the fleet does a minute in a second.",
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
    retries, and a notice for what was given up. Ctrl-C ends everything. Exit status: 0 ended on
    request, 1 something failed, 2 it could not start.

    \b
      nightdrop dev
      nightdrop dev --timer 'tick=@every 1m={"action": "reconcile"}'
      nightdrop dev --speed 3600 --timer 'nightly=0 0 2 * * ?={"spec": "obs://nightdrop-drop/drop/n.yaml"}'
    """
    chosen = DevOptions(**options)  # type: ignore[arg-type] # click has checked each of them
    try:
        _run(plan_of(chosen))
    except (SettingsError, StartError) as error:
        complain(str(error))
        sys.exit(_WRONG)


def _run(plan: DevPlan) -> None:
    """Run until Ctrl-C, and exit with the command's status.

    Raises:
        StartError: Something did not start.
    """
    console = screen()
    with stop_signals() as ended, watched_threads(ended) as dead:
        desk = DevDesk(plan, ended, None if console.is_terminal else partial(_echo, ended))
        try:
            with ExitStack() as stack:
                if console.is_terminal:
                    stack.enter_context(Live(desk.board, console=console, refresh_per_second=4))
                stack.enter_context(desk)
                dead.extend(filter(None, [desk.watch()]))
        except KeyboardInterrupt:
            sys.exit(_INTERRUPTED)
        except OSError as error:
            if not ended.is_set():
                place = error.filename or f"the screen or the folder {plan.options.folder}"
                raise StartError(f"{place}: {error.strerror}") from error
            # The terminal was closed.
        _echo(ended, f"ended; everything is kept in {plan.options.folder}/")
    if dead:
        complain(f"it ended, because {dead[0]}")
        sys.exit(_FAILED)


@contextmanager
def watched_threads(ended: Event) -> Iterator[list[str]]:
    """Yield what is filled with a sentence for each thread that dies within the block.

    A thread that dies would leave a run that looks alive and does nothing, so the run ends.
    """
    dead: list[str] = []

    def hook(died: threading.ExceptHookArgs) -> None:
        name = died.thread.name if died.thread else "a thread"
        why = display(f"{died.exc_type.__name__}: {died.exc_value}")
        dead.append(f"its part {name!r} failed: {why}")
        ended.set()

    before, threading.excepthook = threading.excepthook, hook
    try:
        yield dead
    finally:
        threading.excepthook = before


def _echo(ended: Event, text: str) -> None:
    try:
        click.echo(text)
    except OSError:  # whoever read it has gone
        ended.set()
