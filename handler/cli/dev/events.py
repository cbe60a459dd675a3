"""`nightdrop events`: write sample events, as the platform's triggers send them."""

from __future__ import annotations

import json
import re
import uuid
from datetime import datetime
from typing import TYPE_CHECKING, Any, TextIO

import click

from handler.local.triggers.event_factory import SHAPES, Upload, timer_event
from handler.values.canonical_json import utc_now
from handler.values.rfc3339 import parse_rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable

_OFFSET = re.compile(r"[+-][0-9]{2}:[0-9]{2}$")


@click.group()
def events() -> None:
    """Write sample events to invoke the function with.

    \b
      nightdrop events make obs --key 'drop/line 4/camera.yaml' > event.json
      nightdrop events make timer | nightdrop invoke -
    """


@events.group(short_help="Write one event to standard output.")
def make() -> None:
    """Write one event to standard output, with sample values for omitted options.

    With all options given, the output is the same each time.

    \b
      nightdrop events make timer --user-event spec.yaml | nightdrop invoke -
      nightdrop events make obs --key 'drop/line 4/camera.yaml' > event.json
    """


def _moment(_context: click.Context, _parameter: click.Parameter, text: str | None) -> datetime:
    if text is None:
        return utc_now()
    at = parse_rfc3339(text)
    if at is None:
        raise click.BadParameter(
            "must be a time with its offset, such as 2026-11-24T02:00:00+08:00"
        )
    offset = _OFFSET.search(text)
    return at.astimezone(datetime.strptime(offset[0], "%z").tzinfo) if offset else at


def _new_id() -> str:
    return uuid.uuid4().hex.upper()


_TIME = click.option(
    "--time",
    "at",
    callback=_moment,
    metavar="TIME",
    help="Time of the event, such as 2026-11-24T02:00:00+08:00.  [default: now]",
)
_UPLOAD = (
    click.option("--bucket", default="nightdrop-drop", show_default=True, help="The bucket."),
    click.option(
        "--key",
        default="drop/camera.yaml",
        show_default=True,
        help="The object's key; the event has it encoded.",
    ),
    click.option(
        "--size", type=click.IntRange(0), default=914, show_default=True, help="Its size in bytes."
    ),
    click.option(
        "--etag",
        default="",
        help="Its entity tag; another object under this key is not run.  [default: none]",
    ),
    click.option(
        "--version-id",
        default="null",
        show_default=True,
        help="Its version; null in a bucket without versioning.",
    ),
    click.option(
        "--event-name", default="ObjectCreated:Put", show_default=True, help="The kind of change."
    ),
    click.option(
        "--request-id", default=_new_id, help="The id of the upload request.  [default: random]"
    ),
    _TIME,
)


def _upload_options(command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(_UPLOAD):
        command = option(command)
    return command


@make.command(short_help="A tick of a timer.")
@click.option("--name", default="nightly", show_default=True, help="The trigger's name.")
@click.option(
    "--user-event",
    type=click.File("r", encoding="utf-8"),
    help="File with the event's text, - for standard input.  [default: a run of the reconciler]",
)
@_TIME
def timer(name: str, user_event: TextIO | None, at: datetime) -> None:
    """Write an event of a timer, with the spec as text.

    \b
      nightdrop events make timer --time 2026-11-24T02:00:00+08:00
      nightdrop events make timer --name nightly-upgrade --user-event spec.yaml
    """
    text = user_event.read() if user_event else '{"action": "reconcile"}'
    _write(timer_event(name, text, at))


def _add_upload_command(shape: str, kind: str) -> None:
    @make.command(
        name=shape,
        short_help=f"An upload, as {kind}.",
        help=f"Write {kind}.\n\n\b\n  nightdrop events make {shape} --key 'drop/a b.yaml'\n"
        f"  nightdrop events make {shape} | nightdrop invoke -",
    )
    @_upload_options
    def command(**upload: Any) -> None:  # noqa: ANN401 - click's options
        _write(SHAPES[shape](Upload(**upload)))


_add_upload_command("obs", "an event of OBS in format 3.0")
_add_upload_command("obs-s3", "an event of OBS in format 2.0, which is that of S3")
_add_upload_command("eventgrid", "an event of EventGrid, a CloudEvent")


def _write(event: object) -> None:
    click.echo(json.dumps(event, indent=2))
