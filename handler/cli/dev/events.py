"""`nightdrop events`: write sample events, as the platform's triggers send them."""

from __future__ import annotations

import json
import re
import uuid
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, TextIO

import click

from handler.local.triggers.event_factory import SHAPES, Upload, timer_event
from handler.values.rfc3339 import moment

if TYPE_CHECKING:
    from collections.abc import Callable

_OFFSET = re.compile(r"[+-][0-9]{2}:[0-9]{2}$")


@click.group(short_help="Write sample events of every trigger.")
def events() -> None:
    """Write sample events, to invoke the function with or to try a trigger's settings.

    \b
      nightdrop events make obs --key 'drop/line 4/camera.yaml' > event.json
    """


@events.group(short_help="Write one event to standard output.")
def make() -> None:
    """Write one event to standard output; what is not given is made up.

    The same command with all its options given writes the same event each time.

    \b
      nightdrop events make timer --user-event spec.yaml | nightdrop invoke -
      nightdrop events make obs --key 'drop/line 4/camera.yaml' > event.json
    """


def _moment(_context: click.Context, _parameter: click.Parameter, text: str | None) -> datetime:
    if text is None:
        return datetime.now(timezone.utc)
    at = moment(text)
    if at is None:
        raise click.BadParameter("write it with an offset, such as 2026-11-24T02:00:00+08:00")
    offset = _OFFSET.search(text)
    return at.astimezone(datetime.strptime(offset[0], "%z").tzinfo) if offset else at


def _new_id() -> str:
    return uuid.uuid4().hex.upper()


_TIME = click.option(
    "--time",
    "at",
    callback=_moment,
    metavar="TIME",
    help="When it fired, such as 2026-11-24T02:00:00+08:00; now, if left out.",
)
_UPLOAD = (
    click.option("--bucket", default="nightdrop-drop", show_default=True, help="Its bucket."),
    click.option(
        "--key",
        default="drop/camera.yaml",
        show_default=True,
        help="Its key as you know it; the event has it encoded.",
    ),
    click.option(
        "--size", type=click.IntRange(0), default=914, show_default=True, help="Its bytes."
    ),
    click.option(
        "--etag",
        default="4d0c9b52f7a861e3905bd27c18fe6a34",
        show_default=True,
        help="Its entity tag.",
    ),
    click.option(
        "--version-id",
        default="null",
        show_default=True,
        help="Its version; null in a bucket without versions.",
    ),
    click.option(
        "--event-name", default="ObjectCreated:Put", show_default=True, help="What happened to it."
    ),
    click.option(
        "--request-id",
        default=_new_id,
        help="The id of the upload, which tells it from another; made up, if left out.",
    ),
    _TIME,
)


def _about_an_upload(command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(_UPLOAD):
        command = option(command)
    return command


@make.command(short_help="A tick of a timer.")
@click.option("--name", default="nightly", show_default=True, help="The trigger's name.")
@click.option(
    "--user-event",
    type=click.File("r", encoding="utf-8"),
    help="File with the text that the event carries, - for standard input; if left out, it asks "
    "for the tick that settles and resumes.",
)
@_TIME
def timer(name: str, user_event: TextIO | None, at: datetime) -> None:
    """Write a tick of a timer; the spec goes in as text.

    \b
      nightdrop events make timer --name nightly-upgrade --user-event spec.yaml
    """
    text = user_event.read() if user_event else '{"action": "reconcile"}'
    _write(timer_event(name, text, at))


@make.command(short_help="A dropped object, as OBS tells of it.")
@_about_an_upload
def obs(**upload: Any) -> None:  # noqa: ANN401 - click's options
    """Write an object event of OBS in its 3.0 shape.

    \b
      nightdrop events make obs --key 'drop/line 4/camera.yaml'
    """
    _write(SHAPES["obs"](Upload(**upload)))


@make.command(name="obs-s3", short_help="The same in the shape of S3.")
@_about_an_upload
def obs_s3(**upload: Any) -> None:  # noqa: ANN401 - click's options
    """Write an object event of OBS in its 2.0 shape, which is that of S3.

    \b
      nightdrop events make obs-s3 --key drop/camera.yaml --size 914
    """
    _write(SHAPES["obs-s3"](Upload(**upload)))


@make.command(short_help="The same through EventGrid.")
@_about_an_upload
def eventgrid(**upload: Any) -> None:  # noqa: ANN401 - click's options
    """Write an object event of OBS as EventGrid passes it on, a CloudEvent.

    \b
      nightdrop events make eventgrid --key drop/camera.yaml
    """
    _write(SHAPES["eventgrid"](Upload(**upload)))


def _write(event: object) -> None:
    click.echo(json.dumps(event, indent=2))
