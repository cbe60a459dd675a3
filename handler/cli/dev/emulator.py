"""`nightdrop emulator`: local emulator of IEF, OBS and SMN."""

from __future__ import annotations

import errno
import json
import re
import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import click

from handler.cli.console import exit_with_error
from handler.cli.dev.emulator_process import (
    ENV_NAMES,
    check_env_file,
    run_with_command,
    serve_emulator,
)
from handler.cli.shared_options import FILE, FOLDER, NumberRange
from handler.emulator.ief.fleet_file import DEMO_FLEET, read_fleet
from handler.emulator.server import Emulator
from handler.local.triggers.event_factory import SHAPES, Upload
from handler.values.canonical_json import utc_now

if TYPE_CHECKING:
    from pathlib import Path

    from handler.emulator.obs.notifications import Notification

_JOB_SECONDS = 120.0
_SPEED = 60.0
_POST_SECONDS = 10.0


def _checked_url(
    _context: click.Context, _parameter: click.Parameter, url: str | None
) -> str | None:
    if url and not re.fullmatch(r"https?://[^/]+(/.*)?", url):
        raise click.BadParameter("must be the URL of a function, such as http://127.0.0.1:8080/")
    return url


@dataclass(frozen=True)
class EventSender:
    """Posts an event in one of `SHAPES` about each new object, as a bucket's notifications do."""

    url: str
    shape: str

    def __call__(self, notification: Notification) -> None:
        """Post one event.

        Raises:
            urllib3.exceptions.HTTPError: It was not accepted.
        """
        import urllib3  # only an emulator that posts events pays for it

        upload = Upload(**asdict(notification), at=utc_now(), ip="127.0.0.1")
        event = SHAPES[self.shape](upload)
        answer = urllib3.request(
            "POST",
            self.url,
            body=json.dumps(event).encode(),
            headers={"Content-Type": "application/json"},
            timeout=_POST_SECONDS,
            retries=False,
        )
        if answer.status >= 300:  # noqa: PLR2004 - anything but a success
            raise urllib3.exceptions.HTTPError(f"{self.url} answered {answer.status}")


@click.command()
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="Port on 127.0.0.1; 0 is any."
)
@click.option(
    "--env-file",
    type=FILE,
    help="Write NAME=value lines that point a function at the emulator; removed at its end.",
)
@click.option("--dir", "directory", type=FOLDER, help="Store jobs and buckets in this folder.")
@click.option(
    "--fleet",
    type=FILE,
    default=DEMO_FLEET,
    show_default="six nodes",
    help="YAML file with the nodes and groups; other targets fail, but for deployments.",
)
@click.option(
    "--speed",
    type=NumberRange(0, min_open=True),
    default=_SPEED,
    show_default=True,
    help="Seconds of the fleet's time in a real second; a small job takes 120, none more than 600.",
)
@click.option(
    "--failure-rate",
    type=NumberRange(0, 1),
    default=0.0,
    show_default=True,
    help="Probability that a task fails, where the fleet file does not say.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of all random choices.")
@click.option(
    "--notify",
    metavar="URL",
    callback=_checked_url,
    help="Post an event here for every new object.",
)
@click.option(
    "--shape",
    type=click.Choice(list(SHAPES)),
    default="obs",
    show_default=True,
    help="The format of that event.",
)
@click.option("--notices", is_flag=True, help="Let the function send notices to its topic.")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
def emulator(  # noqa: PLR0913 - one for each option
    *,
    command: tuple[str, ...],
    port: int,
    env_file: Path | None,
    directory: Path | None,
    fleet: Path,
    speed: float,
    failure_rate: float,
    seed: int,
    notify: str | None,
    shape: str,
    notices: bool,
) -> None:
    """Run a local emulator of IEF, OBS and SMN until Ctrl-C, or until COMMAND exits.

    COMMAND starts when the emulator is ready, with the settings that point at the emulator in its
    environment. The emulator exits with its exit status. COMMAND may be a shell.

    State is in memory, or with --dir in a folder, from which the next start continues. Signatures
    are checked. GET /_emulator/state returns the state, POST /_emulator/reset clears it, POST
    /_emulator/faults injects faults, GET /_emulator/credentials issues temporary keys, as for a
    function with an agency.

    \b
    Run a command or a shell against it:
      nightdrop emulator -- nightdrop invoke upgrade.yaml
      NIGHTDROP_AUDIT=sqlite:///my.db nightdrop emulator -- sh
    \b
    Point a function at it from another terminal:
      nightdrop emulator --port 8071 --env-file emulator.env
      curl -s http://127.0.0.1:8071/_emulator/state?only=jobs
    \b
    Your own fleet, on which every fifth task fails:
      nightdrop emulator --fleet my-fleet.yaml --failure-rate 0.2 --seed 7 --speed 60
    \b
    Send a function an event for every dropped file:
      nightdrop emulator --dir cloud --notify http://127.0.0.1:8080/ --shape eventgrid
    """
    try:
        if env_file:
            check_env_file(env_file, ENV_NAMES)
        instance = Emulator(
            port=port,
            job_seconds=_JOB_SECONDS,
            speed=speed,
            failure_rate=failure_rate,
            seed=seed,
            fleet=read_fleet(fleet, seed),
            directory=directory,
            raise_event=EventSender(notify, shape) if notify else None,
            notices=notices,
        )
        if command:
            sys.exit(run_with_command(instance, env_file, command))
        serve_emulator(instance, env_file, lambda url: click.echo(f"the emulator listens at {url}"))
    except BrokenPipeError:  # the reader has closed the pipe
        raise
    except OSError as error:
        exit_with_error(f"the emulator did not start: {_reason(error, port)}")


def _reason(error: OSError, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} of 127.0.0.1 is in use; name another with --port, or omit --port"
    named = f"{error.filename}: " if error.filename else ""
    return named + (error.strerror or str(error))
