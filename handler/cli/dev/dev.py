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

from handler.cli.console import exit_with_error, screen
from handler.cli.dev.local_run import LocalRun
from handler.cli.dev.run_plan import DevOptions, plan_run
from handler.cli.shared_options import EXISTING_FILE, FOLDER, NumberRange
from handler.errors import StartError
from handler.local.processes.subprocesses import stop_signals
from handler.values.display import display

if TYPE_CHECKING:
    from collections.abc import Iterator
    from threading import Event

    from handler.cli.dev.run_plan import DevPlan

_INTERRUPTED = 130


@click.command()
@click.option(
    "--drop",
    type=FOLDER,
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
@click.option("--settings", type=EXISTING_FILE, help="NAME=value lines: settings for the function.")
@click.option(
    "--dir",
    "folder",
    type=FOLDER,
    default=Path("dev"),
    show_default=True,
    help="Folder for the audit log, the emulator's state, failure notices and output.",
)
@click.option(
    "--instances",
    default=1,
    show_default=True,
    type=click.IntRange(1, 8),
    help="Instances of the function that run in parallel.",
)
@click.option(
    "--retries",
    default=1,
    show_default=True,
    type=click.IntRange(0, 3),
    help="Retries of a failed event.",
)
@click.option(
    "--shape",
    default="obs",
    show_default=True,
    type=click.Choice(["obs", "obs-s3", "eventgrid"]),
    help="Format of the bucket's events.",
)
@click.option(
    "--speed",
    type=NumberRange(0.01, 86_400),
    help="Speed of the timers' clock and of the emulated fleet, as a factor.  [default: 1 for the "
    "clock, 60 for the fleet]",
)
@click.option("--start", type=click.DateTime(), help="Initial time of the timers' clock.")
@click.option(
    "--chaos", type=int, metavar="SEED", help="Deliver some events twice, late or out of order."
)
@click.option("--fleet", type=EXISTING_FILE, help="The nodes of the emulated fleet, as YAML.")
@click.option(
    "--no-agency", is_flag=True, help="Run the function without an agency, and so without keys."
)
@click.option(
    "--odd-clock",
    is_flag=True,
    help="Report the remaining time as openEuler YuanRong does: already used up.",
)
@click.option(
    "--once", is_flag=True, help="Exit when what is in the drop folder is done and its jobs ended."
)
def dev(**options: object) -> None:
    """Run everything locally: an emulated cloud, the function, timers, and a drop folder.

    The function runs under functions-framework and restarts when its source changes. Events arrive
    as FunctionGraph delivers them: asynchronously, with retries, and with a failure notice after
    the last one. Ctrl-C ends everything. Exit status: 0 ended on request, 1 a part failed, 2 could
    not start. With --once: 0 all jobs succeeded, 1 a file was rejected, empty or not uploaded, or a
    job did not succeed, 2 there is no drop folder, 75 something is not done.

    \b
      nightdrop dev
      nightdrop dev --once --drop specs
      nightdrop dev --timer 'tick=@every 1m={"action": "reconcile"}'
      nightdrop dev --speed 3600 --timer 'nightly=0 0 2 * * ?={"spec": "obs://nightdrop-drop/drop/n.yaml"}'
    """
    _run(plan_run(DevOptions(**options)))  # type: ignore[arg-type] # click has validated each of them


def _run(plan: DevPlan) -> None:
    """Run until Ctrl-C, and exit with the command's status.

    Raises:
        StartError: A part did not start.
    """
    console = screen()
    with stop_signals() as ended, watch_threads(ended) as failures:
        run = LocalRun(plan, ended, None if console.is_terminal else partial(_echo, ended))
        try:
            with ExitStack() as stack:
                if console.is_terminal:
                    stack.enter_context(Live(run.dashboard, console=console, refresh_per_second=4))
                stack.enter_context(run)
                failures.extend(filter(None, [run.watch()]))
        except KeyboardInterrupt:
            sys.exit(_INTERRUPTED)
        except OSError as error:
            if not ended.is_set():
                name = error.filename or f"the screen or the folder {plan.options.folder}"
                raise StartError(f"{name}: {error.strerror}") from error
            # The terminal was closed.
        _echo(ended, run.end_words())
    if failures:
        exit_with_error(f"it ended, because {failures[0]}", 1)
    if plan.options.once:
        sys.exit(run.exit_status())


@contextmanager
def watch_threads(ended: Event) -> Iterator[list[str]]:
    """Yield a list that receives a sentence for each thread that fails within the block.

    With a failed thread the run would look alive and do nothing, so `ended` is set.
    """
    failures: list[str] = []

    def hook(failed: threading.ExceptHookArgs) -> None:
        name = failed.thread.name if failed.thread else "a thread"
        reason = display(f"{failed.exc_type.__name__}: {failed.exc_value}")
        failures.append(f"its part {name!r} failed: {reason}")
        ended.set()

    before, threading.excepthook = threading.excepthook, hook
    try:
        yield failures
    finally:
        threading.excepthook = before


def _echo(ended: Event, text: str) -> None:
    try:
        click.echo(text)
    except OSError:  # the reader has closed the pipe
        ended.set()
